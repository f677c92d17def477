// Kernels: plain loops over strided views. Make one faster, and nothing else has to change.
#include "kernels.h"

#include <algorithm>
#include <cstring>

#include "numbers.h"

namespace template_c {
namespace {

using Index = int64_t[PHX_MAX_RANK];

// Bytes from a view's element 0 to the element at this index.
int64_t offset_of(const phx_value& view, const int64_t* index) {
  int64_t elements = 0;
  for (int a = 0; a < view.rank; a++) elements += index[a] * view.strides[a];
  return elements * phynexus::item_bytes(view.dtype);
}

// Some axes of an iteration space, walked in row-major order.
struct Axes {
  const int64_t* shape;
  int numbers[PHX_MAX_RANK];
  int count = 0;

  explicit Axes(const int64_t* shape) : shape(shape) {}
  Axes(const int64_t* shape, int rank) : shape(shape) {
    for (int a = 0; a < rank; a++) add(a);
  }
  void add(int axis) { numbers[count++] = axis; }

  // f() for every index; those of these axes are 0 before and after.
  template <class F>
  void each(int64_t* index, const F& f) const {
    for (int k = 0; k < count; k++)
      if (shape[numbers[k]] == 0) return;
    for (;;) {
      f();
      int k = count - 1;
      while (k >= 0 && ++index[numbers[k]] == shape[numbers[k]]) index[numbers[k--]] = 0;
      if (k < 0) return;
    }
  }
};

// The addresses of a kernel's views in a frame.
struct Bound {
  const Kernel& kernel;
  const phynexus::Frame& frame;

  const phx_value& view(int k) const { return kernel.views[size_t(k)]; }
  char* base(int k) const { return kernel.places[size_t(k)].at(frame.bases); }
  Number get(int k, const int64_t* index) const {
    return load(view(k).dtype, base(k) + offset_of(view(k), index));
  }
  void set(int k, const int64_t* index, Number n) const {
    store(view(k).dtype, base(k) + offset_of(view(k), index), n);
  }
};

void copy(const Bound& at, int from, int to) {
  Index index = {};
  const size_t size = size_t(phynexus::item_bytes(at.view(from).dtype));
  Axes(at.view(from).shape, at.view(from).rank).each(index, [&] {
    std::memcpy(at.base(to) + offset_of(at.view(to), index), at.base(from) + offset_of(at.view(from), index),
                size);
  });
}

void iota(const Bound& at) {
  Index index = {};
  const int64_t axis = at.kernel.params[0];
  Axes(at.view(0).shape, at.view(0).rank).each(index, [&] {
    at.set(0, index, {double(index[axis]), index[axis]});
  });
}

// The registers of one place of a fused instruction's iteration space.
struct Registers {
  std::vector<Number> numbers;
  std::vector<int32_t> dtypes;

