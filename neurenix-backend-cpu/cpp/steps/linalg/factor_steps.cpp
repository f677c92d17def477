// Cholesky and LU: each matrix is factored in a worker's memory, where its rows lie one behind the other.
#include <algorithm>

#include "matrices.h"

namespace phynexus {
namespace {

template <class T>
void cholesky(const Matrix& in, const Matrix& out, T* rows, int64_t n) {
  bool definite = true;
  for (int64_t i = 0; i < n && definite; i++) {
    T* row = rows + i * n;
    for (int64_t j = 0; j < i; j++) {
      const T* above = rows + j * n;
      row[j] = (in.at<T>(i, j) - inner_product(row, above, j)) / above[j];
    }
    const T left = in.at<T>(i, i) - inner_product(row, row, i);
    definite = left > 0;  // false for NaN
    row[i] = std::sqrt(left);
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      out.at<T>(i, j) = !definite ? std::numeric_limits<T>::quiet_NaN() : j <= i ? rows[i * n + j] : T(0);
}

template <class T>
void lu(const Matrix& in, const Matrix& out, char* order, int64_t order_stride, T* rows, int64_t n) {
  const auto from = [&](int64_t i) -> int32_t& {
    return *reinterpret_cast<int32_t*>(order + i * order_stride);
  };
  for (int64_t i = 0; i < n; i++) {
    from(i) = int32_t(i);
    for (int64_t j = 0; j < n; j++) rows[i * n + j] = in.at<T>(i, j);
  }
  for (int64_t k = 0; k < n; k++) {
    int64_t pivot = k;
    T best = std::abs(rows[k * n + k]);
    for (int64_t i = k + 1; i < n; i++) {
      const T size = std::abs(rows[i * n + k]);
      if (size > best || (std::isnan(size) && !std::isnan(best))) best = size, pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(rows + k * n, rows + (k + 1) * n, rows + pivot * n);
      std::swap(from(k), from(pivot));
    }
    const T* top = rows + k * n;
    if (top[k] == 0) continue;
    for (int64_t i = k + 1; i < n; i++) {
      T* row = rows + i * n;
      row[k] /= top[k];
      subtract_scaled(row + k + 1, top + k + 1, row[k], n - k - 1);
    }
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) out.at<T>(i, j) = rows[i * n + j];
}

struct CholeskyStep final : Step {
  Place in, out;
  Matrix in_matrix{}, out_matrix{};
  int64_t n = 0;
  bool wide = false;
  Walk<2> batch;

  void run(const Frame& frame) const override {
    if (n == 0) return;  // there is no memory to step through
    parallel_ranges(frame, batch.total(), matrix_grain(n * n * n / 3),
                    [&](int64_t begin, int64_t end, Worker& worker) {
                      char* memory = worker.own.at_least(n * n * (wide ? 8 : 4));
                      batch.each(begin, end, [&](const auto& at) {
                        const Matrix from = placed(in_matrix, in, frame, at[0]),
                                     to = placed(out_matrix, out, frame, at[1]);
                        if (wide) cholesky(from, to, reinterpret_cast<double*>(memory), n);
                        else cholesky(from, to, reinterpret_cast<float*>(memory), n);
                      });
                    });
  }
};

struct LuStep final : Step {
  Place in, out, order;
  Matrix in_matrix{}, out_matrix{};
  int64_t n = 0, order_stride = 0;
  bool wide = false;
  Walk<3> batch;

  void run(const Frame& frame) const override {
    if (n == 0) return;  // there is no memory to step through
    parallel_ranges(frame, batch.total(), matrix_grain(n * n * n),
                    [&](int64_t begin, int64_t end, Worker& worker) {
                      char* memory = worker.own.at_least(n * n * (wide ? 8 : 4));
                      batch.each(begin, end, [&](const auto& at) {
                        const Matrix from = placed(in_matrix, in, frame, at[0]),
                                     to = placed(out_matrix, out, frame, at[1]);
                        char* rows = order.at(frame.bases) + at[2];
                        if (wide) lu(from, to, rows, order_stride, reinterpret_cast<double*>(memory), n);
                        else lu(from, to, rows, order_stride, reinterpret_cast<float*>(memory), n);
                      });
                    });
  }
};

}  // namespace

StepPointer lower_cholesky(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value &in = lowering.plan.input(instruction, 0), &out = lowering.plan.output(instruction, 0);
  auto step = std::make_unique<CholeskyStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->in_matrix = matrix_of(in);
  step->out_matrix = matrix_of(out);
  step->n = in.shape[in.rank - 1];
  step->wide = in.dtype == PHX_FLOAT64;
  for (int d = 0; d < in.rank - 2; d++)
    step->batch.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d)});
  return step;
}

StepPointer lower_lu(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const phx_value &in = plan.input(instruction, 0), &out = plan.output(instruction, 0),
                  &order = plan.output(instruction, 1);
  auto step = std::make_unique<LuStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->order = lowering.place(order);
  step->in_matrix = matrix_of(in);
  step->out_matrix = matrix_of(out);
  step->n = in.shape[in.rank - 1];
  step->order_stride = byte_stride(order, order.rank - 1);
  step->wide = in.dtype == PHX_FLOAT64;
  for (int d = 0; d < in.rank - 2; d++)
    step->batch.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d), byte_stride(order, d)});
  return step;
}

}  // namespace phynexus
