// PHX_DOT_GENERAL and the convolutions: copies of operands, loops and threads around the kernels in contract.h.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "../copy_step.h"
#include "../../codegen/x86/product_code.h"
#include "../teams.h"
#include "engine/layout/contraction.h"
#include "engine/layout/walk.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

template <class T, class Sum>
void plain_matmul(const MatmulProblem& p, const T* lhs, const T* rhs, T* out, Team&) {
  for (int64_t b = 0; b < p.batch; b++)
    for (int64_t i = 0; i < p.m; i++)
      for (int64_t j = 0; j < p.n; j++) {
        Sum sum = 0;
        for (int64_t k = 0; k < p.k; k++)
          sum += Sum(lhs[b * p.lhs_batch + i * p.lhs_m + k * p.lhs_k]) *
                 Sum(rhs[b * p.rhs_batch + k * p.rhs_k + j * p.rhs_n]);
        out[b * p.out_batch + i * p.out_m + j * p.out_n] = T(sum);
      }
}

// The base of both kinds of contraction: two operands, loops around a kernel, zeros for empty sums.
template <class T, class Problem>
struct ContractionStep final : Step {
  using Kernel = void (*)(const Problem&, const T*, const T*, T*, Team&);
  Place a, b, out;
  Problem problem{};
  Kernel kernel = nullptr;
  Walk<3> outer;  // out, a, b; bytes
  double work = 0;
  std::optional<CopyPieces> copy_a, copy_b, zeros;
  int64_t a_bytes = 0, b_bytes = 0;

  int64_t workspace_bytes(int) const override { return a_bytes + b_bytes; }

