// Sort, cumsum and products along an axis: random shapes, layouts, ties, NaN and infinities against plain loops.
#include <cmath>

#include "operands.h"

namespace engine_test {
namespace {

const double inf = INFINITY;

// Few different numbers, so that there are ties; of floats also NaN, infinities and both zeros.
void fill_with_ties(Operand& x) {
  const int32_t dtype = x.view.dtype;
  const double odd[] = {NAN, inf, -inf, -0.0, 0.0};
  for (int64_t i = 0; i < int64_t(x.bytes.size()) / size_of(dtype); i++) {
    double v = double(pick(dtype == PHX_UINT8 || dtype == PHX_UINT32 ? 0 : -3, 3));
    if ((dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64) && pick(0, 3) == 0) v = odd[pick(0, 4)];
    set(x.bytes.data(), dtype, i, v);
  }
}

bool same(double a, double b) { return a == b || (a != a && b != b); }

void sorts(int threads, int64_t most) {
  const Shape shape = joined({shape_of(0, 2, 4), {pick(0, most)}, shape_of(0, 2, 4)});
  const int64_t axis = pick(0, int64_t(shape.size()) - 1), n = shape[size_t(axis)];
  const int32_t dtype = kinds[pick(0, 5)];
  Operand x = operand(dtype, shape, true, 0), values = operand(dtype, shape, false, 0),
          from = operand(PHX_INT32, shape, false, 1);
  fill_with_ties(x);
  run_one(PHX_SORT, {&x, &values, &from}, {axis}, threads, 2);
  each_index(shape, [&](const Shape& i) {
    // the place of element i is the number of those that stand before it
    const double mine = read(x, i);
    int64_t place = 0;
    Shape j = i;
    for (j[size_t(axis)] = 0; j[size_t(axis)] < n; j[size_t(axis)]++) {
      const double other = read(x, j);
      const bool earlier = j[size_t(axis)] < i[size_t(axis)];
      if (mine != mine) place += other == other || earlier;
      else place += other < mine || (other == mine && earlier);
    }
    j[size_t(axis)] = place;
    CHECK(read(from, j) == double(i[size_t(axis)]), "argsort: %g, not %d", read(from, j),
          int(i[size_t(axis)]));
    CHECK(same(read(values, j), mine) && std::signbit(read(values, j)) == std::signbit(mine),
          "sort: %g, not %g", read(values, j), mine);
  });
}

// Whole numbers, so that a sum and a product are exact; integers wrap.
double wrapped(double x, int32_t dtype) {
  switch (dtype) {
    case PHX_UINT8: return double(uint8_t(int64_t(x)));
    case PHX_INT32: return double(int32_t(int64_t(x)));
    case PHX_UINT32: return double(uint32_t(int64_t(x)));
    default: return x;
  }
}

void cumsums_of_every_dtype(int threads) {
  const Shape shape = joined({shape_of(0, 2, 5), {pick(0, 40)}, shape_of(0, 1, 5)});
  const int64_t axis = pick(0, int64_t(shape.size()) - 1), n = shape[size_t(axis)], reverse = pick(0, 1);
  const int32_t dtype = kinds[pick(0, 5)];
  Operand x = operand(dtype, shape, true, 0), y = operand(dtype, shape, false, 0);
  const bool special = (dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64) && pick(0, 3) == 0;
  if (special) fill_with_ties(x);
  run_one(PHX_CUMSUM, {&x, &y}, {axis, reverse}, threads);
  each_index(shape, [&](const Shape& i) {
    if (i[size_t(axis)] != 0) return;
    double sum = 0;
    Shape j = i;
    for (int64_t k = 0; k < n; k++) {
      j[size_t(axis)] = reverse ? n - 1 - k : k;
      sum = wrapped(sum + read(x, j), dtype);
      CHECK(same(read(y, j), sum), "cumsum: %g, not %g", read(y, j), sum);
    }
  });
}

void products(int threads) {
  const Shape shape = joined({shape_of(0, 2, 5), {pick(0, 30)}, shape_of(0, 1, 5)});
  const size_t rank = shape.size(), axis = size_t(pick(0, int64_t(rank) - 1));
  const int32_t dtype = kinds[pick(0, 5)];
  Shape kept = shape;
  kept[axis] = 1;
  Operand x = operand(dtype, shape, true, 0), y = operand(dtype, kept, false, 0);
  y.view.strides[axis] = 0;
  for (int64_t i = 0; i < int64_t(x.bytes.size()) / size_of(dtype); i++)
    set(x.bytes.data(), dtype, i, double(pick(0, 12) == 0 ? 0 : pick(1, 2)));
  std::vector<int64_t> params = {0, 1, int64_t(1) << axis, int64_t(rank)};
  params.insert(params.end(), shape.begin(), shape.end());
  params.insert(params.end(), {0, PHX_PROD});
  run_one(PHX_FUSED, {&x, &y}, params, threads);
  each_index(kept, [&](const Shape& i) {
    double product = 1;
    Shape j = i;
    for (j[axis] = 0; j[axis] < shape[axis]; j[axis]++) product = wrapped(product * read(x, j), dtype);
    CHECK(read(y, i) == product, "prod: %g, not %g", read(y, i), product);
  });
}

}  // namespace

void test_along_axis() {
  for (int round = 0; round < 600 && !failures; round++) {
    sorts(round % 2 + 1, 9);
    cumsums_of_every_dtype(round % 2 + 1);
    products(round % 2 + 1);
  }
  for (int round = 0; round < 6 && !failures; round++) sorts(2, 900);  // for more than one thread
}

}  // namespace engine_test
