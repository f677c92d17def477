// A small matrix product as code: how the output is cut into tiles, and the multiply-adds of each.
#include "product_code.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "assembler.h"

namespace phynexus {
namespace {

using namespace x86;

constexpr int half_vector = 8, tail_mask = 1, upper_half = 2;  // lanes of AVX-512; its masks
constexpr int most_vectors = 4;                                // of a panel
constexpr double most_operations = 4e6;                        // more is worth the threads
constexpr int64_t most_unrolled = 512, in_loop = 200;          // instructions, of all tiles' code
constexpr size_t most_bytes_of_code = 24 * 1024;
constexpr int64_t farthest = int64_t(1) << 30;  // bytes that a displacement reaches

// Columns of the output: whole vectors, then perhaps one of fewer columns. If those are no more than half a vector, two
// rows share one: the second row's columns are its upper half.
struct Panel {
  int first = 0, whole = 0, tail = 0;
  bool half() const { return tail > 0 && tail <= half_vector; }
  int sums(int rows) const { return rows * whole + (half() ? (rows + 1) / 2 : tail ? rows : 0); }
  int vectors() const { return whole + (tail > 0); }
};

class ProductWriter {
 public:
  ProductWriter(const MatmulProblem& p, Extension extension) : p_(p), a_(extension) {}

  bool write();
  const std::vector<uint8_t>& bytes() const { return a_.bytes(); }

 private:
  std::vector<Panel> panels(int count) const;
  void choose_tiles();
  void rows_of_tiles(int64_t tiles, int rows, bool more);
  void tile(int rows, const Panel& panel);
  void step(int rows, const Panel& panel, General lhs, General rhs, int64_t lhs_at, int64_t rhs_at);
  void store(int rows, const Panel& panel);
  int masked(const Panel& panel) const { return panel.tail % half_vector ? tail_mask : 0; }
  int lanes() const { return lanes_of(a_.extension()); }
  int vector_bytes() const { return lanes() * int(sizeof(float)); }
  // For elements of the left operand, in turns where there are enough.
  int left_registers() const { return a_.is_avx2() ? 1 : 2; }
  bool fits(const Panel& panel, int rows) const {
    return panel.sums(rows) + panel.vectors() + left_registers() <= vectors_of(a_.extension());
  }
  static int64_t instructions(int rows, const Panel& panel) {
    return panel.vectors() + rows + panel.sums(rows) + (panel.half() ? rows / 2 : 0);
  }
  static Address at(General base, int64_t displacement, int unit, bool broadcast = false) {
    return {
        .base = base, .displacement = int32_t(displacement), .broadcast = broadcast, .unit = uint8_t(unit)};
  }

