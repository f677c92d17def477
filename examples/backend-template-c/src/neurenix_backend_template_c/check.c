/* Checks a plan before anything of it runs: indices, sizes, and that every view stays in its memory. */
#include "engine.h"

#define REFUSE(...) return fail(PHX_INVALID_ARGUMENT, __VA_ARGS__)

static int64_t room(const phx_plan* plan, const phx_value* v) {
  const phx_region* whole = &plan->regions[plan->region_count - 1];
  switch (v->space) {
    case PHX_SCRATCH: return whole->scratch_bytes;
    case PHX_INPUT: return v->index >= 0 && v->index < whole->inputs ? plan->input_bytes[v->index] : -1;
    case PHX_OUTPUT: return v->index >= 0 && v->index < whole->outputs ? plan->output_bytes[v->index] : -1;
    case PHX_CONSTANTS: return plan->constant_bytes;
    default: return -1;
  }
}

static phx_status check_value(const phx_plan* plan, int32_t number) {
  const phx_value* v = &plan->values[number];
  if (!supports_dtype(v->dtype)) return fail(PHX_UNSUPPORTED, "value %d: dtype %d", number, v->dtype);
  if (v->rank < 0 || v->rank > PHX_MAX_RANK) REFUSE("value %d: rank %d", number, v->rank);
  const int64_t bytes = room(plan, v), size = size_of(v->dtype);
  if (bytes < 0) REFUSE("value %d: space %d, index %d", number, v->space, v->index);
  __int128 low = v->offset, high = v->offset;
  int empty = 0;
  for (int a = 0; a < v->rank; a++) {
    if (v->shape[a] < 0) REFUSE("value %d: axis %d has size %lld", number, a, (long long)v->shape[a]);
    empty |= v->shape[a] == 0;
    const __int128 reach = (__int128)(v->shape[a] - 1) * v->strides[a] * size;
    if (reach < 0) low += reach;
    else high += reach;
    if (low < -((__int128)1 << 62) || high > (__int128)1 << 62) REFUSE("value %d: it is too large", number);
  }
  if (!empty && (low < 0 || high + size > bytes))
    REFUSE("value %d: it reaches from byte %lld to %lld of %lld", number, (long long)low,
           (long long)(high + size), (long long)bytes);
  return PHX_OK;
}

static phx_status check_fused(const phx_plan* plan, const phx_instruction* i, int32_t number) {
  const int64_t* p = plan->params + i->first_param;
  if (i->params < 4) REFUSE("instruction %d: fused has %d parameters", number, i->params);
  const int64_t ops = p[0], outputs = p[1], rank = p[3];
  if (ops < 0 || ops > 1 << 20 || outputs != i->outputs || rank < 0 || rank > PHX_MAX_RANK ||
      i->params != 4 + rank + 6 * ops + 2 * outputs)
    REFUSE("instruction %d: fused with %d parameters for %lld ops, %lld outputs, rank %lld", number,
           i->params, (long long)ops, (long long)outputs, (long long)rank);
  const int64_t *shape = p + 4, *op = shape + rank, *out = op + 6 * ops;
  for (int k = 0; k < i->inputs + i->outputs; k++) {
    const phx_value* v = &plan->values[plan->operands[i->first_operand + k]];
    const int reduced = k >= i->inputs && out[2 * (k - i->inputs) + 1] != 0;
    if (v->rank != rank)
      REFUSE("instruction %d: operand %d has rank %d, not %lld", number, k, v->rank, (long long)rank);
    for (int a = 0; a < rank; a++) {
      const int64_t size = reduced && p[2] >> a & 1 ? 1 : shape[a];
      if (v->shape[a] != size || shape[a] < 0)
        REFUSE("instruction %d: operand %d has size %lld on axis %d, not %lld", number, k,
               (long long)v->shape[a], a, (long long)size);
    }
  }
  for (int64_t k = 0; k < ops; k++, op += 6) {
    const int64_t registers = i->inputs + k;
    if (!supports_element((int32_t)op[0]))
      return fail(PHX_UNSUPPORTED, "instruction %d: op %lld", number, (long long)op[0]);
    if (!supports_dtype((int32_t)op[1]))
      return fail(PHX_UNSUPPORTED, "instruction %d: dtype %lld", number, (long long)op[1]);
    for (int s = 2; s < 5; s++)
      if (op[s] < -1 || op[s] >= registers) REFUSE("instruction %d: register %lld", number, (long long)op[s]);
    const int needed = op[0] == PHX_WHERE ? 3 : op[0] >= PHX_ADD ? 2 : 1;
    for (int s = 0; s < needed; s++)
      if (op[2 + s] < 0) REFUSE("instruction %d: op %lld lacks an operand", number, (long long)op[0]);
  }
  for (int k = 0; k < outputs; k++) {
    if (out[2 * k] < 0 || out[2 * k] >= i->inputs + ops)
      REFUSE("instruction %d: register %lld", number, (long long)out[2 * k]);
    if (out[2 * k + 1] != 0 && out[2 * k + 1] != PHX_SUM)
      return fail(PHX_UNSUPPORTED, "instruction %d: reduction %lld", number, (long long)out[2 * k + 1]);
  }
  return PHX_OK;
}