  void evaluate(const Bound& at, const int64_t* index, const int64_t* op, int64_t ops) {
    numbers.clear();
    dtypes.clear();
    for (int k = 0; k < at.kernel.inputs; k++) {
      numbers.push_back(at.get(k, index));
      dtypes.push_back(at.view(k).dtype);
    }
    // What an op does not take may have any number.
    const auto operand = [&](int64_t number) {
      return size_t(number) < numbers.size() ? numbers[size_t(number)] : Number{};
    };
    for (int64_t k = 0; k < ops; k++, op += 6) {
      const int32_t opcode = int32_t(op[0]), to = int32_t(op[1]);
      const int32_t from = dtypes[size_t(opcode == PHX_WHERE ? op[3] : op[2])];
      const Number a = operand(op[2]), b = operand(op[3]), c = operand(op[4]);
      numbers.push_back(element(opcode, from, to, a, b, c));
      dtypes.push_back(to);
    }
  }
};

void fused(const Bound& at) {
  const int64_t* p = at.kernel.params;
  const int64_t ops = p[0], reduced_axes = p[2], rank = p[3], *shape = p + 4, *op = shape + rank,
                *out = op + 6 * ops;
  Axes kept(shape), reduced(shape);
  for (int a = 0; a < rank; a++) (reduced_axes >> a & 1 ? reduced : kept).add(a);
  const int first_output = at.kernel.inputs;
  Registers registers;
  std::vector<Number> sums(size_t(at.kernel.outputs));
  Index index = {};
  kept.each(index, [&] {
    std::fill(sums.begin(), sums.end(), Number{});
    reduced.each(index, [&] {
      registers.evaluate(at, index, op, ops);
      for (int k = 0; k < at.kernel.outputs; k++) {
        const Number value = registers.numbers[size_t(out[2 * k])];
        if (out[2 * k + 1] == 0) {
          at.set(first_output + k, index, value);
        } else {  // in double: a float32 sum is rounded once
          sums[size_t(k)].d += value.d;
          sums[size_t(k)].i = int64_t(uint64_t(sums[size_t(k)].i) + uint64_t(value.i));
        }
      }
    });
    for (int k = 0; k < at.kernel.outputs; k++)
      if (out[2 * k + 1] != 0) at.set(first_output + k, index, sums[size_t(k)]);
  });
}

// lhs [batch.., m.., k..], rhs [batch.., k.., n..], out [batch.., m.., n..]
void dot_general(const Bound& at) {
  const int64_t* p = at.kernel.params;
  const int batch = int(p[0]), m = int(p[1]), n = int(p[2]), terms = int(p[3]);
  const phx_value &lhs = at.view(0), &out = at.view(2);
  Index index = {}, in_lhs, in_rhs, term = {};
  Axes(out.shape, out.rank).each(index, [&] {
    for (int k = 0; k < batch; k++) in_lhs[k] = in_rhs[k] = index[k];
    for (int k = 0; k < m; k++) in_lhs[batch + k] = index[batch + k];
    for (int k = 0; k < n; k++) in_rhs[batch + terms + k] = index[batch + m + k];
    Number sum;
    Axes(lhs.shape + batch + m, terms).each(term, [&] {
      for (int k = 0; k < terms; k++) in_lhs[batch + m + k] = in_rhs[batch + k] = term[k];
      const Number x = at.get(0, in_lhs), y = at.get(1, in_rhs);
      sum.d += x.d * y.d;
      sum.i = int64_t(uint64_t(sum.i) + uint64_t(x.i) * uint64_t(y.i));
    });
    at.set(2, index, sum);
  });
}

// f(index in `few`, index in x) for each element of what gather gives, or of the updates of scatter_add: the place in
// x that it comes from, or is added to.
template <class F>
void each_picked(const Bound& at, int few, const F& f) {
  const phx_value &x = at.view(0), &rows = at.view(1);
  const int axis = int(at.kernel.params[0]), batch = int(at.kernel.params[1]), width = rows.rank - batch;
  Index index = {}, in_x, in_rows;
  Axes(at.view(few).shape, at.view(few).rank).each(index, [&] {
    for (int k = 0; k < batch; k++) in_rows[k] = index[k];
    for (int k = 0; k < width; k++) in_rows[batch + k] = index[axis + k];
    const int64_t row = at.get(1, in_rows).i, last = x.shape[axis] - 1;
    for (int k = 0; k < axis; k++) in_x[k] = index[k];
    in_x[axis] = row < 0 ? 0 : row > last ? last : row;
    for (int k = axis + 1; k < x.rank; k++) in_x[k] = index[k - 1 + width];
    f(index, in_x);
  });
}

void gather(const Bound& at) {
  each_picked(at, 2, [&](const int64_t* index, const int64_t* in_x) { at.set(2, index, at.get(0, in_x)); });
}

void scatter_add(const Bound& at) {
  const int32_t dtype = at.view(0).dtype;
  if (at.base(0) != at.base(3)) copy(at, 0, 3);
  each_picked(at, 2, [&](const int64_t* index, const int64_t* in_x) {
    at.set(3, in_x, element(PHX_ADD, dtype, dtype, at.get(3, in_x), at.get(2, index), {}));
  });
}

}  // namespace

Kernel::Kernel(const phynexus::PlanLowering& lowering, const phx_instruction& instruction)
    : opcode(instruction.opcode),
      inputs(instruction.inputs),
      outputs(instruction.outputs),
      params(lowering.plan.params_of(instruction)) {
  for (int k = 0; k < inputs + outputs; k++) {
    views.push_back(*lowering.plan.operand(instruction, k));
    places.push_back(lowering.place(views.back()));
  }
}

void Kernel::run(const phynexus::Frame& frame) const {
  const Bound at{*this, frame};
  switch (opcode) {
    case PHX_FUSED: return fused(at);
    case PHX_COPY: return copy(at, 0, 1);
    case PHX_IOTA: return iota(at);
    case PHX_DOT_GENERAL: return dot_general(at);
    case PHX_GATHER: return gather(at);
    case PHX_SCATTER_ADD: return scatter_add(at);
  }
}

bool has_kernel(int32_t opcode) {
  switch (opcode) {
    case PHX_FUSED:
    case PHX_COPY:
    case PHX_IOTA:
    case PHX_DOT_GENERAL:
    case PHX_GATHER:
    case PHX_SCATTER_ADD: return true;
    default: return false;
  }
}

}  // namespace template_c
