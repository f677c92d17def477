// The largest of groups of rows, and where it stands, in code over rows: pooling.
#include "writer.h"

namespace phynexus {
namespace {

using A = Assembler;

constexpr A::Form compare_floats{A::map_0f, A::none, 0xc2}, move_vector{A::map_0f, A::none, 0x28},
    store_vector{A::map_0f, A::none, 0x11}, spread{A::map_0f38, A::p66, 0x18};
// Predicates of vcmpps: neither of two is NaN; not less or equal, not greater, or one of them is.
constexpr int ordered = 7, not_less_equal = 0x16, not_greater = 0x1a;

}  // namespace

// The largest, then its place where it is asked for; each has a pointer of its own, which goes on with the groups.
std::vector<Source> Writer::maxima_go_to() const {
  std::vector<Source> places;
  for (const RowMaximum& m : results_.maxima) {
    places.push_back(m.to);
    if (!m.places.empty()) places.push_back(m.place_to);
  }
  return places;
}

void Writer::load_places_of_maxima() {
  size_t next = pointer_.size();
  for (const Source& to : maxima_go_to()) {
    const General pointer = pointers[next++];
    touched_.push_back(to);
    a_.load_pointer(pointer, rdi, to.slot * 8);
    a_.add(pointer, to.offset);
  }
}

void Writer::next_places_of_maxima() {
  for (size_t i = 0, count = maxima_go_to().size(); i < count; i++)
    a_.add(pointers[pointer_.size() + i], columns_ * 4);
}

// As the kernels have it: the first of equals, and the first NaN before all else.
void Writer::find_maxima(int row, int result) {
  for (const RowMaximum& m : results_.maxima) {
    const int value = value_of(m.value), best = result++, place = m.places.empty() ? -1 : result++;
    Memory position;
    if (place >= 0) position.constant = a_.constant(uint32_t(m.places[size_t(row)]));
    if (row == 0) {
      a_.vector(move_vector, best, 0, value);
      if (place >= 0) a_.vector(spread, place, 0, position);
      continue;
    }
    const int number = new_mask(), better = new_mask();
    a_.vector(compare_floats, number, best, best);
    a_.byte(ordered);
    if (place >= 0) {
      a_.vector(compare_floats, better, value, best, number);
      a_.byte(not_less_equal);
      a_.vector(spread, place, 0, position, better);
    } else {
      a_.vector(compare_floats, better, best, value, number);
      a_.byte(not_greater);
    }
    a_.vector(move_vector, best, 0, value, better);
    free_masks_.push_back(better);
    free_masks_.push_back(number);
  }
}

void Writer::store_maxima(int result) {
  for (size_t i = 0, count = maxima_go_to().size(); i < count; i++) {
    Memory to;
    to.base = pointers[pointer_.size() + i];
    to.displacement = column_ * 4;
    a_.vector(store_vector, result++, 0, to, tail_or_all());
  }
}

}  // namespace phynexus
