// What core is told of a GPU: all opcodes and dtypes, and the plans that run best there.
#include <algorithm>
#include <cstring>
#include <utility>

#include "../lower/task_costs.h"
#include "engine.h"

namespace phynexus::gpu {
namespace {

// Chains are byte code whose registers are the device's; reading a value again costs a pass over its memory.
void describe_plans(phx_capabilities& out) {
  out.fused_operations = 64;
  out.fused_inputs = 24;
  out.axes = PHX_MAX_RANK;
  out.convolution_layout = 1;
  out.product_rows = -1;
  const struct {
    int64_t bytes;
    double cost;
  } levels[PHX_READING_LEVELS] = {{32 << 20, 16.0}, {1 << 20, 8.0}, {64 << 10, 4.0}, {0, 2.0}};
  for (int k = 0; k < PHX_READING_LEVELS; k++)
    out.reading_bytes[k] = levels[k].bytes, out.reading_costs[k] = levels[k].cost;
}

}  // namespace

void GpuEngine::describe(phx_capabilities& out) const {
  out.dtypes = (1u << (PHX_BOOL + 1)) - 1;
  for (const auto& [first, last] : {std::pair{PHX_NEG, PHX_INTEGER_POW},
                                    {PHX_ADD, PHX_ATAN2},
                                    {PHX_EQUAL, PHX_GREATER_EQUAL},
                                    {PHX_BITWISE_AND, PHX_SHIFT_RIGHT},
                                    {PHX_WHERE, PHX_WHERE},
                                    {PHX_SUM, PHX_CUMSUM},
                                    {PHX_DOT_GENERAL, PHX_CONV_WEIGHT_GRADIENT},
                                    {PHX_COPY, PHX_COPY},
                                    {PHX_GATHER, PHX_SORT},
                                    {PHX_IOTA, PHX_RANDOM_BITS},
                                    {PHX_CALL, PHX_MAP},
                                    {PHX_FUSED, PHX_FUSED},
                                    {PHX_CHOLESKY, PHX_LU}})
    std::fill(out.opcodes + first, out.opcodes + last + 1, uint8_t(1));
  out.opcodes[PHX_FUSED] = PHX_FUSED_WITH_ARGMAX;
  const DeviceFacts& facts = binding_.driver->facts();
  out.threads = 1;
  out.host_visible = 0;
  out.memory_bytes = facts.memory_bytes;
  std::strncpy(out.name, facts.name.c_str(), sizeof out.name - 1);
  std::strncpy(out.instruction_set, facts.architecture.c_str(), sizeof out.instruction_set - 1);
  out.precisions = binding_.precisions;
  describe_plans(out);
  describe_tasks(target_, facts.memory_bytes, out);
}

}  // namespace phynexus::gpu