  void run(const Frame& frame) const override {
    char *x = a.at(frame.bases), *y = b.at(frame.bases), *to = out.at(frame.bases);
    if (zeros) {
      alignas(8) static const char nothing[8] = {};
      return zeros->run(frame, to, nothing);
    }
    if (copy_a) copy_a->run(frame, frame.workspace, x), x = frame.workspace;
    if (copy_b) copy_b->run(frame, frame.workspace + a_bytes, y), y = frame.workspace + a_bytes;
    const auto one = [&](const std::array<int64_t, 3>& at, Team& team) {
      kernel(problem, reinterpret_cast<const T*>(x + at[1]), reinterpret_cast<const T*>(y + at[2]),
             reinterpret_cast<T*>(to + at[0]), team);
    };
    const int64_t loops = outer.total();
    if (frame.context->arena && loops >= 4 && work > 300'000) {
      const int64_t grain = std::max<int64_t>(1, int64_t(100'000 / (work / double(loops))));
      parallel_ranges(frame, loops, grain, [&](int64_t begin, int64_t end, Worker& worker) {
        OneThread team(worker);
        outer.each(begin, end, [&](const auto& at) { one(at, team); });
      });
    } else {
      with_team(frame, [&](Team& team) { outer.each(0, loops, [&](const auto& at) { one(at, team); }); });
    }
  }
};

// Products that were written as code, one after the other.
struct ProductStep final : Step {
  Place lhs, rhs, out;
  ProductCode code = nullptr;
  Walk<3> each;  // out, lhs, rhs; bytes
  double work = 0;
  // Where the rows of rhs are not dense they are copied first.
  decltype(ContractKernels::copy_matrix_f32) copy = nullptr;
  int64_t rows = 0, columns = 0, row_stride = 0, column_stride = 0, copied_stride = 0;
  // Where the columns of the output are dense, and not its rows, it is made beside and put there transposed.
  decltype(ContractKernels::copy_matrix_f32) transpose = nullptr;
  int64_t out_rows = 0, out_columns = 0, out_stride = 0;
  // Whole operands that are laid out anew, in the workspace.
  std::optional<CopyPieces> copy_lhs, copy_rhs;
  int64_t lhs_bytes = 0, rhs_bytes = 0;

  int64_t workspace_bytes(int) const override { return lhs_bytes + rhs_bytes; }

  void one(const float* a, const float* b, float* to, Worker& worker) const {
    if (!copy && !transpose) return code(a, b, to);
    const int64_t packed = copy ? rows * copied_stride : 0, beside = transpose ? out_rows * out_columns : 0;
    float* space = reinterpret_cast<float*>(worker.own.at_least((packed + beside) * int64_t(sizeof(float))));
    if (copy) {
      copy(b, row_stride, column_stride, space, copied_stride, rows, columns);
      b = space;
    }
    code(a, b, transpose ? space + packed : to);
    if (transpose) transpose(space + packed, 1, out_columns, to, out_stride, out_columns, out_rows);
  }

  void run(const Frame& frame) const override {
    const char *a = lhs.at(frame.bases), *b = rhs.at(frame.bases);
    char *to = out.at(frame.bases), *copied = frame.workspace;
    if (copy_lhs) copy_lhs->run(frame, copied, a), a = copied;
    if (copy_rhs) copy_rhs->run(frame, copied + lhs_bytes, b), b = copied + lhs_bytes;
    const auto one_at = [&](const std::array<int64_t, 3>& at, Worker& worker) {
      one(reinterpret_cast<const float*>(a + at[1]), reinterpret_cast<const float*>(b + at[2]),
          reinterpret_cast<float*>(to + at[0]), worker);
    };
    const int64_t count = each.total();
    if (count == 1) return one_at({}, *frame.context->worker);
    if (frame.context->arena && work > 300'000) {
      const int64_t grain = std::max<int64_t>(1, int64_t(100'000 / (work / double(count))));
      return parallel_ranges(frame, count, grain, [&](int64_t begin, int64_t end, Worker& worker) {
        each.each(begin, end, [&](const auto& at) { one_at(at, worker); });
      });
    }
    each.each(0, count, [&](const auto& at) { one_at(at, *frame.context->worker); });
  }
};

// Null where there is no code for the product.
StepPointer written_product(Lowering& lowering, const ContractionStep<float, MatmulProblem>& step) {
  using P = MatmulProblem;
  P p = step.problem;
  const bool packs = p.way == P::packed_each || (p.way == P::packed_once && p.batch == 1);
  if (!lowering.code || !(packs || p.way == P::in_place)) return nullptr;
  auto written = std::make_unique<ProductStep>();
  written->lhs = step.a;
  written->rhs = step.b;
  written->out = step.out;
  written->copy_lhs = step.copy_a, written->lhs_bytes = step.a_bytes;
  written->copy_rhs = step.copy_b, written->rhs_bytes = step.b_bytes;
  if (p.exchanged) {
    std::swap(written->lhs, written->rhs);
    std::swap(written->copy_lhs, written->copy_rhs);
    std::swap(written->lhs_bytes, written->rhs_bytes);
  }
  if (packs && p.n > 1 && p.rhs_n != 1) {
    written->copy = lowering.contract.copy_matrix_f32;
    written->rows = p.k;
    written->columns = p.n;
    written->row_stride = p.rhs_k;
    written->column_stride = p.rhs_n;
    written->copied_stride = p.rhs_k = (p.n + 15) / 16 * 16;
    p.rhs_n = 1;
  }
  if (p.out_n != 1 && p.out_m == 1 && p.m > 1) {
    written->transpose = lowering.contract.copy_matrix_f32;
    written->out_rows = p.m;
    written->out_columns = p.out_m = p.n;
    written->out_stride = p.out_n;
    p.out_n = 1;
  }
  written->code = write_product(p, lowering.extension, *lowering.code);
  if (!written->code) return nullptr;
  const int64_t size = sizeof(float);
  written->each.add_axis(p.batch, {p.out_batch * size, p.lhs_batch * size, p.rhs_batch * size});
  step.outer.for_axes([&](int64_t count, const std::array<int64_t, 3>& strides) {
    written->each.add_axis(
        count, p.exchanged ? std::array<int64_t, 3>{strides[0], strides[2], strides[1]} : strides);
  });
  written->work = step.work;
  return written;
}

template <class Contraction>
void fill_with_zeros(Contraction& step, const phx_value& out, const RuntimeKernels& kernels) {
  phx_value zero = out;
  std::fill(zero.strides, zero.strides + PHX_MAX_RANK, 0);
  step.zeros.emplace(zero, out, kernels);
}

template <class T>
StepPointer dot(Lowering& lowering, const phx_instruction& instruction,
                void (*kernel)(const MatmulProblem&, const T*, const T*, T*, Team&),
                MatmulProblem (*decide)(const MatmulProblem&) = nullptr) {
  const Plan& plan = lowering.plan;
  const phx_value &lhs = plan.input(instruction, 0), &rhs = plan.input(instruction, 1),
                  &out = plan.output(instruction, 0);
  auto step = std::make_unique<ContractionStep<T, MatmulProblem>>();
  step->a = lowering.place(lhs);
  step->b = lowering.place(rhs);
  step->out = lowering.place(out);
  step->kernel = kernel;
  if (element_count(out) == 0 || element_count(lhs) == 0) {
    fill_with_zeros(*step, out, lowering.kernels);
    return step;
  }
  const Arrangement way = arrange_dot(lhs, rhs, out, read_params<Dot>(plan, instruction));
  step->problem = {way.product};
  for (const Axis& axis : way.outer) {
    const int64_t size = sizeof(T);
    step->outer.add_axis(
        axis.size, {axis.strides[of_out] * size, axis.strides[of_lhs] * size, axis.strides[of_rhs] * size});
  }
  const MatmulProblem& p = step->problem;
  step->work = double(step->outer.total()) * double(p.batch) * double(p.m) * double(p.n) * double(p.k);
  if (decide) step->problem = decide(p);
  if (way.copy_lhs) {
    step->copy_a.emplace(lhs, dense_copy(lhs), lowering.kernels);
    step->a_bytes = round_up(element_count(lhs) * int64_t(sizeof(T)));
  }
  if (way.copy_rhs) {
    step->copy_b.emplace(rhs, dense_copy(rhs), lowering.kernels);
    step->b_bytes = round_up(element_count(rhs) * int64_t(sizeof(T)));
  }
  if constexpr (std::is_same_v<T, float>)
    if (StepPointer written = written_product(lowering, *step)) return written;
  return step;
}

ConvolutionProblem::Winograd winograd_setting() {
  static const bool off = [] {
    const char* wish = std::getenv("NEURENIX_CPU_WINOGRAD");
    return wish && std::string_view(wish) == "0";
  }();
  return off ? ConvolutionProblem::never : ConvolutionProblem::where_it_pays;
}

template <class T>
StepPointer convolution(Lowering& lowering, const phx_instruction& instruction,
                        void (*kernel)(const ConvolutionProblem&, const T*, const T*, T*, Team&)) {
  const Plan& plan = lowering.plan;
  const int b = int(read_params<Convolution>(plan, instruction).batch);
  const phx_value &first = plan.input(instruction, 0), &second = plan.input(instruction, 1),
                  &result = plan.output(instruction, 0);
  auto step = std::make_unique<ContractionStep<T, ConvolutionProblem>>();
  step->a = lowering.place(first);
  step->b = lowering.place(second);
  step->out = lowering.place(result);
  step->kernel = kernel;
  if (element_count(first) == 0 || element_count(second) == 0 || element_count(result) == 0) {
    fill_with_zeros(*step, result, lowering.kernels);
    return step;
  }
  step->problem = {convolution_layout(plan, instruction), winograd_setting()};
  for (int d = 0; d < b; d++)
    step->outer.add_axis(result.shape[d],
                         {byte_stride(result, d), byte_stride(first, d), byte_stride(second, d)});
  const ConvolutionProblem& q = step->problem;
  step->work = double(step->outer.total()) * double(q.images) * double(q.in_channels) *
               double(q.out_channels) * double(q.out_h) * double(q.out_w) * double(q.kernel_h) *
               double(q.kernel_w);
  return step;
}

}  // namespace

StepPointer lower_dot_general(Lowering& lowering, const phx_instruction& instruction) {
  const ContractKernels& kernels = lowering.contract;
  switch (lowering.plan.input(instruction, 0).dtype) {
    case PHX_FLOAT32: return dot<float>(lowering, instruction, kernels.matmul_f32, kernels.decide_matmul_f32);
    case PHX_FLOAT64:
      return dot<double>(lowering, instruction, kernels.matmul_f64, kernels.decide_matmul_f64);
    case PHX_INT32: return dot<int32_t>(lowering, instruction, plain_matmul<int32_t, uint32_t>);
    case PHX_INT64: return dot<int64_t>(lowering, instruction, plain_matmul<int64_t, uint64_t>);
    case PHX_UINT8: return dot<uint8_t>(lowering, instruction, plain_matmul<uint8_t, uint32_t>);
    default: return dot<uint32_t>(lowering, instruction, plain_matmul<uint32_t, uint32_t>);
  }
}

StepPointer lower_convolution(Lowering& lowering, const phx_instruction& instruction) {
  const ContractKernels& k = lowering.contract;
  if (lowering.plan.input(instruction, 0).dtype == PHX_FLOAT32)
    return convolution<float>(lowering, instruction,
                              instruction.opcode == PHX_CONV_GENERAL ? k.convolution_f32
                              : instruction.opcode == PHX_CONV_INPUT_GRADIENT
                                  ? k.convolution_input_gradient_f32
                                  : k.convolution_weight_gradient_f32);
  return convolution<double>(lowering, instruction,
                             instruction.opcode == PHX_CONV_GENERAL ? k.convolution_f64
                             : instruction.opcode == PHX_CONV_INPUT_GRADIENT
                                 ? k.convolution_input_gradient_f64
                                 : k.convolution_weight_gradient_f64);
}

}  // namespace phynexus
