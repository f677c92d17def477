// Random fused programs over random shapes and layouts, against one element at a time.
#include <cmath>

#include "plan_builder.h"

namespace engine_test {
namespace {

struct Op {
  int64_t opcode, dtype, a, b, c, immediate;
};

double wrap(double x, int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32: return float(x);
    case PHX_INT32: return int32_t(uint32_t(int64_t(x)));
    case PHX_UINT32: return uint32_t(int64_t(x));
    case PHX_UINT8: return uint8_t(int64_t(x));
    default: return x;
  }
}

double naive(const Op& op, double a, double b, double c, int32_t from) {
  const bool single = from == PHX_FLOAT32;
  switch (op.opcode) {
    case PHX_NEG: return wrap(-a, from);
    case PHX_ABS: return std::fabs(a);
    case PHX_SIGN: return a > 0 ? 1 : a < 0 ? -1 : a;
    case PHX_FLOOR: return std::floor(a);
    case PHX_ROUND: return std::nearbyint(a);
    case PHX_EXP: return wrap(std::exp(a), from);
    case PHX_TANH: return wrap(std::tanh(a), from);
    case PHX_SQRT: return single ? std::sqrt(float(a)) : std::sqrt(a);
    case PHX_IS_FINITE: return std::isfinite(a);
    case PHX_LOGICAL_NOT: return a == 0;
    case PHX_CAST:
      if (op.dtype == PHX_BOOL) return a != 0;
      if (op.dtype == PHX_FLOAT32 || op.dtype == PHX_FLOAT64) return wrap(a, int32_t(op.dtype));
      if (from == PHX_FLOAT32 || from == PHX_FLOAT64) {
        if (a != a) return 0;
        const double low = op.dtype == PHX_INT32 ? -2147483648.0 : 0;
        const double high = op.dtype == PHX_INT32 ? 2147483647.0 : op.dtype == PHX_UINT8 ? 255 : 4294967295.0;
        return std::trunc(std::min(std::max(a, low), high));
      }
      return wrap(a, int32_t(op.dtype));
    case PHX_INTEGER_POW: return wrap(std::pow(a, double(op.immediate)), from);
    case PHX_ADD: return wrap(a + b, from);
    case PHX_SUB: return wrap(a - b, from);
    case PHX_MUL: return wrap(a * b, from);
    case PHX_DIV: return wrap(a / b, from);
    case PHX_REMAINDER: {
      if (from != PHX_FLOAT32 && b == 0) return 0;
      const double r = std::fmod(a, b);
      return wrap(r != 0 && (r < 0) != (b < 0) ? r + b : r, from);
    }
    case PHX_MAXIMUM: return a != a ? a : b != b ? b : std::max(a, b);
    case PHX_MINIMUM: return a != a ? a : b != b ? b : std::min(a, b);
    case PHX_EQUAL: return a == b;
    case PHX_NOT_EQUAL: return a != b;
    case PHX_LESS: return a < b;
    case PHX_LESS_EQUAL: return a <= b;
    case PHX_GREATER: return a > b;
    case PHX_GREATER_EQUAL: return a >= b;
    case PHX_BITWISE_AND: return double(int64_t(a) & int64_t(b));
    case PHX_BITWISE_OR: return double(int64_t(a) | int64_t(b));
    case PHX_BITWISE_XOR: return wrap(double(int64_t(a) ^ int64_t(b)), from);
    case PHX_SHIFT_LEFT:
      return b < 0 || b >= 8 * size_of(from)
                 ? 0
                 : wrap(double(int64_t(uint64_t(int64_t(a)) << int64_t(b))), from);
    case PHX_SHIFT_RIGHT: return b < 0 || b >= 8 * size_of(from) ? 0 : double(int64_t(a) >> int64_t(b));
    case PHX_WHERE: return a != 0 ? b : c;
    default: return 0;
  }
}

// An op whose operands are there among the registers' dtypes.
bool random_op(const std::vector<int32_t>& dtypes, Op& op) {
  static const int any[] = {PHX_EQUAL,         PHX_NOT_EQUAL, PHX_LESS,  PHX_LESS_EQUAL, PHX_GREATER,
                            PHX_GREATER_EQUAL, PHX_WHERE,     PHX_WHERE, PHX_CAST};
  static const int real[] = {PHX_NEG,  PHX_ABS,  PHX_SIGN,      PHX_FLOOR,       PHX_ROUND,   PHX_EXP,
                             PHX_TANH, PHX_SQRT, PHX_IS_FINITE, PHX_INTEGER_POW, PHX_ADD,     PHX_SUB,
                             PHX_MUL,  PHX_MUL,  PHX_ADD,       PHX_DIV,         PHX_MAXIMUM, PHX_MINIMUM};
  static const int whole[] = {PHX_NEG,        PHX_ABS,         PHX_ADD,        PHX_SUB,
                              PHX_REMAINDER,  PHX_MAXIMUM,     PHX_MINIMUM,    PHX_BITWISE_AND,
                              PHX_BITWISE_OR, PHX_BITWISE_XOR, PHX_SHIFT_LEFT, PHX_SHIFT_RIGHT};
  static const int logical[] = {PHX_LOGICAL_NOT, PHX_BITWISE_AND, PHX_BITWISE_OR, PHX_BITWISE_XOR};
  const auto choose = [](const auto& list) { return list[size_t(pick(0, int64_t(std::size(list)) - 1))]; };
  op = {0, 0, pick(0, int64_t(dtypes.size()) - 1), -1, -1, 0};
  const int32_t from = dtypes[size_t(op.a)];
  op.opcode = pick(0, 2) == 0                              ? choose(any)
              : from == PHX_FLOAT32 || from == PHX_FLOAT64 ? choose(real)
              : from == PHX_BOOL                           ? choose(logical)
                                                           : choose(whole);
  op.dtype = from;
  const auto another = [&](int32_t dtype) {
    for (int i = 0; i < 20; i++) {
      const int64_t r = pick(0, int64_t(dtypes.size()) - 1);
      if (dtypes[size_t(r)] == dtype) return r;
    }
    return int64_t(-1);
  };
  if (op.opcode == PHX_WHERE) {
    op.b = op.a;
    op.c = another(from);
    op.a = another(PHX_BOOL);
    return op.a >= 0 && op.c >= 0;
  }
  if (op.opcode == PHX_CAST) {
    static const int targets[] = {PHX_FLOAT32, PHX_FLOAT64, PHX_INT32, PHX_UINT32, PHX_UINT8, PHX_BOOL};
    op.dtype = choose(targets);
    return true;
  }
  if (op.opcode == PHX_INTEGER_POW) op.immediate = pick(-2, 3);
  if (op.opcode == PHX_IS_FINITE) op.dtype = PHX_BOOL;
  if (op.opcode < PHX_ADD) return true;
  op.b = another(from);
  if (op.opcode >= PHX_EQUAL && op.opcode <= PHX_GREATER_EQUAL) op.dtype = PHX_BOOL;
  return op.b >= 0;
}

Shape random_shape() {
  Shape shape;
  const int64_t kind = pick(0, 9);
  if (kind == 0) {  // up to 8 axes
    for (int64_t d = pick(3, 8); d > 0; d--) shape.push_back(pick(1, 3));
  } else if (kind == 1) {  // something empty
    for (int64_t d = pick(1, 4); d > 0; d--) shape.push_back(pick(0, 2));
  } else if (kind < 4) {  // large
    shape = pick(0, 1) ? Shape{pick(1, 40), pick(1, 700)} : Shape{pick(1, 5000)};
    if (pick(0, 1)) std::swap(shape.front(), shape.back());
  } else {
    for (int64_t d = pick(0, 3); d > 0; d--) shape.push_back(pick(0, 3) == 0 ? 1 : pick(1, 45));
    while (count_of(shape) > 40000) shape.pop_back();
  }
  return shape;
}

struct Reduction {
  double sum = 0, size = 0;  // of the magnitudes, for the tolerance
};

void one_program(int round) {
  Builder b;
  const Shape shape = random_shape();
  static const int kinds[] = {PHX_FLOAT32, PHX_FLOAT32, PHX_FLOAT32, PHX_FLOAT64,
                              PHX_INT32,   PHX_BOOL,    PHX_UINT32,  PHX_UINT8};
  const int64_t input_count = pick(1, 4), op_count = pick(0, 9);
  std::vector<int32_t> dtypes;
  std::vector<phx_value> inputs;
  std::vector<Bytes> in, out;
  for (int64_t k = 0; k < input_count; k++) {
    const int32_t dtype = k > 0 && pick(0, 1) ? dtypes[0] : kinds[pick(0, 7)];
    Shape strides;
    int64_t offset;
    const int64_t bytes = random_layout(shape, dtype, true, strides, offset);
    if (bytes == 0) offset = 0;
    inputs.push_back(value(dtype, shape, strides, PHX_INPUT, int32_t(k), offset));
    in.emplace_back(size_t(bytes));
    for (int64_t i = 0; i < bytes / size_of(dtype); i++) {
      double x = dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64
                     ? normal()
                     : double(pick(dtype == PHX_INT32 ? -20 : 0, dtype == PHX_BOOL ? 1 : 50));
      if (dtype == PHX_FLOAT32 && pick(0, 60) == 0) x = pick(0, 1) ? INFINITY : -0.0;
      set(in.back().data(), dtype, i, x);
    }
    b.input_bytes.push_back(bytes);
    dtypes.push_back(dtype);
  }
  std::vector<Op> ops;
  for (int64_t i = 0; i < op_count; i++) {
    Op op;
    if (!random_op(dtypes, op)) continue;
    ops.push_back(op);
    dtypes.push_back(int32_t(op.dtype));
  }
  const int64_t output_count = pick(1, 3);
  int64_t reduced = 0;
  for (size_t d = 0; d < shape.size(); d++) reduced |= pick(0, 1) << d;
  std::vector<int64_t> params{int64_t(ops.size()), output_count, reduced, int64_t(shape.size())};
  params.insert(params.end(), shape.begin(), shape.end());
  for (const Op& op : ops) params.insert(params.end(), {op.opcode, op.dtype, op.a, op.b, op.c, op.immediate});
  std::vector<phx_value> outputs;
  std::vector<std::pair<int64_t, int64_t>> ends;
  for (int64_t k = 0; k < output_count; k++) {
    const int64_t reg = pick(0, 3) ? int64_t(dtypes.size()) - 1 : pick(0, int64_t(dtypes.size()) - 1);
    int32_t dtype = dtypes[size_t(reg)];
    static const int joins[] = {PHX_SUM, PHX_SUM, PHX_MAX, PHX_MIN};
    int64_t reduction = pick(0, 1) ? 0 : dtype == PHX_BOOL ? pick(PHX_ANY, PHX_ALL) : joins[pick(0, 3)];
    if (reduction && pick(0, 2) == 0) reduction = PHX_ARGMAX, dtype = PHX_INT32;
    Shape out_shape = shape, strides;
    if (reduction)
      for (size_t d = 0; d < shape.size(); d++)
        if (reduced >> d & 1) out_shape[d] = 1;
    int64_t offset;
    const int64_t bytes = random_layout(out_shape, dtype, false, strides, offset);
    if (bytes == 0) offset = 0;
    outputs.push_back(value(dtype, out_shape, strides, PHX_OUTPUT, int32_t(k), offset));
    out.emplace_back(size_t(bytes));
    b.output_bytes.push_back(bytes);
    ends.push_back({reg, reduction});
    params.insert(params.end(), {reg, reduction});
  }
  std::vector<const phx_value*> pointers;
  for (const phx_value& v : outputs) pointers.push_back(&v);
  b.add(PHX_FUSED, inputs, pointers, params);
  b.region(int32_t(input_count), int32_t(output_count), 0);
  CHECK(run(b, in, out, round % 2 + 1), "program %d: %s", round, api().last_error());
  if (failures) return;

  std::vector<std::map<int64_t, Reduction>> totals(static_cast<size_t>(output_count));
  std::vector<std::map<int64_t, std::vector<double>>> candidates(static_cast<size_t>(output_count));
  for (int64_t k = 0; k < output_count; k++)  // also where nothing is reduced
    if (ends[size_t(k)].second) {
      const phx_value& v = outputs[size_t(k)];
      each_index(Shape(v.shape, v.shape + v.rank), [&](const Shape& index) {
        const int64_t r = ends[size_t(k)].second;
        totals[size_t(k)][at(v, index)].sum = r == PHX_MAX   ? -INFINITY
                                              : r == PHX_MIN ? INFINITY
                                                             : r == PHX_ALL;
      });
    }
  int compared = 0, wrong = 0;
  each_index(shape, [&](const Shape& index) {
    std::vector<double> registers;
    for (size_t k = 0; k < inputs.size(); k++)
      registers.push_back(get(in[k].data(), inputs[k].dtype, at(inputs[k], index)));
    for (const Op& op : ops) {
      const auto reg = [&](int64_t r) { return r < 0 ? 0 : registers[size_t(r)]; };
      const int64_t typed = op.opcode == PHX_WHERE ? op.b : op.a;
      registers.push_back(naive(op, reg(op.a), reg(op.b), reg(op.c), dtypes[size_t(typed)]));
    }
    for (size_t k = 0; k < outputs.size(); k++) {
      const double x = registers[size_t(ends[k].first)];
      const phx_value& v = outputs[k];
      if (!ends[k].second) {
        const double y = get(out[k].data(), v.dtype, at(v, index));
        // Where rounding tips a comparison or a floor, an element may be quite another: few may.
        compared++;
        if ((x != x && y != y) || x == y || std::fabs(x - y) < 1e-2 * (std::fabs(x) + 1e-3)) continue;
        wrong++;
        CHECK(ops.size() > 4, "program %d: %.9g, not %.9g", round, y, x);
        continue;
      }
      Shape where = index;
      for (size_t d = 0; d < shape.size(); d++)
        if (reduced >> d & 1) where[d] = 0;
      if (ends[k].second == PHX_ARGMAX) {  // in row-major order
        candidates[k][at(v, where)].push_back(x);
        continue;
      }
      Reduction& total = totals[k][at(v, where)];
      switch (ends[k].second) {
        case PHX_SUM: total.sum += x; break;
        case PHX_MAX:
          total.sum = total.sum != total.sum ? total.sum : x != x ? x : std::max(total.sum, x);
          break;
        case PHX_MIN:
          total.sum = total.sum != total.sum ? total.sum : x != x ? x : std::min(total.sum, x);
          break;
        case PHX_ANY: total.sum = total.sum != 0 || x != 0; break;
        default: total.sum = total.sum != 0 && x != 0;
      }
      total.size += std::fabs(x);
    }
  });
  CHECK(wrong <= 3 + compared / 20, "program %d: %d of %d elements", round, wrong, compared);
  for (size_t k = 0; k < outputs.size(); k++)
    for (const auto& [element, values] : candidates[k]) {
      const int64_t found = int64_t(get(out[k].data(), PHX_INT32, element));
      CHECK(found >= 0 && found < int64_t(values.size()), "program %d argmax: %d", round, int(found));
      if (failures) return;
      size_t best = 0;
      for (size_t i = 1; i < values.size(); i++)
        if (values[i] > values[best] || (values[i] != values[i] && values[best] == values[best])) best = i;
      const double x = values[best], y = values[size_t(found)];
      const bool close = !ops.empty() && std::fabs(x - y) <= 1e-2 * (std::fabs(x) + 1e-3);
      CHECK(size_t(found) == best || close || ops.size() > 4, "program %d argmax: %d, not %d", round,
            int(found), int(best));
    }
  for (size_t k = 0; k < outputs.size(); k++)
    for (const auto& [element, total] : totals[k]) {
      if (ends[k].second == PHX_ARGMAX) continue;
      const phx_value& v = outputs[k];
      const double y = get(out[k].data(), v.dtype, element),
                   x = ends[k].second == PHX_SUM && v.dtype != PHX_FLOAT64 && v.dtype != PHX_FLOAT32
                           ? wrap(total.sum, v.dtype)
                           : total.sum;
      if (count_of(shape) == 0 && v.dtype != PHX_FLOAT32) continue;
      const double slack = ops.size() < 3 && ends[k].second == PHX_SUM ? 4e-6 * (total.size + 1e-6)
                                                                       : 1e-2 * (total.size + 1e-3);
      CHECK(
          (x != x && y != y) || x == y || std::fabs(x - y) <= slack || !(total.size < 1e30) || ops.size() > 4,
          "program %d reduction: %.9g, not %.9g (of %g)", round, y, x, total.size);
    }
}

// Values in place of an input: output k over input j, several ops, so that an early write would show.
void in_place() {
  for (int64_t n : {1, 7, 40, 3000}) {
    Builder b;
    const Shape shape{n};
    const phx_value x = dense(PHX_FLOAT32, shape, PHX_INPUT, 0), y = dense(PHX_FLOAT32, shape, PHX_INPUT, 1);
    const phx_value first = dense(PHX_FLOAT32, shape, PHX_OUTPUT, 0),
                    second = dense(PHX_FLOAT32, shape, PHX_OUTPUT, 1);
    // first = x + y (over x), second = x - y (over y)
    b.add(PHX_FUSED, {x, y}, {&first, &second},
          {2, 2, 0, 1, n, PHX_ADD, PHX_FLOAT32, 0, 1, -1, 0, PHX_SUB, PHX_FLOAT32, 0, 1, -1, 0, 2, 0, 3, 0});
    // and a mere swap
    b.region(2, 2, 0);
    b.input_bytes = b.output_bytes = {n * 4, n * 4};
    Builder swap;
    swap.add(PHX_FUSED, {x, y}, {&first, &second}, {0, 2, 0, 1, n, 1, 0, 0, 0});
    swap.region(2, 2, 0);
    swap.input_bytes = swap.output_bytes = {n * 4, n * 4};
    for (const Builder* which : {&b, &swap}) {
      std::vector<float> p(static_cast<size_t>(n)), q(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; i++) p[size_t(i)] = float(i), q[size_t(i)] = float(3 * i + 1);
      const phx_plan plan = which->plan();
      phx_executable* executable = nullptr;
      CHECK(api().compile(shared_engine(1), &plan, &executable) == PHX_OK, "%s", api().last_error());
      void* both[] = {p.data(), q.data()};
      CHECK(api().run(executable, both, both) == PHX_OK, "%s", api().last_error());
      api().release_executable(executable);
      for (int64_t i = 0; i < n; i++) {
        const float x0 = float(i), y0 = float(3 * i + 1);
        const bool is_swap = which == &swap;
        CHECK(p[size_t(i)] == (is_swap ? y0 : x0 + y0) && q[size_t(i)] == (is_swap ? x0 : x0 - y0),
              "in place %d", int(i));
      }
    }
  }
}

// Sums stay accurate: a million numbers, along either axis, and all of them.
void accurate_sums() {
  const int64_t rows = 20000, columns = 50;
  std::vector<Bytes> in(1, Bytes(size_t(rows * columns * 4)));
  std::vector<double> by_column(static_cast<size_t>(columns));
  double all = 0;
  for (int64_t i = 0; i < rows * columns; i++) {
    set(in[0].data(), PHX_FLOAT32, i, 1 + 0.1 * normal());
    by_column[size_t(i % columns)] += get(in[0].data(), PHX_FLOAT32, i);
    all += get(in[0].data(), PHX_FLOAT32, i);
  }
  std::vector<Bytes> before;
  for (int threads : {1, 2, 3}) {
    Builder b;
    const phx_value x = dense(PHX_FLOAT32, {rows, columns}, PHX_INPUT);
    const phx_value down = dense(PHX_FLOAT32, {1, columns}, PHX_OUTPUT, 0),
                    total = dense(PHX_FLOAT32, {1, 1}, PHX_OUTPUT, 1);
    b.add(PHX_FUSED, {x}, {&down}, {0, 1, 1, 2, rows, columns, 0, PHX_SUM});
    b.add(PHX_FUSED, {x}, {&total}, {0, 1, 3, 2, rows, columns, 0, PHX_SUM});
    b.region(1, 2, 0);
    b.input_bytes = {rows * columns * 4};
    b.output_bytes = {columns * 4, 4};
    std::vector<Bytes> out{Bytes(size_t(columns) * 4), Bytes(4)};
    CHECK(run(b, in, out, threads), "%s", api().last_error());
    for (int64_t c = 0; c < columns; c++)
      CHECK(std::fabs(get(out[0].data(), PHX_FLOAT32, c) / by_column[size_t(c)] - 1) < 4e-7, "column sum");
    CHECK(std::fabs(get(out[1].data(), PHX_FLOAT32, 0) / all - 1) < 4e-7, "sum");
    CHECK(before.empty() || before == out, "threads change a sum");
    before = out;
  }
}

}  // namespace

void test_elementwise() {
  in_place();
  accurate_sums();
  for (int round = 0; round < 3000 && !failures; round++) one_program(round);
}

}  // namespace engine_test
