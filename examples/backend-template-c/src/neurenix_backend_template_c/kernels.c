/* Kernels: plain loops over strided views. Make one faster, and nothing else has to change. */
#include "engine.h"

#include <string.h>

static char* address(const phx_executable* e, const frame* at, int32_t value) {
  const phx_value* v = &e->values[value];
  char* base = v->space == PHX_SCRATCH  ? at->scratch
               : v->space == PHX_INPUT  ? (char*)at->inputs[v->index]
               : v->space == PHX_OUTPUT ? (char*)at->outputs[v->index]
                                        : (char*)at->constants;
  return base + v->offset;
}

/* Bytes from a view's element 0 to the element at these places. */
static int64_t offset_of(const phx_value* v, const int64_t* place) {
  int64_t elements = 0;
  for (int a = 0; a < v->rank; a++) elements += place[a] * v->strides[a];
  return elements * size_of(v->dtype);
}

/* The next place in row-major order among `count` axes; 0 after the last one. */
static int next(int64_t* place, const int64_t* shape, const int* axes, int count) {
  for (int k = count - 1; k >= 0; k--) {
    if (++place[axes[k]] < shape[axes[k]]) return 1;
    place[axes[k]] = 0;
  }
  return 0;
}

static int is_empty(const int64_t* shape, const int* axes, int count) {
  for (int k = 0; k < count; k++)
    if (shape[axes[k]] == 0) return 1;
  return 0;
}

static const int all_axes[PHX_MAX_RANK * 3] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

static void copy(const phx_executable* e, const int32_t* operand, const frame* at) {
  const phx_value *from = &e->values[operand[0]], *to = &e->values[operand[1]];
  const char* source = address(e, at, operand[0]);
  char* target = address(e, at, operand[1]);
  const size_t size = (size_t)size_of(from->dtype);
  int64_t place[PHX_MAX_RANK] = {0};
  if (is_empty(from->shape, all_axes, from->rank)) return;
  do memcpy(target + offset_of(to, place), source + offset_of(from, place), size);
  while (next(place, from->shape, all_axes, from->rank));
}

static void iota(const phx_executable* e, const int32_t* operand, int64_t axis, const frame* at) {
  const phx_value* to = &e->values[operand[0]];
  char* target = address(e, at, operand[0]);
  int64_t place[PHX_MAX_RANK] = {0};
  if (is_empty(to->shape, all_axes, to->rank)) return;
  do store(to->dtype, target + offset_of(to, place), (number){(double)place[axis], place[axis]});
  while (next(place, to->shape, all_axes, to->rank));
}

/* The registers of one place of a fused instruction's iteration space. */
static void evaluate(const phx_executable* e, const phx_instruction* i, const int32_t* operand,
                     char* const* bases, const int64_t* place, const int64_t* op, int64_t ops,
                     number* registers, int32_t* dtypes) {
  for (int k = 0; k < i->inputs; k++) {
    const phx_value* v = &e->values[operand[k]];
    registers[k] = load(v->dtype, bases[k] + offset_of(v, place));
    dtypes[k] = v->dtype;
  }
  const number none = {0, 0};
  for (int64_t k = 0; k < ops; k++, op += 6) {
    const int64_t a = op[2], b = op[3], c = op[4];
    const int32_t to = (int32_t)op[1], from = dtypes[op[0] == PHX_WHERE ? b : a];
    registers[i->inputs + k] = element((int32_t)op[0], from, to, registers[a], b < 0 ? none : registers[b],
                                       c < 0 ? none : registers[c]);
    dtypes[i->inputs + k] = to;
  }
}

static void fused(const phx_executable* e, const phx_instruction* i, const frame* at) {
  const int64_t* p = e->params + i->first_param;
  const int32_t* operand = e->operands + i->first_operand;
  const int64_t ops = p[0], mask = p[2], rank = p[3], *shape = p + 4, *op = shape + rank, *out = op + 6 * ops;
  const int total = i->inputs + (int)ops;
  int kept[PHX_MAX_RANK], reduced[PHX_MAX_RANK], kept_count = 0, reduced_count = 0;
  for (int a = 0; a < rank; a++) {
    if (mask >> a & 1) reduced[reduced_count++] = a;
    else kept[kept_count++] = a;
  }
  number registers[total + 1], sums[i->outputs];
  int32_t dtypes[total + 1];
  char* bases[i->inputs + i->outputs];
  for (int k = 0; k < i->inputs + i->outputs; k++) bases[k] = address(e, at, operand[k]);
  int64_t place[PHX_MAX_RANK] = {0};
  if (is_empty(shape, kept, kept_count)) return;
  do {
    for (int k = 0; k < i->outputs; k++) sums[k] = (number){0, 0};
    int64_t first[PHX_MAX_RANK];
    memcpy(first, place, sizeof first);
    if (!is_empty(shape, reduced, reduced_count)) do {
        evaluate(e, i, operand, bases, place, op, ops, registers, dtypes);
        for (int k = 0; k < i->outputs; k++) {
          const phx_value* v = &e->values[operand[i->inputs + k]];
          const number value = registers[out[2 * k]];
          if (out[2 * k + 1] == 0) {
            store(v->dtype, bases[i->inputs + k] + offset_of(v, place), value);
          } else { /* in double: a float32 sum is rounded once */
            sums[k].d += value.d;
            sums[k].i = (int64_t)((uint64_t)sums[k].i + (uint64_t)value.i);
          }
        }
      } while (next(place, shape, reduced, reduced_count));
    for (int k = 0; k < i->outputs; k++) {
      const phx_value* v = &e->values[operand[i->inputs + k]];
      if (out[2 * k + 1] != 0) store(v->dtype, bases[i->inputs + k] + offset_of(v, first), sums[k]);
    }
  } while (next(place, shape, kept, kept_count));
}

