// Chooses how a product is computed, by a count of cycles on a device of 132 multiprocessors. The bits do not depend on
// it, but for tensor cores: of the sizes alone, so that those do not depend on the device at hand.
#include <algorithm>
#include <cmath>

#include "product.h"

namespace phynexus::gpu {
namespace {

constexpr double multiprocessors = 132;
// Of a launch that waits for another one. Of tensor cores' parts less, which decide bits and have been chosen so.
constexpr double launch_cycles = 4000, launch_cycles_of_parts = 1500;

double divided_up(double x, double y) { return std::ceil(x / y); }

double segments_of(const ProductSizes& s) { return divided_up(double(s.k), double(product_segment(s.k))); }

// Of what is split: each segment's sums are written and read again.
double cycles_of_sums(const ProductSizes& s, double segments, double launch = launch_cycles) {
  const double bytes = double(s.batch) * double(s.m) * double(s.n) * segments * 8;
  return launch + segments * 40 + bytes / (2800 * multiprocessors / 132);
}

struct Candidate {
  ProductChoice choice;
  double cycles;
};

struct TileKind {
  Handler handler;
  int32_t m, n;
  double rate;  // multiply-adds a cycle and multiprocessor, where it is full
};

// A tile of the whole device: as many at once as there are multiprocessors, or a few more where their terms are few.
Candidate tiles(const ProductSizes& s, const TileKind& kind) {
  const double places = double(s.batch) * divided_up(double(s.m), kind.m) * divided_up(double(s.n), kind.n);
  Candidate best{{}, INFINITY};
  for (int32_t splits = 1; splits <= 64; splits *= 2) {
    const bool of_parts = uses_tensor_cores(kind.handler);
    const double segments = of_parts ? splits : segments_of(s);
    const double terms =
        of_parts ? divided_up(double(s.k), splits)
                 : std::min(double(s.k), divided_up(segments, splits) * double(product_segment(s.k)));
    if (splits > 1 && (of_parts ? terms < 64 : splits > segments)) break;
    if (splits > 1 && double(s.batch) * double(s.m) * double(s.n) * segments > 6.4e7) break;
    const double rounds = divided_up(places * splits, multiprocessors);
    // A slab waits for its operands once where nothing else runs beside it.
    const double slab = std::max(16.0 * kind.m * kind.n / kind.rate, rounds < 2 ? 500.0 : 0.0);
    double cycles = rounds * (600 + divided_up(terms, 16) * slab);
    if (splits > 1) cycles += cycles_of_sums(s, segments, of_parts ? launch_cycles_of_parts : launch_cycles);
    if (cycles < best.cycles) best = {{ProductWay::tiles, kind.handler, kind.m, kind.n, splits}, cycles};
  }
  return best;
}

// Threads that read their operands where they lie. `processors`: 1 within a task.
Candidate units(const ProductSizes& s, Handler handler, int32_t m, int32_t n, double processors,
                double threads, bool within_task) {
  const double count = double(s.batch) * divided_up(double(s.m), m) * divided_up(double(s.n), n);
  const double warps = divided_up(count, 32), at_once = std::min(warps, threads / 32);
  const double rounds = divided_up(warps, threads / 32 * processors);
  // Reads of all warps share one path; a scheduler has a quarter of them; and a warp by itself waits, four terms at a
  // time.
  const double read = within_task ? 1 : 4, wait = within_task ? 8 : 40;
  const double term = std::max({at_once * (m + n) * read, std::ceil(at_once / 4) * (m + n + m * n), wait});
  return {{ProductWay::units, handler, m, n, 1}, rounds * (300 + double(s.k) * term)};
}

// Lanes that share a sum: each reads a segment, whose terms lie far from those of the others.
Candidate lanes(const ProductSizes& s, double processors, double threads, bool within_task) {
  const double sums = double(s.batch) * double(s.m) * double(s.n), segments = segments_of(s);
  const double sharing = product_sharing(int64_t(segments));
  Candidate best{{}, INFINITY};
  for (int32_t splits = 1; splits <= 8; splits *= 2) {
    if (splits > 1 && (within_task || segments < sharing * splits || sums * segments > 1e7)) break;
    const double warps = divided_up(sums * splits * sharing, 32), at_once = std::min(warps, threads / 32);
    const double rounds = divided_up(warps, threads / 32 * processors);
    const double read = within_task ? 4 : 16, wait = within_task ? 8 : 40;
    const double term = std::max(at_once * 2 * read, wait);
    const double segment = std::min(double(s.k), double(product_segment(s.k)));
    const double shares = divided_up(divided_up(segments, splits), sharing);
    double cycles = rounds * (500 + shares * (segment * term + sharing * 30));
    if (splits > 1) cycles += cycles_of_sums(s, segments);
    if (cycles < best.cycles) best = {{ProductWay::lanes, handler_product_lanes, 1, 1, splits}, cycles};
  }
  return best;
}

}  // namespace

ProductChoice choose_product(const ProductSizes& s, int32_t dtype, bool image, const Builder& builder) {
  const bool within_task = builder.within_task();
  const int32_t precision = builder.precision();
  const bool is_float = dtype == PHX_FLOAT32;
  const bool is_half = dtype == PHX_FLOAT16 || dtype == PHX_BFLOAT16;
  const double processors = within_task ? 1 : multiprocessors;
  // As many threads as a device's block has, however many the emulator takes: the same choices there.
  const double block = std::max(builder.threads(), 256);
  Candidate best = lanes(s, processors, block, within_task);
  const auto consider = [&](const Candidate& one) {
    if (one.cycles < best.cycles) best = one;
  };
  if (is_float) {
    const Handler handler = image ? handler_product_direct_image_f32 : handler_product_direct_f32;
    for (const auto& [m, n] : {std::pair(1, 1), {2, 2}, {4, 1}})
      consider(units(s, handler, m, n, processors, block, within_task));
    const Handler large = image ? handler_product_direct_large_image_f32 : handler_product_direct_large_f32;
    if (!within_task) consider(units(s, large, 4, 4, processors, block, within_task));
  } else {
    consider(units(s, handler_product_direct_other, 1, 1, processors, block, within_task));
  }
  if (within_task || s.k == 0) return best.choice;
  if (is_float && (precision == 0 || !builder.tensor_cores())) {
    consider(tiles(s, {handler_product_f32_large, product_f32_large_m, product_f32_large_n, 90}));
    consider(tiles(s, {handler_product_f32_medium, product_f32_medium_m, product_f32_medium_n, 80}));
    consider(tiles(s, {handler_product_f32_small, product_f32_small_m, product_f32_small_n, 55}));
  } else if (is_float || (is_half && builder.tensor_cores())) {
    const Handler handler = dtype == PHX_FLOAT16    ? handler_product_tensor_f16
                            : dtype == PHX_BFLOAT16 ? handler_product_tensor_bf16
                            : precision == 1        ? handler_product_tensor_tf32
                                                    : handler_product_tensor_as_bf16;
    consider(tiles(s, {handler, product_tensor_m, product_tensor_n, 350}));
  } else {
    const Handler handler = dtype == PHX_FLOAT64    ? handler_product_f64
                            : dtype == PHX_FLOAT16  ? handler_product_f16
                            : dtype == PHX_BFLOAT16 ? handler_product_bf16
                            : dtype == PHX_INT64    ? handler_product_i64
                            : dtype == PHX_UINT8    ? handler_product_u8
                                                    : handler_product_i32;
    consider(tiles(s, {handler, product_other_m, product_other_n, dtype == PHX_FLOAT64 ? 30.0 : 25.0}));
  }
  return best.choice;
}

}  // namespace phynexus::gpu
