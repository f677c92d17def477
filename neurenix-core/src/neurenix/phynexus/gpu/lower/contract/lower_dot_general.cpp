// PHX_DOT_GENERAL as a product.
#include <utility>

#include "../../../engine/failure.h"
#include "product.h"

namespace phynexus::gpu {

Product product_of_dot(const Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const Dot axes = read_params<Dot>(plan, instruction);
  const phx_value &lhs = plan.input(instruction, 0), &rhs = plan.input(instruction, 1),
                  &out = plan.output(instruction, 0);
  Product p{.dtype = out.dtype, .out = builder.place(out), .a = builder.place(lhs), .b = builder.place(rhs)};
  const int batch = int(axes.batch), m = int(axes.m), n = int(axes.n), k = int(axes.k);
  for (int d = 0; d < batch; d++)
    p.batch.push_back({out.shape[d], out.strides[d], lhs.strides[d], rhs.strides[d]});
  for (int d = 0; d < m; d++)
    p.m.push_back({.size = out.shape[batch + d], .out = out.strides[batch + d], .a = lhs.strides[batch + d]});
  for (int d = 0; d < n; d++)
    p.n.push_back({.size = out.shape[batch + m + d],
                   .out = out.strides[batch + m + d],
                   .b = rhs.strides[batch + k + d]});
  for (int d = 0; d < k; d++)
    p.k.push_back(
        {.size = lhs.shape[batch + m + d], .a = lhs.strides[batch + m + d], .b = rhs.strides[batch + d]});
  return p;
}

void lower_dot_general(Builder& builder, const phx_instruction& instruction) {
  if (builder.plan.input(instruction, 0).dtype == PHX_BOOL) lack("a matrix product of bool");
  Product product = product_of_dot(builder, instruction);
  if (!lower_by_library(builder, product)) lower_products(builder, {std::move(product)});
}

}  // namespace phynexus::gpu
