// Moves, and sums by the fixed tree, as records.
#include <algorithm>

#include "record_builder.h"

namespace phynexus::gpu {

void lower_move(Builder& builder, Pointer from, Pointer to, int64_t bytes) {
  builder.add(handler_move_bytes, (bytes + move_tile_bytes - 1) / move_tile_bytes,
              MoveBytesParams{from, to, bytes});
}

void lower_sums(Builder& builder, const std::vector<Sum>& sums, int64_t terms) {
  // Groups of terms become one, in the place of their first, until one group is left, which becomes the output.
  for (int64_t apart = 1;; apart *= terms_of_group) {
    const int64_t groups = std::max<int64_t>((terms + terms_of_group - 1) / terms_of_group, 1);
    for (const Sum& sum : sums) {
      SumTermsParams p;
      p.from = p.to = builder.view(*sum.output);
      p.from.at = sum.first;
      if (groups > 1) p.to.at = sum.first;
      p.elements = element_count(*sum.output);
      p.terms = terms;
      p.term_bytes = sum.bytes * apart;
      p.group_bytes = p.term_bytes * terms_of_group;
      p.tile = builder.threads();
      p.tiles = (p.elements + p.tile - 1) / p.tile;
      builder.add(handler_sum_terms, p.tiles * groups, p);
    }
    if (groups == 1) return;
    terms = groups;
    builder.next_phase();
  }
}

}  // namespace phynexus::gpu
