// Runs a fused chain, its outputs stored or reduced: two handlers, for chains with and without 64-bit dtypes.
#pragma once

#include "../group.h"
#include "machine.h"

namespace phynexus::gpu {

// 32 neighbouring threads share 32 >> lanes_log2 kept units: no barriers, and the same sums for any size of block.
inline constexpr int team = 32;

// What a chain's code is made of: once before all, for each reduced unit, once after all.
enum Phase : int { phase_before, phase_each, phase_after };

// A chain as it lies in the program. Code that is made at run time has a struct of its own for each chain, in which
// machine.run() is called with constants.
struct StoredChain {
  const FusedParams& p;
  const char* program;

  DEVICE const ChainOperand* operands() const {
    return reinterpret_cast<const ChainOperand*>(program + p.operands);
  }
  template <class Words>
  DEVICE void run(Machine<Words>& machine, Phase phase) const {
    using Loaded = Run<uint64_t, 2>;  // a code is one load of 16 bytes
    static_assert(sizeof(Loaded) == sizeof(Code));
    const Loaded* codes = reinterpret_cast<const Loaded*>(program + p.code);
    const int end = phase == phase_before ? p.body : phase == phase_each ? p.end : p.count;
    for (int next = phase == phase_before ? 0 : phase == phase_each ? p.body : p.end; next < end; next++) {
      const Loaded loaded = codes[next];
      Code code;
      memcpy(static_cast<void*>(&code), &loaded, sizeof code);
      machine.run(code);
    }
  }
};
// The operands of a chain that is not stored.
template <int N>
struct ChainOperands {
  ChainOperand at[N];
};

template <class Words, class Chain>
DEVICE void run_chain(const FusedParams& p, const Chain& chain, char* const* bases, int64_t tile,
                      const Group& group) {
  constexpr int N = Words::elements;
  const int lanes = 1 << p.lanes_log2, units = team >> p.lanes_log2;
  const int member = group.thread & (team - 1);
  const int lane = p.lanes_adjacent ? member & (lanes - 1) : member / units;
  const int mine = p.lanes_adjacent ? member >> p.lanes_log2 : member & (units - 1);
  const int64_t unit = (tile * (group.threads / team) + group.thread / team) * units + mine;
  const bool there = unit < p.kept_units;

  Machine<Words> machine;
  machine.operands = chain.operands();
  machine.bases = bases;
  machine.axes = p.axes;
  const bool large = p.large != 0, run_is_kept = p.run_axis < p.kept_axes;
  find_indices(there ? unit : 0, p.sizes, 0, p.kept_axes, large, machine.indices);
  const auto run_length = [&] {
    if (p.run_axis < 0) return 1;
    const int64_t left = p.run_size - machine.indices[p.run_axis] * N;
    return left < N ? int(left) : N;
  };
  const int kept_present = !there ? 0 : run_is_kept ? run_length() : 1;
  const int64_t first = p.split ? machine.indices[0] * p.part_units : 0;
  const int64_t last = first + p.part_units < p.reduced_units ? first + p.part_units : p.reduced_units;
  const int64_t steps =
      (p.part_units + lanes - 1) >> p.lanes_log2;  // the same for all, who meet when they exchange

  for (int64_t step = p.body > 0 ? -1 : 0; step <= steps; step++) {
    Phase phase = phase_after;
    if (step < 0) {
      phase = phase_before;
    } else if (step < steps) {
      phase = phase_each;
      const int64_t reduced = first + (step << p.lanes_log2) + lane;
      const bool here = reduced < last;
      find_indices(here ? reduced : 0, p.sizes, p.kept_axes, p.axes, large, machine.indices);
      machine.present = !(there && here) ? 0 : run_is_kept ? kept_present : run_length();
    } else {
      machine.present = lane == 0 ? kept_present : 0;
    }
    chain.run(machine, phase);
  }
}

DEVICE void fused(const FusedParams& p, char* const* bases, int64_t tile, const Group& group) {
  run_chain<NarrowWords>(p, StoredChain{p, group.program}, bases, tile, group);
}
DEVICE void fused_wide(const FusedParams& p, char* const* bases, int64_t tile, const Group& group) {
  run_chain<WideWords>(p, StoredChain{p, group.program}, bases, tile, group);
}

}  // namespace phynexus::gpu
