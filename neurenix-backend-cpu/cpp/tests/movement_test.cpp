// Copies, indexing, argmax, cumsum, iota, random bits: random shapes and layouts against plain loops.
#include <cmath>

#include "operands.h"

namespace engine_test {
namespace {

void copies(int threads) {
  const Shape shape = pick(0, 6) == 0 ? Shape{pick(1, 400), pick(1, 700)} : shape_of(0, 6, 6);
  const int32_t dtype = kinds[pick(0, 5)];
  Operand x = operand(dtype, shape, true, 0), y = operand(dtype, shape, false, 0);
  run_one(PHX_COPY, {&x, &y}, {}, threads);
  each_index(shape, [&](const Shape& i) { CHECK(read(x, i) == read(y, i), "copy"); });
}

void cumsums(int threads) {
  const Shape shape = joined({shape_of(0, 2, 5), {pick(1, 9)}, shape_of(0, 2, 5)});
  const int64_t axis = pick(0, int64_t(shape.size()) - 1), reverse = pick(0, 1);
  Operand x = operand(PHX_FLOAT32, shape, true, 0), y = operand(PHX_FLOAT32, shape, false, 0);
  run_one(PHX_CUMSUM, {&x, &y}, {axis, reverse}, threads);
  each_index(shape, [&](const Shape& i) {
    double sum = 0;
    Shape j = i;
    for (j[size_t(axis)] = reverse ? i[size_t(axis)] : 0;
         j[size_t(axis)] <= (reverse ? shape[size_t(axis)] - 1 : i[size_t(axis)]); j[size_t(axis)]++)
      sum += read(x, j);
    CHECK(read(y, i) == sum, "cumsum");
  });
}

void argmaxes(int threads) {
  Shape lead = shape_of(0, 2, 6), tail;
  for (int64_t d = pick(0, 3); d > 0; d--) tail.push_back(pick(1, 9));
  const int32_t dtype = kinds[pick(0, 5)];
  Operand x = operand(dtype, joined({lead, tail}), true, 0), y = operand(PHX_INT32, lead, false, 0);
  if (dtype == PHX_FLOAT32 && !x.bytes.empty() && pick(0, 2) == 0)
    set(x.bytes.data(), dtype, pick(0, int64_t(x.bytes.size()) / 4 - 1), NAN);
  run_one(PHX_ARGMAX, {&x, &y}, {int64_t(tail.size())}, threads);
  each_index(lead, [&](const Shape& i) {
    int64_t best = -1, position = 0;
    double most = 0;
    each_index(tail, [&](const Shape& j) {
      const double v = read(x, joined({i, j}));
      if (best < 0 || (most == most && (v != v || v > most))) best = position, most = v;
      position++;
    });
    CHECK(read(y, i) == double(best), "argmax: %g, not %d", read(y, i), int(best));
  });
}

void indexing(int threads) {
  const Shape b = shape_of(0, 1, 3), p = shape_of(0, 2, 3), s = shape_of(0, 2, 20), i = shape_of(0, 2, 4);
  const int64_t n = pick(1, 6), batch = int64_t(b.size()), axis = int64_t(b.size() + p.size());
  const Shape whole = joined({b, p, {n}, s}), wide = joined({b, p, i, s});
  const int32_t dtype = kinds[pick(0, 5)];
  Operand x = operand(dtype, whole, true, 0), index = operand(PHX_INT32, joined({b, i}), true, 1);
  for (size_t k = 0; k < index.bytes.size() / 4; k++)
    set(index.bytes.data(), PHX_INT32, int64_t(k), double(pick(-2, n + 1)));
  const auto source = [&](const Shape& w) {  // the place in x that place w of the wide one stands for
    Shape at_index(w.begin(), w.begin() + batch);
    at_index.insert(at_index.end(), w.begin() + axis, w.begin() + axis + int64_t(i.size()));
    const double chosen = std::min(std::max(read(index, at_index), 0.0), double(n - 1));
    return joined({Shape(w.begin(), w.begin() + axis),
                   {int64_t(chosen)},
                   Shape(w.begin() + axis + int64_t(i.size()), w.end())});
  };
  Operand out = operand(dtype, wide, false, 0);
  run_one(PHX_GATHER, {&x, &index, &out}, {axis, batch}, threads);
  each_index(wide, [&](const Shape& w) { CHECK(read(out, w) == read(x, source(w)), "gather"); });

  for (const int32_t opcode : {PHX_SCATTER, PHX_SCATTER_ADD}) {
    Operand updates = operand(dtype, wide, true, 2), result = operand(dtype, whole, false, 0);
    run_one(opcode, {&x, &index, &updates, &result}, {axis, batch}, threads);
    std::map<Shape, double> want;
    each_index(whole, [&](const Shape& w) { want[w] = read(x, w); });
    each_index(wide, [&](const Shape& w) {
      double& target = want[source(w)];
      target = opcode == PHX_SCATTER ? read(updates, w) : target + read(updates, w);
      if (dtype == PHX_UINT8) target = uint8_t(int(target));
    });
    each_index(whole, [&](const Shape& w) {
      CHECK(read(result, w) == want[w], "scatter %g %g", read(result, w), want[w]);
    });
  }
}

void sources(int threads) {
  const Shape shape = joined({shape_of(0, 2, 5), {pick(1, 40)}, shape_of(0, 1, 30)});
  const int64_t axis = pick(0, int64_t(shape.size()) - 1);
  Operand y = operand(kinds[pick(0, 5)], shape, false, 0);
  run_one(PHX_IOTA, {&y}, {axis}, threads);
  each_index(shape, [&](const Shape& i) { CHECK(read(y, i) == double(i[size_t(axis)]), "iota"); });

  Operand key = operand(PHX_UINT32, {2}, true, 0), bits = operand(PHX_UINT32, shape, false, 0);
  run_one(PHX_RANDOM_BITS, {&key, &bits}, {}, threads);
  Operand all{dense(PHX_UINT32, {count_of(shape)}, PHX_OUTPUT), Bytes(size_t(count_of(shape)) * 4)};
  run_one(PHX_RANDOM_BITS, {&key, &all}, {}, threads);
  int64_t e = 0;
  each_index(shape, [&](const Shape& i) { CHECK(read(bits, i) == read(all, {e++}), "random bits"); });
}

// The known answers of Philox4x32-10: Random123's test vectors, whose counter and key are 0.
void known_bits() {
  Operand key{dense(PHX_UINT32, {2}, PHX_INPUT), Bytes(8)},
      bits{dense(PHX_UINT32, {4}, PHX_OUTPUT), Bytes(16)};
  run_one(PHX_RANDOM_BITS, {&key, &bits}, {}, 1);
  const uint32_t want[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  CHECK(std::memcmp(bits.bytes.data(), want, 16) == 0, "Philox");
}

}  // namespace

void test_movement() {
  known_bits();
  for (int round = 0; round < 600 && !failures; round++) {
    copies(round % 2 + 1);
    cumsums(round % 2 + 1);
    argmaxes(round % 2 + 1);
    indexing(round % 2 + 1);
    sources(round % 2 + 1);
  }
}

}  // namespace engine_test
