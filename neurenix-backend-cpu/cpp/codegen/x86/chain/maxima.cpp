// As the kernels have it: the first of equals, and the first NaN before all else.
#include "maxima.h"

namespace phynexus::fused {
namespace {

using namespace x86;

// `best` becomes the larger of it and the value, `place` the row's where it does.
void keep_larger(Body& body, int value, int best, int place, Address row_place) {
  Assembler& a = body.a;
  const int number = body.free.take_mask(), better = body.free.take_mask();
  a.vcmpps(number, best, best, Float::ordered);
  if (place >= 0) {
    a.vcmpps(better, value, best, Float::not_less_equal, {.mask = number});
    a.vbroadcastss(place, row_place, {.mask = better});
  } else {
    a.vcmpps(better, best, value, Float::not_greater, {.mask = number});
  }
  a.vmovaps(best, value, {.mask = better});
  body.free.give_mask(better);
  body.free.give_mask(number);
}

}  // namespace

int registers_of_maxima(const std::vector<RowMaximum>& maxima) {
  int count = 0;
  for (const RowMaximum& maximum : maxima) count += maximum.places.empty() ? 1 : 2;
  return count;
}

void find_maxima(Body& body, const std::vector<RowMaximum>& maxima, int row, int result) {
  Assembler& a = body.a;
  for (const RowMaximum& maximum : maxima) {
    const int value = body.register_of(maximum.value), best = result++;
    const int place = maximum.places.empty() ? -1 : result++;
    Address row_place;
    if (place >= 0) row_place.constant = a.constant(uint32_t(maximum.places[size_t(row)]));
    if (row > 0) {
      keep_larger(body, value, best, place, row_place);
      continue;
    }
    a.vmovaps(best, value);
    if (place >= 0) a.vbroadcastss(place, row_place);
  }
}

void store_maxima(Body& body, int column, int result) {
  for (const auto& [location, pointer] : body.pointers().moving)
    body.store_vector({.base = pointer, .displacement = column * 4}, result++);
}

void next_maxima(Body& body, int64_t columns) {
  for (const auto& [location, pointer] : body.pointers().moving) body.a.add(pointer, columns * 4);
}

}  // namespace phynexus::fused
