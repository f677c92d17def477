// Cholesky, LU and triangular solving: random batches and layouts against plain loops in double precision.
#include <cmath>

#include "operands.h"

namespace engine_test {
namespace {

using Numbers = std::vector<double>;  // a matrix, row by row

Numbers random_matrix(int64_t rows, int64_t columns) {
  Numbers m(size_t(rows * columns));
  for (double& x : m) x = normal();
  return m;
}

Numbers positive_definite(int64_t n) {
  const Numbers m = random_matrix(n, n);
  Numbers a(size_t(n * n));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = i == j ? double(n) : 0;
      for (int64_t k = 0; k < n; k++) sum += m[size_t(i * n + k)] * m[size_t(j * n + k)];
      a[size_t(i * n + j)] = sum;
    }
  return a;
}

// Matrices of any layout, in which no two elements share memory.
Operand matrices(int32_t dtype, const Shape& shape, int32_t index, bool input) {
  Operand x = operand(dtype, shape, false, index);
  x.view.space = input ? PHX_INPUT : PHX_OUTPUT;
  return x;
}

Shape matrix_index(const Shape& batch, int64_t i, int64_t j) { return joined({batch, {i, j}}); }

void put(Operand& x, const Shape& batch, const Numbers& m, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      set(x.bytes.data(), x.view.dtype, at(x.view, matrix_index(batch, i, j)), m[size_t(i * columns + j)]);
}

// What the engine reads: rounded to its dtype.
Numbers taken(const Operand& x, const Shape& batch, int64_t rows, int64_t columns) {
  Numbers m;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) m.push_back(read(x, matrix_index(batch, i, j)));
  return m;
}

int64_t some_size(int64_t most) {
  const int64_t few[] = {0, 1, 2, 3, 7, 8, 9};
  return pick(0, 2) ? few[pick(0, 6)] : pick(1, most);
}

bool near(double found, double wanted, double scale, int32_t dtype) {
  return std::abs(found - wanted) <= (dtype == PHX_FLOAT32 ? 2e-5 : 1e-12) * (1 + scale);
}

void choleskys(int32_t dtype, int threads, int64_t most) {
  const int64_t n = some_size(most);
  const Shape batch = shape_of(0, 2, 4), shape = joined({batch, {n, n}});
  Operand a = matrices(dtype, shape, 0, true), out = matrices(dtype, shape, 0, false);
  std::map<Shape, int64_t> broken;  // where a batch's matrix stops being positive definite
  each_index(batch, [&](const Shape& b) {
    Numbers m = positive_definite(n);
    for (int64_t i = 0; i < n; i++)  // it is not to be read
      for (int64_t j = i + 1; j < n; j++) m[size_t(i * n + j)] = NAN;
    if (n && pick(0, 3) == 0) {
      const double bad[] = {-1.0, 0.0, NAN, -INFINITY};
      const int64_t at = broken[b] = pick(0, n - 1);
      m[size_t(at * n + at)] = bad[pick(0, 3)];
    }
    put(a, b, m, n, n);
  });
  run_one(PHX_CHOLESKY, {&a, &out}, {}, threads);
  each_index(batch, [&](const Shape& b) {
    const Numbers m = taken(a, b, n, n), found = taken(out, b, n, n);
    Numbers l(size_t(n * n), 0);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j <= i; j++) {
        double left = m[size_t(i * n + j)];
        for (int64_t k = 0; k < j; k++) left -= l[size_t(i * n + k)] * l[size_t(j * n + k)];
        l[size_t(i * n + j)] = i == j ? std::sqrt(left) : left / l[size_t(j * n + j)];
      }
    for (size_t e = 0; e < found.size(); e++) {
      if (broken.count(b)) CHECK(std::isnan(found[e]), "cholesky of no positive definite: %g", found[e]);
      else CHECK(near(found[e], l[e], double(n), dtype), "cholesky: %g, not %g", found[e], l[e]);
    }
  });
}