/* lhs [batch.., m.., k..], rhs [batch.., k.., n..], out [batch.., m.., n..] */
static void dot_general(const phx_executable* e, const phx_instruction* i, const frame* at) {
  const int64_t* p = e->params + i->first_param;
  const int32_t* operand = e->operands + i->first_operand;
  const int batch = (int)p[0], m = (int)p[1], n = (int)p[2], terms = (int)p[3];
  const phx_value *a = &e->values[operand[0]], *b = &e->values[operand[1]], *o = &e->values[operand[2]];
  const char *left = address(e, at, operand[0]), *right = address(e, at, operand[1]);
  char* target = address(e, at, operand[2]);
  int64_t place[PHX_MAX_RANK] = {0}, in_a[PHX_MAX_RANK], in_b[PHX_MAX_RANK], term[PHX_MAX_RANK];
  const int64_t* sizes = a->shape + batch + m;
  if (is_empty(o->shape, all_axes, o->rank)) return;
  do {
    for (int k = 0; k < batch; k++) in_a[k] = in_b[k] = place[k];
    for (int k = 0; k < m; k++) in_a[batch + k] = place[batch + k];
    for (int k = 0; k < n; k++) in_b[batch + terms + k] = place[batch + m + k];
    memset(term, 0, sizeof term);
    number sum = {0, 0};
    if (!is_empty(sizes, all_axes, terms)) do {
        for (int k = 0; k < terms; k++) in_a[batch + m + k] = in_b[batch + k] = term[k];
        const number x = load(a->dtype, left + offset_of(a, in_a)),
                     y = load(b->dtype, right + offset_of(b, in_b));
        sum.d += x.d * y.d;
        sum.i = (int64_t)((uint64_t)sum.i + (uint64_t)x.i * (uint64_t)y.i);
      } while (next(term, sizes, all_axes, terms));
    store(o->dtype, target + offset_of(o, place), sum);
  } while (next(place, o->shape, all_axes, o->rank));
}

/* Element by element of what gather gives, `few`: the place in x that it comes from, or is added to. */
static void pick(const phx_executable* e, const phx_instruction* i, const frame* at, int32_t few_value,
                 int32_t x_value, int adding) {
  const int64_t* p = e->params + i->first_param;
  const int32_t index_value = e->operands[i->first_operand + 1];
  const phx_value *few = &e->values[few_value], *x = &e->values[x_value], *index = &e->values[index_value];
  char *few_base = address(e, at, few_value), *x_base = address(e, at, x_value);
  const char* index_base = address(e, at, index_value);
  const int axis = (int)p[0], batch = (int)p[1], width = index->rank - batch;
  int64_t place[PHX_MAX_RANK] = {0}, in_x[PHX_MAX_RANK], in_index[PHX_MAX_RANK];
  if (is_empty(few->shape, all_axes, few->rank)) return;
  do {
    for (int k = 0; k < batch; k++) in_index[k] = place[k];
    for (int k = 0; k < width; k++) in_index[batch + k] = place[axis + k];
    int64_t row = load(PHX_INT32, index_base + offset_of(index, in_index)).i;
    row = row < 0 ? 0 : row >= x->shape[axis] ? x->shape[axis] - 1 : row;
    for (int k = 0; k < axis; k++) in_x[k] = place[k];
    in_x[axis] = row;
    for (int k = axis + 1; k < x->rank; k++) in_x[k] = place[k - 1 + width];
    char *in_few = few_base + offset_of(few, place), *there = x_base + offset_of(x, in_x);
    const number value = load(x->dtype, adding ? in_few : there);
    if (adding)
      store(x->dtype, there, element(PHX_ADD, x->dtype, x->dtype, load(x->dtype, there), value, value));
    else store(x->dtype, in_few, value);
  } while (next(place, few->shape, all_axes, few->rank));
}

void run_instruction(const phx_executable* e, const phx_instruction* i, const frame* at) {
  const int32_t* operand = e->operands + i->first_operand;
  switch (i->opcode) {
    case PHX_FUSED: fused(e, i, at); break;
    case PHX_COPY: copy(e, operand, at); break;
    case PHX_IOTA: iota(e, operand, e->params[i->first_param], at); break;
    case PHX_DOT_GENERAL: dot_general(e, i, at); break;
    case PHX_GATHER: pick(e, i, at, operand[2], operand[0], 0); break;
    case PHX_SCATTER_ADD: {
      const int32_t x_to_out[] = {operand[0], operand[3]};
      if (address(e, at, operand[0]) != address(e, at, operand[3])) copy(e, x_to_out, at);
      pick(e, i, at, operand[2], operand[3], 1);
    }
  }
}

int supports_opcode(int32_t opcode) {
  switch (opcode) {
    case PHX_FUSED:
    case PHX_COPY:
    case PHX_IOTA:
    case PHX_DOT_GENERAL:
    case PHX_GATHER:
    case PHX_SCATTER_ADD: return 1;
    default: return 0;
  }
}