/* Whether axes [first, first + count) of two values have the same sizes. */
static int same(const phx_value* a, int first_a, const phx_value* b, int first_b, int count) {
  for (int k = 0; k < count; k++)
    if (a->shape[first_a + k] != b->shape[first_b + k]) return 0;
  return 1;
}

static int fits(const phx_plan* plan, const phx_instruction* i) {
  const int64_t* p = plan->params + i->first_param;
  const int32_t* operand = plan->operands + i->first_operand;
  const phx_value* a = &plan->values[operand[0]];
  const phx_value* b = i->inputs > 1 ? &plan->values[operand[1]] : 0;
  const phx_value* c = i->inputs > 2 ? &plan->values[operand[2]] : 0;
  const phx_value* out = &plan->values[operand[i->inputs]];
  switch (i->opcode) {
    case PHX_COPY:
      return i->inputs == 1 && a->dtype == out->dtype && a->rank == out->rank && same(a, 0, out, 0, a->rank);
    case PHX_IOTA: return i->inputs == 0 && i->params == 1 && p[0] >= 0 && p[0] < out->rank;
    case PHX_DOT_GENERAL: {
      if (i->inputs != 2 || i->params != 4) return 0;
      for (int k = 0; k < 4; k++)
        if (p[k] < 0 || p[k] > PHX_MAX_RANK) return 0;
      const int batch = (int)p[0], m = (int)p[1], n = (int)p[2], k = (int)p[3];
      return a->dtype == out->dtype && b->dtype == out->dtype && a->rank == batch + m + k &&
             b->rank == batch + k + n && out->rank == batch + m + n && same(a, 0, out, 0, batch + m) &&
             same(b, 0, out, 0, batch) && same(a, batch + m, b, batch, k) &&
             same(b, batch + k, out, batch + m, n);
    }
    default: { /* gather: x, index -> out; scatter_add: x, index, updates -> out */
      const int scatter = i->opcode == PHX_SCATTER_ADD;
      if (i->inputs != 2 + scatter || i->params != 2 || b->dtype != PHX_INT32) return 0;
      const phx_value* few = scatter ? c : out;
      const int axis = (int)p[0], batch = (int)p[1], width = b->rank - batch;
      if (p[0] < 0 || p[0] >= a->rank || p[1] < 0 || p[1] > p[0] || width < 0) return 0;
      if (few->dtype != a->dtype || few->rank != a->rank - 1 + width || !same(a, 0, few, 0, axis) ||
          !same(a, 0, b, 0, batch) || !same(b, batch, few, axis, width) ||
          !same(a, axis + 1, few, axis + width, a->rank - axis - 1))
        return 0;
      if (scatter && (out->dtype != a->dtype || out->rank != a->rank || !same(a, 0, out, 0, a->rank)))
        return 0;
      int64_t elements = 1;
      for (int k = 0; k < few->rank && elements; k++) elements = few->shape[k] ? 1 : 0;
      return a->shape[axis] > 0 || !elements;
    }
  }
}

phx_status check_plan(const phx_plan* plan) {
  if (!plan || plan->struct_size < sizeof(phx_plan)) REFUSE("no plan, or one of another version");
  if (plan->region_count != 1)
    return fail(PHX_UNSUPPORTED, "%d regions; this engine runs one", plan->region_count);
  const phx_region* whole = plan->regions;
  if (plan->value_count < 0 || plan->instruction_count < 0 || plan->operand_count < 0 ||
      plan->param_count < 0 || plan->constant_bytes < 0 || whole->scratch_bytes < 0 || whole->inputs < 0 ||
      whole->outputs < 0 || whole->first_instruction != 0 || whole->instructions != plan->instruction_count)
    REFUSE("a count is negative, or the region does not have all instructions");
  for (int32_t k = 0; k < plan->value_count; k++) {
    const phx_status status = check_value(plan, k);
    if (status) return status;
  }
  for (int32_t number = 0; number < plan->instruction_count; number++) {
    const phx_instruction* i = &plan->instructions[number];
    const int64_t operands = (int64_t)i->inputs + i->outputs;
    if (!supports_opcode(i->opcode))
      return fail(PHX_UNSUPPORTED, "instruction %d: opcode %d", number, i->opcode);
    if (i->inputs < 0 || i->outputs < 1 || i->first_operand < 0 ||
        i->first_operand + operands > plan->operand_count || i->params < 0 || i->first_param < 0 ||
        (int64_t)i->first_param + i->params > plan->param_count)
      REFUSE("instruction %d: operands or parameters outside of the plan", number);
    for (int k = 0; k < operands; k++) {
      const int32_t v = plan->operands[i->first_operand + k];
      if (v < 0 || v >= plan->value_count) REFUSE("instruction %d: operand %d is value %d", number, k, v);
      if (k >= i->inputs && (plan->values[v].space == PHX_INPUT || plan->values[v].space == PHX_CONSTANTS))
        REFUSE("instruction %d: it writes an input or a constant", number);
    }
    if (i->opcode == PHX_FUSED) {
      const phx_status status = check_fused(plan, i, number);
      if (status) return status;
    } else if (i->outputs != 1 || !fits(plan, i)) {
      REFUSE("instruction %d: operands do not fit opcode %d", number, i->opcode);
    }
  }
  return PHX_OK;
}
