/* What the files of this engine share: a checked plan, one number of any dtype, failures. */
#ifndef TEMPLATE_ENGINE_H
#define TEMPLATE_ENGINE_H

#include <phynexus.h>

typedef struct phx_executable {
  phx_engine* engine;
  phx_value* values;
  phx_instruction* instructions;
  int32_t* operands;
  int64_t* params;
  char* constants;
  phx_region region; /* the whole program: this engine declares no opcode that has regions */
} phx_executable;

/* Where a run finds its memory. */
typedef struct frame {
  char* scratch;
  const char* constants;
  void* const* inputs;
  void* const* outputs;
} frame;

/* One element in a register: floats in d, all else in i. */
typedef struct number {
  double d;
  int64_t i;
} number;

/* Sets what last_error() says, and gives the status back. */
phx_status fail(phx_status status, const char* format, ...);

int supports_dtype(int32_t dtype);
int supports_opcode(int32_t opcode);  /* of an instruction */
int supports_element(int32_t opcode); /* of an op inside PHX_FUSED */
int64_t size_of(int32_t dtype);
int is_float(int32_t dtype);

number load(int32_t dtype, const char* from);
void store(int32_t dtype, char* to, number value);

/* One element-wise op: a, b, c have the dtype `from` (of a `where`: b and c), the result `to`. */
number element(int32_t opcode, int32_t from, int32_t to, number a, number b, number c);

/* check.c: refuses a plan that is wrong; what passes never leaves its memory. */
phx_status check_plan(const phx_plan* plan);

/* kernels.c: one instruction. */
void run_instruction(const phx_executable* executable, const phx_instruction* instruction, const frame* at);

#endif
