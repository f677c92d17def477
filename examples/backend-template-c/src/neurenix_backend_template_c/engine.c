/* The engine's functions: memory, plans made ready, runs. What each has to do is in phynexus.h. */
#include "engine.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct phx_engine {
  atomic_llong allocated, peak, arenas, runs;
};

static _Thread_local char message[512];

phx_status fail(phx_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return status;
}

static const char* last_error(void) { return message; }
static int32_t device_count(void) { return 1; }

static phx_status create(int32_t index, const phx_options* options, phx_engine** engine) {
  (void)options; /* one thread, always */
  *engine = NULL;
  if (index != 0) return fail(PHX_INVALID_ARGUMENT, "device %d of 1", index);
  *engine = calloc(1, sizeof **engine);
  return *engine ? PHX_OK : fail(PHX_OUT_OF_MEMORY, "no memory for an engine");
}

static void destroy(phx_engine* engine) { free(engine); }

static phx_status capabilities(phx_engine* engine, phx_capabilities* out) {
  (void)engine;
  const size_t size = out->struct_size;
  if (size < sizeof *out) return fail(PHX_INVALID_ARGUMENT, "capabilities of %zu bytes", size);
  memset(out, 0, sizeof *out);
  out->struct_size = size;
  for (int dtype = 0; dtype <= PHX_BOOL; dtype++) out->dtypes |= (uint32_t)supports_dtype(dtype) << dtype;
  for (int opcode = 0; opcode < PHX_OPCODE_COUNT; opcode++)
    out->opcodes[opcode] =
        (uint8_t)(supports_opcode(opcode) || supports_element(opcode) || opcode == PHX_SUM);
  out->threads = out->host_visible = 1;
  strcpy(out->name, "plain C, as a template");
  return PHX_OK;
}

static phx_status set_threads(phx_engine* engine, int32_t threads) {
  (void)engine;
  return threads < 0 ? fail(PHX_INVALID_ARGUMENT, "%d threads", threads) : PHX_OK;
}

/* A block's size stands in front of it. */
static phx_status allocate(phx_engine* engine, int64_t bytes, void** out) {
  *out = NULL;
  if (bytes < 0 || bytes > INT64_MAX / 2) return fail(PHX_INVALID_ARGUMENT, "%lld bytes", (long long)bytes);
  const size_t whole = ((size_t)bytes + 2 * PHX_ALIGNMENT - 1) / PHX_ALIGNMENT * PHX_ALIGNMENT;
  char* block = aligned_alloc(PHX_ALIGNMENT, whole);
  if (!block) return fail(PHX_OUT_OF_MEMORY, "no memory for %lld bytes", (long long)bytes);
  memcpy(block, &bytes, sizeof bytes);
  const long long now = atomic_fetch_add(&engine->allocated, bytes) + bytes;
  for (long long peak = engine->peak;
       now > peak && !atomic_compare_exchange_weak(&engine->peak, &peak, now);) {
  }
  *out = block + PHX_ALIGNMENT;
  return PHX_OK;
}

static phx_status release(phx_engine* engine, void* pointer) {
  if (!pointer) return PHX_OK;
  char* block = (char*)pointer - PHX_ALIGNMENT;
  int64_t bytes;
  memcpy(&bytes, block, sizeof bytes);
  atomic_fetch_sub(&engine->allocated, bytes);
  free(block);
  return PHX_OK;
}

static phx_status upload(phx_engine* engine, void* device, const void* host, int64_t bytes) {
  (void)engine;
  if (bytes > 0) memcpy(device, host, (size_t)bytes);
  return PHX_OK;
}

static phx_status download(phx_engine* engine, void* host, const void* device, int64_t bytes) {
  return upload(engine, host, device, bytes);
}

static void release_executable(phx_executable* e) {
  if (!e) return;
  free(e->values), free(e->instructions), free(e->operands), free(e->params), free(e->constants), free(e);
}

/* A copy of an array; of an empty one, something that can be freed. */
static void* copied(const void* from, int64_t count, size_t size) {
  void* to = malloc((size_t)count * size + 1);
  if (to && count) memcpy(to, from, (size_t)count * size);
  return to;
}

static phx_status compile(phx_engine* engine, const phx_plan* plan, phx_executable** out) {
  *out = NULL;
  const phx_status status = check_plan(plan);
  if (status) return status;
  phx_executable* e = calloc(1, sizeof *e);
  if (!e) return fail(PHX_OUT_OF_MEMORY, "no memory for a program");
  e->engine = engine;
  e->region = plan->regions[0];
  e->values = copied(plan->values, plan->value_count, sizeof *e->values);
  e->instructions = copied(plan->instructions, plan->instruction_count, sizeof *e->instructions);
  e->operands = copied(plan->operands, plan->operand_count, sizeof *e->operands);
  e->params = copied(plan->params, plan->param_count, sizeof *e->params);
  e->constants = copied(plan->constants, plan->constant_bytes, 1);
  if (e->values && e->instructions && e->operands && e->params && e->constants) {
    *out = e;
    return PHX_OK;
  }
  release_executable(e);
  return fail(PHX_OUT_OF_MEMORY, "no memory for a program");
}

static phx_status run(phx_executable* e, void* const* inputs, void* const* outputs) {
  const size_t bytes = ((size_t)e->region.scratch_bytes / PHX_ALIGNMENT + 1) * PHX_ALIGNMENT;
  frame at = {aligned_alloc(PHX_ALIGNMENT, bytes), e->constants, inputs, outputs}; /* threads have one each */
  if (!at.scratch) return fail(PHX_OUT_OF_MEMORY, "no memory for %zu bytes of scratch", bytes);
  for (int32_t k = 0; k < e->region.instructions; k++) run_instruction(e, &e->instructions[k], &at);
  free(at.scratch);
  atomic_fetch_add(&e->engine->runs, 1);
  return PHX_OK;
}

static phx_status synchronize(phx_engine* engine) {
  (void)engine; /* a run is done when it returns */
  return PHX_OK;
}

static phx_status memory_stats(phx_engine* engine, phx_memory_stats* out) {
  out->allocated_bytes = engine->allocated, out->peak_bytes = engine->peak, out->arena_bytes = engine->arenas;
  return PHX_OK;
}

static int64_t run_count(phx_engine* engine) { return engine->runs; }

const phx_api* phynexus_api(void) {
  /* Version 1.1: what came later is left out, and core does without. */
  static const phx_api api = {
      .struct_size = offsetof(phx_api, run_steps),
      .abi_major = 1,
      .abi_minor = 1,
      .engine_version = "0.1.0",
      .device_count = device_count,
      .last_error = last_error,
      .create = create,
      .destroy = destroy,
      .capabilities = capabilities,
      .set_threads = set_threads,
      .allocate = allocate,
      .release = release,
      .upload = upload,
      .download = download,
      .compile = compile,
      .release_executable = release_executable,
      .run = run,
      .synchronize = synchronize,
      .memory_stats = memory_stats,
      .run_count = run_count,
  };
  return &api;
}