  const MatmulProblem& p_;
  Assembler a_;
  std::vector<Panel> panels_;
  int64_t tiles_ = 0;  // of rows
};

std::vector<Panel> ProductWriter::panels(int count) const {
  const int vectors = int((p_.n + lanes() - 1) / lanes()), tail = int(p_.n % lanes());
  std::vector<Panel> cut;
  for (int i = 0, first = 0; i < count; i++) {
    const int own = vectors / count + (i < vectors % count);
    const bool last = i + 1 == count;
    cut.push_back({first * lanes(), own - (last && tail ? 1 : 0), last ? tail : 0});
    first += own;
  }
  return cut;
}

// The cheapest way to cut the output, by cycles of two multiply-adds or two loads each.
void ProductWriter::choose_tiles() {
  const int vectors = int((p_.n + lanes() - 1) / lanes());
  const int latency = a_.is_avx2() ? 5 : 4;  // of a multiply-add
  double least = 1e300;
  for (int count = (vectors + most_vectors - 1) / most_vectors; count <= vectors; count++) {
    const auto cut = panels(count);
    int most_rows = vectors_of(a_.extension());
    for (const Panel& panel : cut)
      while (most_rows > 0 && !fits(panel, most_rows)) most_rows--;
    if (most_rows == 0) continue;
    const int64_t tiles = (p_.m + most_rows - 1) / most_rows;
    double cost = 0;
    for (int64_t i = 0; i < tiles; i++)
      for (const Panel& panel : cut) {
        const int rows = int(p_.m / tiles + (i < p_.m % tiles));
        const int loads = rows + panel.vectors(), sums = panel.sums(rows);
        cost += double(p_.k) * std::max({loads, sums, 2 * latency}) / 2 + 12 + sums;
      }
    if (cost < least) least = cost, panels_ = cut, tiles_ = tiles;
  }
}

void ProductWriter::step(int rows, const Panel& panel, General lhs, General rhs, int64_t lhs_at,
                         int64_t rhs_at) {
  const int sums = panel.sums(rows), columns = sums, tail = columns + panel.whole;
  const int left[2] = {columns + panel.vectors(), columns + panel.vectors() + left_registers() - 1};
  const int tails = rows * panel.whole;  // where the sums of the tail begin
  for (int v = 0; v < panel.whole; v++) a_.vmovups(columns + v, at(rhs, rhs_at + v * vector_bytes(), 64));
  if (panel.half())
    a_.vbroadcastf32x8(tail, at(rhs, rhs_at + panel.whole * 64, 32),
                       {.mask = masked(panel), .zero = masked(panel) != 0});
  else if (panel.tail)
    a_.vmovups(tail, at(rhs, rhs_at + panel.whole * 64, 64), {.mask = tail_mask, .zero = true});

  const auto element = [&](int r, bool broadcast = false) {
    return at(lhs, lhs_at + r * p_.lhs_m * 4, 4, broadcast);
  };
  for (int r = 0; r < rows; r++) {
    const int own = left[r % 2];
    const bool second = r % 2, paired = panel.half() && (second || r + 1 < rows);
    if (!a_.is_avx2() && panel.vectors() == 1 && !panel.half()) {
      a_.vfmadd231ps(r, columns, element(r, true));
      continue;
    }
    if (panel.whole == 0 && panel.half()) {  // two rows in one register at once
      a_.vbroadcastss(left[0], element(r), {.mask = second ? upper_half : 0});
    } else {
      a_.vbroadcastss(own, element(r));
      for (int v = 0; v < panel.whole; v++) a_.vfmadd231ps(r * panel.whole + v, own, columns + v);
      if (second && paired) a_.vblendmps(left[0], left[0], own, upper_half);
    }
    if (panel.half()) {
      if (second || !paired) a_.vfmadd231ps(tails + r / 2, left[0], tail);
    } else if (panel.tail) {
      a_.vfmadd231ps(tails + r, own, tail);
    }
  }
}

void ProductWriter::store(int rows, const Panel& panel) {
  const int tails = rows * panel.whole;
  for (int r = 0; r < rows; r++) {
    const int64_t to = (r * p_.out_m + panel.first) * 4, tail_to = to + panel.whole * 64;
    for (int v = 0; v < panel.whole; v++)
      a_.vmovups(at(rdx, to + v * vector_bytes(), 64), r * panel.whole + v);
    // A masked store of the upper half would touch memory beyond, so it is brought down.
    if (panel.half() && r % 2) a_.vextractf32x8(tails + r / 2, tails + r / 2, 1);
    if (panel.half()) {
      a_.vmovups_ymm(at(rdx, tail_to, 32), tails + r / 2, {.mask = masked(panel)});
    } else if (panel.tail) {
      a_.vmovups(at(rdx, tail_to, 64), tails + r, {.mask = tail_mask});
    }
  }
}

void ProductWriter::tile(int rows, const Panel& panel) {
  for (int i = 0; i < panel.sums(rows); i++) a_.vpxord(i, i, i);
  const int64_t lhs_step = p_.lhs_k * 4, rhs_step = p_.rhs_k * 4, first = panel.first * 4,
                each = instructions(rows, panel);
  const auto steps = [&](int64_t count, General lhs, General rhs, int64_t rhs_first) {
    for (int64_t k = 0; k < count; k++) step(rows, panel, lhs, rhs, k * lhs_step, rhs_first + k * rhs_step);
  };
  const int64_t codes = int64_t(panels_.size()) * (p_.m % tiles_ ? 2 : 1);
  if (p_.k * each * codes <= most_unrolled) {
    steps(p_.k, rdi, rsi, first);
  } else {
    const int64_t most = std::max<int64_t>(1, in_loop / (each * codes));
    int64_t unrolled = most;
    while (2 * unrolled > most && p_.k % unrolled) unrolled--;
    if (p_.k % unrolled) unrolled = most;
    a_.mov(rax, rdi);
    a_.lea(r10, rsi, int32_t(first));
    a_.mov32(rcx, p_.k / unrolled);
    const Assembler::Label loop = a_.label();
    steps(unrolled, rax, r10, 0);
    a_.add(rax, unrolled * lhs_step);
    a_.add(r10, unrolled * rhs_step);
    a_.dec32(rcx);
    a_.jcc(Condition::not_equal, loop);
    steps(p_.k % unrolled, rax, r10, 0);
  }
  store(rows, panel);
}

// Tiles one below the other; `more` follow.
void ProductWriter::rows_of_tiles(int64_t tiles, int rows, bool more) {
  if (tiles == 0) return;
  if (tiles > 1) a_.mov32(r8, tiles);
  const Assembler::Label loop = a_.label();
  for (const Panel& panel : panels_) tile(rows, panel);
  if (tiles == 1 && !more) return;
  a_.add(rdi, rows * p_.lhs_m * 4);
  a_.add(rdx, rows * p_.out_m * 4);
  if (tiles == 1) return;
  a_.dec32(r8);
  a_.jcc(Condition::not_equal, loop);
}

bool ProductWriter::write() {
  choose_tiles();
  const Panel& last = panels_.back();
  const auto set_mask = [&](int mask, uint32_t bits) {
    a_.mov32(rax, bits);
    a_.kmovw(mask, rax);
  };
  const uint32_t columns = (uint32_t(1) << last.tail) - 1;
  if (last.tail) set_mask(tail_mask, last.half() ? columns << half_vector | columns : columns);
  if (last.half()) set_mask(upper_half, 0xff00);
  const int64_t larger = p_.m % tiles_;
  rows_of_tiles(larger, int(p_.m / tiles_) + 1, larger < tiles_);
  rows_of_tiles(tiles_ - larger, int(p_.m / tiles_), false);
  a_.vzeroupper();
  a_.ret();
  return a_.bytes().size() <= most_bytes_of_code;
}

}  // namespace

ProductCode write_product(const MatmulProblem& p, x86::Extension extension, CodeMemory& memory) {
  const auto dense = [&](int64_t stride) { return p.n == 1 || stride == 1; };
  if (p.m < 1 || p.n < 1 || p.k < 1 || !dense(p.rhs_n) || !dense(p.out_n)) return nullptr;
  if (2.0 * double(p.m) * double(p.n) * double(p.k) > most_operations || p.n > 1024) return nullptr;
  for (int64_t stride : {p.lhs_m * p.m, p.lhs_k * p.k, p.rhs_k * p.k, p.out_m * p.m})
    if (std::abs(stride) * 4 > farthest) return nullptr;
  // Masked loads and stores of AVX2 are slow; the kernels have them.
  if (extension == Extension::avx2 && p.n % lanes_of(extension)) return nullptr;
  ProductWriter writer(p, extension);
  if (!writer.write()) return nullptr;
  return reinterpret_cast<ProductCode>(const_cast<void*>(memory.add(writer.bytes())));
}

}  // namespace phynexus