void lus(int32_t dtype, int threads, int64_t most) {
  const int64_t n = some_size(most), kind = pick(0, 4);
  const Shape batch = shape_of(0, 2, 4), shape = joined({batch, {n, n}});
  Operand a = matrices(dtype, shape, 0, true), out = matrices(dtype, shape, 0, false),
          order = operand(PHX_INT32, joined({batch, {n}}), false, 1);
  each_index(batch, [&](const Shape& b) {
    Numbers m = random_matrix(n, n);
    if (kind == 0) m.assign(m.size(), 0.0);  // singular: nothing in it
    if (kind == 1 && n > 1)                  // singular: two rows are one
      for (int64_t j = 0; j < n; j++) m[size_t((n - 1) * n + j)] = m[size_t(j)];
    if (kind == 2)  // ties of pivots, and columns without any
      for (double& x : m) x = double(pick(-1, 1));
    if (kind == 3 && n) m[size_t(pick(0, n * n - 1))] = NAN;
    put(a, b, m, n, n);
  });
  run_one(PHX_LU, {&a, &out, &order}, {}, threads, 2);
  each_index(batch, [&](const Shape& b) {
    const Numbers m = taken(a, b, n, n), packed = taken(out, b, n, n);
    std::vector<int64_t> rows, seen(size_t(n), 0);
    for (int64_t i = 0; i < n; i++) {
      const int64_t row = int64_t(read(order, joined({b, {i}})));
      CHECK(row >= 0 && row < n && !seen[size_t(row)]++, "lu: the order is no permutation");
      rows.push_back(row);
    }
    if (failures || kind == 3) return;
    if (n) {  // the first pivot is the first of the largest
      int64_t first = 0;
      for (int64_t i = 1; i < n; i++)
        if (std::abs(m[size_t(i * n)]) > std::abs(m[size_t(first * n)])) first = i;
      CHECK(rows[0] == first, "lu: the first pivot is row %d, not %d", int(rows[0]), int(first));
    }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t k = 0; k <= std::min(i, j); k++)
          sum += (k == i ? 1 : packed[size_t(i * n + k)]) * packed[size_t(k * n + j)];
        const double wanted = m[size_t(rows[size_t(i)] * n + j)];
        CHECK(near(sum, wanted, double(n), dtype), "lu: row %d of L U is %g, not %g", int(i), sum, wanted);
        if (j < i) CHECK(std::abs(packed[size_t(i * n + j)]) <= 1, "lu: a factor above 1");
      }
  });
}

// The first NaN of a column is its pivot.
void lu_of_nan(int32_t dtype) {
  Operand a{dense(dtype, {3, 3}, PHX_INPUT), Bytes(size_t(9 * size_of(dtype)))},
      out{dense(dtype, {3, 3}, PHX_OUTPUT), Bytes(size_t(9 * size_of(dtype)))},
      order{dense(PHX_INT32, {3}, PHX_OUTPUT, 1), Bytes(12)};
  put(a, {}, {1, 2, 3, NAN, 5, 6, NAN, 8, 9}, 3, 3);
  run_one(PHX_LU, {&a, &out, &order}, {}, 1, 2);
  CHECK(read(order, {0}) == 1 && std::isnan(read(out, {2, 2})), "lu of NaN");
}

void triangular_solves(int32_t dtype, int threads, int64_t most) {
  const int64_t n = some_size(most), columns = pick(0, 5) ? some_size(9) : pick(60, 140);
  const bool lower = pick(0, 1), transpose = pick(0, 1), unit = pick(0, 1), singular = pick(0, 5) == 0;
  const Shape batch = shape_of(0, 2, 3), wide = joined({batch, {n, columns}});
  Operand a = matrices(dtype, joined({batch, {n, n}}), 0, true), b = operand(dtype, wide, true, 1),
          x = operand(dtype, wide, false, 0);
  each_index(batch, [&](const Shape& at) {
    Numbers m = random_matrix(n, n);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        double& e = m[size_t(i * n + j)];
        if (i == j) e = unit ? NAN : 1.5 + std::abs(e);
        else e = (j < i) == lower ? e / double(n) : NAN;  // the NaN are not to be read
      }
    if (singular && !unit && n) m[size_t((n / 2) * n + n / 2)] = 0;
    put(a, at, m, n, n);
  });
  run_one(PHX_TRIANGULAR_SOLVE, {&a, &b, &x}, {lower, transpose, unit}, threads);
  each_index(batch, [&](const Shape& where) {
    const Numbers m = taken(a, where, n, n), right = taken(b, where, n, columns),
                  found = taken(x, where, n, columns);
    const bool forward = lower != transpose;
    Numbers wanted = right;
    for (int64_t c = 0; c < columns; c++)
      for (int64_t step = 0; step < n; step++) {
        const int64_t i = forward ? step : n - 1 - step;
        double& mine = wanted[size_t(i * columns + c)];
        for (int64_t j = forward ? 0 : i + 1; j < (forward ? i : n); j++)
          mine -= m[size_t(transpose ? j * n + i : i * n + j)] * wanted[size_t(j * columns + c)];
        if (!unit) mine /= m[size_t(i * n + i)];
      }
    for (size_t e = 0; e < found.size(); e++) {
      if (std::isfinite(wanted[e])) {
        CHECK(near(found[e], wanted[e], 100, dtype), "triangular_solve: %g, not %g", found[e], wanted[e]);
      } else {  // 0 / 0 or something / 0: which of them is a matter of rounding
        CHECK(!std::isfinite(found[e]), "triangular_solve of a singular matrix: %g", found[e]);
      }
    }
  });
}

}  // namespace

void test_linear_algebra() {
  for (const int32_t dtype : {PHX_FLOAT32, PHX_FLOAT64}) {
    lu_of_nan(dtype);
    for (int round = 0; round < 300 && !failures; round++) {
      const int64_t most = round % 50 == 0 ? 70 : 20;  // now and then enough for several threads
      choleskys(dtype, round % 2 + 1, most);
      lus(dtype, round % 2 + 1, most);
      triangular_solves(dtype, round % 2 + 1, most);
    }
  }
}

}  // namespace engine_test
