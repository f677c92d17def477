// Where each field of phynexus.h lies, on every 64-bit machine: a change here breaks engines that were built before.
// tests/test_engine_abi.py holds what Python reads to the same list.
#include <phynexus.h>

#include <cstddef>

#define SIZE(type, bytes) static_assert(sizeof(type) == bytes, "the size of " #type " has changed")
#define FIELD(type, name, bytes) static_assert(offsetof(type, name) == bytes, #type "." #name " has moved")

SIZE(phx_value, 152);
FIELD(phx_value, dtype, 0);
FIELD(phx_value, rank, 4);
FIELD(phx_value, shape, 8);
FIELD(phx_value, strides, 72);
FIELD(phx_value, space, 136);
FIELD(phx_value, index, 140);
FIELD(phx_value, offset, 144);

SIZE(phx_instruction, 32);
FIELD(phx_instruction, opcode, 0);
FIELD(phx_instruction, inputs, 4);
FIELD(phx_instruction, outputs, 8);
FIELD(phx_instruction, first_operand, 12);
FIELD(phx_instruction, params, 16);
FIELD(phx_instruction, first_param, 20);
FIELD(phx_instruction, region, 24);
FIELD(phx_instruction, line, 28);

SIZE(phx_region, 24);
FIELD(phx_region, inputs, 0);
FIELD(phx_region, outputs, 4);
FIELD(phx_region, first_instruction, 8);
FIELD(phx_region, instructions, 12);
FIELD(phx_region, scratch_bytes, 16);

SIZE(phx_plan, 104);
FIELD(phx_plan, struct_size, 0);
FIELD(phx_plan, values, 8);
FIELD(phx_plan, instructions, 16);
FIELD(phx_plan, operands, 24);
FIELD(phx_plan, params, 32);
FIELD(phx_plan, regions, 40);
FIELD(phx_plan, constants, 48);
FIELD(phx_plan, value_count, 56);
FIELD(phx_plan, instruction_count, 60);
FIELD(phx_plan, operand_count, 64);
FIELD(phx_plan, param_count, 68);
FIELD(phx_plan, region_count, 72);
FIELD(phx_plan, constant_bytes, 80);
FIELD(phx_plan, input_bytes, 88);
FIELD(phx_plan, output_bytes, 96);

SIZE(phx_options, 24);
FIELD(phx_options, struct_size, 0);
FIELD(phx_options, threads, 8);
FIELD(phx_options, unused, 12);
FIELD(phx_options, precision, 16);

SIZE(phx_capabilities, 448);
FIELD(phx_capabilities, struct_size, 0);
FIELD(phx_capabilities, dtypes, 8);
FIELD(phx_capabilities, opcodes, 12);
FIELD(phx_capabilities, threads, 172);
FIELD(phx_capabilities, host_visible, 176);
FIELD(phx_capabilities, memory_bytes, 184);
FIELD(phx_capabilities, name, 192);
FIELD(phx_capabilities, instruction_set, 256);
FIELD(phx_capabilities, fused_operations, 288);
FIELD(phx_capabilities, fused_inputs, 292);
FIELD(phx_capabilities, axes, 296);
FIELD(phx_capabilities, convolution_layout, 300);
FIELD(phx_capabilities, product_rows, 304);
FIELD(phx_capabilities, reading_bytes, 312);
FIELD(phx_capabilities, reading_costs, 344);
FIELD(phx_capabilities, task_lanes, 376);
FIELD(phx_capabilities, task_groups, 380);
FIELD(phx_capabilities, task_barrier, 384);
FIELD(phx_capabilities, task_dispatch, 392);
FIELD(phx_capabilities, task_most_work, 400);
FIELD(phx_capabilities, task_most_elements, 408);
FIELD(phx_capabilities, task_most_operands, 416);
FIELD(phx_capabilities, task_most_steps, 420);
FIELD(phx_capabilities, task_most_time, 424);
FIELD(phx_capabilities, expanded_bytes, 432);
FIELD(phx_capabilities, precisions, 440);

SIZE(phx_memory_stats, 40);
FIELD(phx_memory_stats, struct_size, 0);
FIELD(phx_memory_stats, allocated_bytes, 8);
FIELD(phx_memory_stats, peak_bytes, 16);
FIELD(phx_memory_stats, arena_bytes, 24);
FIELD(phx_memory_stats, cached_bytes, 32);

SIZE(phx_steps, 72);
FIELD(phx_steps, struct_size, 0);
FIELD(phx_steps, inputs, 8);
FIELD(phx_steps, outputs, 16);
FIELD(phx_steps, input_strides, 24);
FIELD(phx_steps, output_strides, 32);
FIELD(phx_steps, count, 40);
FIELD(phx_steps, done, 48);
FIELD(phx_steps, nanoseconds, 56);
FIELD(phx_steps, ok_output, 64);
FIELD(phx_steps, stopped, 68);

SIZE(phx_cost, 16);
FIELD(phx_cost, count, 0);
FIELD(phx_cost, nanoseconds, 8);

SIZE(phx_api, 200);
FIELD(phx_api, struct_size, 0);
FIELD(phx_api, abi_major, 8);
FIELD(phx_api, abi_minor, 12);
FIELD(phx_api, engine_version, 16);
FIELD(phx_api, device_count, 24);
FIELD(phx_api, last_error, 32);
FIELD(phx_api, create, 40);
FIELD(phx_api, destroy, 48);
FIELD(phx_api, capabilities, 56);
FIELD(phx_api, set_threads, 64);
FIELD(phx_api, allocate, 72);
FIELD(phx_api, release, 80);
FIELD(phx_api, upload, 88);
FIELD(phx_api, download, 96);
FIELD(phx_api, compile, 104);
FIELD(phx_api, release_executable, 112);
FIELD(phx_api, run, 120);
FIELD(phx_api, synchronize, 128);
FIELD(phx_api, memory_stats, 136);
FIELD(phx_api, run_count, 144);
FIELD(phx_api, run_steps, 152);
FIELD(phx_api, set_profiling, 160);
FIELD(phx_api, read_profile, 168);
FIELD(phx_api, memory_bytes, 176);
FIELD(phx_api, notes, 184);
FIELD(phx_api, set_precision, 192);

static_assert(sizeof(phx_status) == 4, "statuses are ints");
static_assert(PHX_ABI_MAJOR == 1 && PHX_MAX_RANK == 8 && PHX_ALIGNMENT == 64 && PHX_OPCODE_COUNT == 160);
