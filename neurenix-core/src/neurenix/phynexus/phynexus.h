/* phynexus.h: the C ABI between Neurenix and a native engine.
 *
 * An engine is a shared library that exports one symbol, `phynexus_api`. A whole program crosses once, as a
 * `phx_plan` of plain arrays, and is run with one call a step. docs/engine-abi.md shows plans of small programs,
 * lists the sizes and offsets of all structs, and has the changelog.
 *
 * Versions. `abi_major` changes when something here changes its meaning; core refuses another one. `abi_minor`
 * changes when something is added at the end of a struct, or an opcode. What came after 1.0 is marked "from 1.x".
 * Each struct that crosses begins with `struct_size`, set by whoever made it; its reader looks at no field beyond
 * that size, and refuses one that is smaller than version 1.0's.
 *
 * Errors. A call that can fail returns a status; 0 is success. On failure nothing was done, but for what the call
 * says itself, and `last_error` has a message for people in UTF-8: what was wrong, with the numbers. Nothing is
 * thrown across this boundary, and nothing aborts: a wrong plan, pointer or size that the engine can see is
 * PHX_INVALID_ARGUMENT.
 *
 * Threads. Calls may come from any thread, and from several at once, unless they say otherwise. Neurenix holds no
 * lock of Python's interpreter during a call. An engine may use threads of its own; after a fork() it must work
 * in the child, or fail there with a message.
 *
 * Ownership. What an engine hands out (an engine, memory, an executable) belongs to the caller, who gives it back
 * once, by the call named beside it. What a caller passes in belongs to the caller and is not kept after the call.
 */
#ifndef PHYNEXUS_H
#define PHYNEXUS_H

#include <stddef.h>
#include <stdint.h>

#define PHX_ABI_MAJOR 1
#define PHX_ABI_MINOR 6
#define PHX_MAX_RANK 8
#define PHX_ALIGNMENT 64 /* bytes: every buffer, and the offset of every block in scratch and in constants */
#define PHX_MAX_DEPTH 64 /* regions within each other; an engine refuses a plan with more */
#define PHX_FUSED_WITH_ARGMAX 2 /* in phx_capabilities.opcodes[PHX_FUSED]; from 1.3 */
#define PHX_READING_LEVELS 4    /* of phx_capabilities.reading_bytes */

#ifdef __cplusplus
extern "C" {
#endif

typedef enum phx_status {
  PHX_OK = 0,
  PHX_INVALID_ARGUMENT = 1, /* the plan, a pointer or an option is wrong */
  PHX_OUT_OF_MEMORY = 2,    /* of the device, or of the host */
  PHX_UNSUPPORTED = 3,      /* a dtype or opcode that the engine does not declare */
  PHX_DEVICE_ERROR = 4      /* the device or its driver failed */
} phx_status;

typedef enum phx_dtype {
  PHX_FLOAT32 = 0,
  PHX_FLOAT64 = 1,
  PHX_FLOAT16 = 2,
  PHX_BFLOAT16 = 3,
  PHX_INT32 = 4,
  PHX_INT64 = 5,
  PHX_UINT8 = 6,
  PHX_UINT32 = 7,
  PHX_BOOL = 8 /* one byte, 0 or 1 */
} phx_dtype;

/* From 1.6: how an engine may round the factors of float32 products and convolutions, which it adds up in float32. */
typedef enum phx_precision {
  PHX_PRODUCTS_FLOAT32 = 0, /* not at all */
  PHX_PRODUCTS_TF32 = 1,    /* to 10 bits of fraction, to the nearest, of two the one away from 0 */
  PHX_PRODUCTS_BFLOAT16 = 2 /* to bfloat16, to the nearest, of two the even one */
} phx_precision;

/* Stable numbers. Elementwise ones occur only inside PHX_FUSED. */
/* clang-format off */
typedef enum phx_opcode {
  /* elementwise, one operand */
  PHX_NEG = 1, PHX_ABS = 2, PHX_SIGN = 3, PHX_FLOOR = 4, PHX_ROUND = 5, PHX_EXP = 6, PHX_LOG = 7, PHX_LOG1P = 8,
  PHX_SIN = 9, PHX_COS = 10, PHX_TAN = 11, PHX_ATAN = 12, PHX_TANH = 13, PHX_SQRT = 14, PHX_RSQRT = 15,
  PHX_ERF = 16, PHX_IS_FINITE = 17, PHX_LOGICAL_NOT = 18, PHX_CAST = 19, PHX_BITCAST = 20,
  PHX_INTEGER_POW = 21, /* immediate: the exponent */
  /* elementwise, two operands */
  PHX_ADD = 30, PHX_SUB = 31, PHX_MUL = 32, PHX_DIV = 33, PHX_REMAINDER = 34, PHX_POW = 35, PHX_MAXIMUM = 36,
  PHX_MINIMUM = 37, PHX_ATAN2 = 38,
  PHX_EQUAL = 40, PHX_NOT_EQUAL = 41, PHX_LESS = 42, PHX_LESS_EQUAL = 43, PHX_GREATER = 44, PHX_GREATER_EQUAL = 45,
  PHX_BITWISE_AND = 50, PHX_BITWISE_OR = 51, PHX_BITWISE_XOR = 52, PHX_SHIFT_LEFT = 53, PHX_SHIFT_RIGHT = 54,
  /* elementwise, three operands: condition (bool), value if true, value if false */
  PHX_WHERE = 60,
  /* reductions; all but argmax, which may be that too, occur only as the reduction of a PHX_FUSED output */
  PHX_SUM = 70, PHX_PROD = 71, PHX_MAX = 72, PHX_MIN = 73, PHX_ARGMAX = 74, PHX_ANY = 75, PHX_ALL = 76,
  PHX_CUMSUM = 77,
  /* contractions */
  PHX_DOT_GENERAL = 80, PHX_CONV_GENERAL = 81, PHX_CONV_INPUT_GRADIENT = 82, PHX_CONV_WEIGHT_GRADIENT = 83,
  /* movement; a plan has only PHX_COPY left, the others are strides and offsets of values by then */
  PHX_RESHAPE = 90, PHX_TRANSPOSE = 91, PHX_BROADCAST = 92, PHX_PAD = 93, PHX_SLICE = 94, PHX_FLIP = 95,
  PHX_CONCAT = 96, PHX_COPY = 97,
  /* index */
  PHX_GATHER = 100, PHX_SCATTER = 101, PHX_SCATTER_ADD = 102,
  PHX_SORT = 103, /* from 1.1 */
  /* sources */
  PHX_IOTA = 110, PHX_RANDOM_BITS = 111, PHX_CONSTANT = 112,
  /* control */
  PHX_CALL = 120, PHX_SCAN = 121, PHX_MAP = 122, PHX_BARRIER = 123, PHX_STOP_GRADIENT = 124,
  PHX_FUSED = 130,
  /* linear algebra; from 1.1 */
  PHX_CHOLESKY = 140, PHX_TRIANGULAR_SOLVE = 141, PHX_LU = 142,
  PHX_OPCODE_COUNT = 160
} phx_opcode;
/* clang-format on */

/* Where a value lives. A region runs in a frame: a scratch area, and a base pointer for each input and output. */
typedef enum phx_space {
  PHX_SCRATCH = 0,  /* frame scratch + offset */
  PHX_INPUT = 1,    /* frame.inputs[index] + offset */
  PHX_OUTPUT = 2,   /* frame.outputs[index] + offset */
  PHX_CONSTANTS = 3 /* plan.constants + offset */
} phx_space;

/* A view of memory. Several values may view the same bytes. `offset` is in bytes and leads to element
 * [0, ..., 0]; strides are in elements, 0 where the axis is broadcast, negative where it runs backwards. */
typedef struct phx_value {
  int32_t dtype;
  int32_t rank;
  int64_t shape[PHX_MAX_RANK];
  int64_t strides[PHX_MAX_RANK];
  int32_t space;
  int32_t index;
  int64_t offset;
} phx_value;

/* Operands are indices into plan.values, listed in plan.operands: inputs first, then outputs (-1: an output
 * that nobody reads and that has no memory; scan and map only). Parameters are in plan.params.
 *
 * PHX_FUSED: an elementwise program over one iteration space, its outputs stored or reduced.
 *   params: ops, outputs, reduced (bit d set: axis d is reduced), rank, shape[rank],
 *           then for each op:     opcode, dtype of the result, a, b, c, immediate
 *           then for each output: register, reduction (0: stored; else PHX_SUM, PROD, MAX, MIN, ANY or ALL; from
 *           1.3 also ARGMAX, for engines that say so in phx_capabilities: int32, as PHX_ARGMAX has it)
 *   Registers 0 .. inputs-1 are the inputs; inputs+i is the result of op i (a, b, c name earlier registers or
 *   are -1). Every input has the iteration space's rank and shape (stride 0 on broadcast axes). A stored output
 *   has the iteration shape; a reduced one has shape 1 and stride 0 on the reduced axes. The operands of an op
 *   share a dtype, but for the condition of `where` (bool) and the operand of cast, bitcast and is_finite;
 *   comparisons and is_finite give bool. An output may be the very view of an input (same offset and strides):
 *   an engine reads an element's inputs before it writes its outputs. An empty sum is 0, prod 1, any 0, all 1.
 *   Integers wrap around. A shift by less than 0, or by the width or more, gives 0. A remainder has the divisor's
 *   sign, and an integer's by 0 is 0. A cast to integers truncates and saturates, NaN gives 0; one to floats rounds
 *   once, to the nearest, ties to even. A maximum or minimum of NaN is NaN; of 0 and -0 it is either.
 * PHX_ARGMAX: params: reduced (how many trailing axes of the input are reduced, together, in row-major order).
 *   Output int32, the leading axes. The first of equal values; the first NaN wins over everything.
 * PHX_CUMSUM: params: axis, reverse.
 * PHX_DOT_GENERAL: params: batch, m, n, k (numbers of axes). lhs [batch.., m.., k..], rhs [batch.., k.., n..],
 *   output [batch.., m.., n..]; any strides. out = sum over k of lhs * rhs.
 * PHX_CONV_GENERAL: params: batch axes, stride h, w, padding h low, high, w low, high, dilation h, w.
 *   x [batch.., N, C, H, W], w [batch.., O, C, KH, KW], output [batch.., N, O, OH, OW]; any strides (plans
 *   prefer channels with stride 1). Cross-correlation: out[n,o,i,j] = sum x[n,c,i*sh+a*dh-ph, j*sw+b*dw-pw] w[o,c,a,b].
 * PHX_CONV_INPUT_GRADIENT: inputs g (like the convolution's output) and w; output like x. Same params.
 * PHX_CONV_WEIGHT_GRADIENT: inputs x and g; output like w. Same params.
 * PHX_COPY: output = input; one shape, one dtype, any strides.
 * PHX_GATHER: params: axis, batch. x [b.., p.., n, s..], index int32 [b.., i..], output [b.., p.., i.., s..], where
 *   `axis` is the position of n in x and the first `batch` axes of x and index go together. Indices are clamped
 *   to 0 .. n-1.
 * PHX_SCATTER, PHX_SCATTER_ADD: params: axis, batch. inputs x, index, updates (shaped like gather's output);
 *   output = x with the updates written (the last of several wins) or added, in row-major order of the updates.
 * PHX_SORT: params: axis. outputs: the values of each line in ascending order, and int32 where each came from.
 *   Stable; NaN last.
 * PHX_CHOLESKY: no params. a [.., n, n] -> L [.., n, n], 0 above the diagonal, L Lᵀ = a. Reads a's lower triangle.
 *   A matrix that is not positive definite gives one full of NaN.
 * PHX_TRIANGULAR_SOLVE: params: lower, transpose, unit_diagonal (0 or 1). a [.., n, n], b [.., n, k] -> x like b:
 *   a x = b, or aᵀ x = b. Reads one triangle of a, and its diagonal unless that is taken for ones.
 * PHX_LU: no params. a [.., n, n] -> packed [.., n, n], L below the diagonal (ones on it) and U above, and int32
 *   order [.., n]: row i of L U is row order[i] of a. The pivot is the first of the largest, NaN before all; a
 *   column without a pivot other than 0 is left as it is.
 * PHX_IOTA: params: axis. output[.., i, ..] = i.
 * PHX_RANDOM_BITS: input key uint32[2]; output uint32, any shape. Element e (row-major) is lane e%4 of
 *   Philox4x32-10 with that key and the counter (low 32 bits of e/4, high 32 bits of e/4, 0, 0).
 * PHX_CALL: region. params: scratch (offset, in the caller's scratch, of the callee's scratch).
 *   Operand k becomes the base of the callee's input or output k.
 * PHX_SCAN: region. params: scratch, length, consts, carries, xs, ys, reverse, then for each carry two offsets
 *   into the caller's scratch, of buffers that the engine uses in turn. Inputs: consts, first carries, xs
 *   [length, ..]. Outputs: last carries, ys [length, ..], saved [length, ..] (each iteration's carries before it;
 *   -1 where nobody reads them). Region: (consts, carries, x) -> (carries, y); carries are contiguous.
 * PHX_MAP: region. params: iterations, chunk (at most so many at once; 0: the engine's choice), then one flag for
 *   each input (1: mapped over its leading axis, 0: shared) and one for each output (0: stacked, 1: summed).
 *   Iterations are independent and may run in any order, on any threads; each has scratch of its own. A sum
 *   does not depend on threads or chunks: the terms are pushed in order of their index onto a stack, equal-sized
 *   neighbours merging (left + right) as in a binary counter; at the end what is left merges from the top down.
 */
typedef struct phx_instruction {
  int32_t opcode;
  int32_t inputs;        /* how many */
  int32_t outputs;       /* how many */
  int32_t first_operand; /* into plan.operands */
  int32_t params;        /* how many */
  int32_t first_param;   /* into plan.params */
  int32_t region;        /* into plan.regions; -1: none. Always smaller than the region that it is used in */
  int32_t line;          /* into the program's table of source lines, for messages; -1: none */
} phx_instruction;

typedef struct phx_region {
  int32_t inputs; /* how many base pointers its frame has for inputs, and for outputs */
  int32_t outputs;
  int32_t first_instruction; /* into plan.instructions */
  int32_t instructions;
  int64_t scratch_bytes; /* of its frame, that of the regions that it calls included, maps excluded */
} phx_region;

/* A program. All arrays belong to the caller and may be freed after compile(); one whose count is 0 may be null.
 * An engine checks everything in it before it runs anything: see compile(). */
typedef struct phx_plan {
  size_t struct_size;
  const phx_value* values;
  const phx_instruction* instructions;
  const int32_t* operands;
  const int64_t* params;
  const phx_region* regions; /* the last one is the whole program */
  const void* constants;
  int32_t value_count, instruction_count, operand_count, param_count, region_count;
  int64_t constant_bytes;
  const int64_t* input_bytes; /* what run() may touch behind each input and output of the whole program */
  const int64_t* output_bytes;
} phx_plan;

typedef struct phx_options {
  size_t struct_size;
  int32_t threads; /* 0: NEURENIX_NUM_THREADS, else what affinity and control groups allow; most 1024 */
  int32_t unused;
  int32_t precision; /* from 1.6: a phx_precision that the engine declares */
} phx_options;

typedef struct phx_capabilities {
  size_t struct_size;                /* in: the caller's; kept */
  uint32_t dtypes;                   /* bit d: dtype d */
  uint8_t opcodes[PHX_OPCODE_COUNT]; /* 1: has a native kernel; of PHX_FUSED also PHX_FUSED_WITH_ARGMAX */
  int32_t threads;
  int32_t host_visible;     /* 1: buffers can be read and written by the host at their address */
  int64_t memory_bytes;     /* 0: unknown */
  char name[64];            /* the device's; ends with a 0 */
  char instruction_set[32]; /* "avx512", "sm_90", ...; ends with a 0 */

  /* From 1.5: the plans that the engine runs best. 0: core's choice, which is how plans were made before.
   * convolution_layout: what has stride 1 in the results of convolutions: 1: channels; 2: the width.
   * product_rows: a weight that several products, of at most so many rows each, read across its rows is laid out once
   * for all of them; -1: never. */
  int32_t fused_operations; /* the most ops of a PHX_FUSED */
  int32_t fused_inputs;     /* the most inputs of a PHX_FUSED */
  int32_t axes;             /* the most axes that element-wise work is given; at most PHX_MAX_RANK */
  int32_t convolution_layout;
  int32_t product_rows;
  /* What it costs to read a value of at least reading_bytes[k] bytes, in simple operations on as many elements; the
   * first k that fits counts, so that sizes fall, to 0. All costs 0: core's choice. */
  int64_t reading_bytes[PHX_READING_LEVELS];
  double reading_costs[PHX_READING_LEVELS];

  /* From 1.6: whether a PHX_MAP pays, whose iterations are tasks that a group of lanes runs each, or the map comes
   * expanded: as instructions with one more axis. task_groups 0: every map comes as one. Times are in multiply-adds of
   * one lane; most_...: above it a map comes expanded; 0 of the last four: no limit. */
  int32_t task_lanes;         /* of a group */
  int32_t task_groups;        /* that run at once */
  double task_barrier;        /* the time between two steps of a task */
  double task_dispatch;       /* the time of one more instruction on the whole device */
  int64_t task_most_work;     /* multiply-adds of a step */
  int64_t task_most_elements; /* elements of a step */
  int32_t task_most_operands; /* inputs and outputs of a map */
  int32_t task_most_steps;    /* of a task */
  double task_most_time;      /* of a task */
  int64_t expanded_bytes;     /* of the values of expanded iterations; more go in chunks */

  /* From 1.6: bit p: the phx_precision p may be asked for; PHX_PRODUCTS_FLOAT32 always may. */
  uint32_t precisions;
} phx_capabilities;

typedef struct phx_memory_stats {
  size_t struct_size;      /* in: the caller's; kept */
  int64_t allocated_bytes; /* in buffers that were allocated and not released */
  int64_t peak_bytes;      /* the most that allocated_bytes has been */
  int64_t arena_bytes;     /* scratch of runs that are under way, and what is kept of it for the next */
  int64_t cached_bytes;    /* from 1.4: all else that is kept for reuse, such as buffers that were released */
} phx_memory_stats;

/* Several runs in a row; from 1.2. Step i is a run() on every pointer moved on by i times its stride.
 *
 * The host need not read `ok` between two steps. From 1.5 an engine may start the steps that follow at once, each of
 * its writes to an output whose stride is 0 (state) predicated on the device on the ok of all steps before. A step
 * after the first that leaves false counts as not made: `done` has the steps up to and including that one, `stopped`
 * is 1, state is as that one left it, and of outputs that move, what lies beyond `done` is undefined. */
typedef struct phx_steps {
  size_t struct_size;
  void* const* inputs; /* of step 0, as for run() */
  void* const* outputs;
  const int64_t* input_strides; /* bytes, for each pointer; 0: the same in every step, as state is */
  const int64_t* output_strides;
  int64_t count;       /* steps in all */
  int64_t done;        /* in: the steps that earlier calls have made; out: those made by now */
  int64_t nanoseconds; /* of this call: none begins after so long, but at least one is made; 0: no limit */
  int32_t ok_output; /* -1, or an output of one bool: where a step leaves false, none that follows is made */
  int32_t stopped;   /* out: 1 where the last step made left false */
} phx_steps;

/* What an instruction has cost, on all threads together; from 1.2. Without what it ran in a region: that is the
 * cost of the region's instructions. */
typedef struct phx_cost {
  int64_t count; /* how often it ran */
  int64_t nanoseconds;
} phx_cost;

typedef struct phx_engine phx_engine;
typedef struct phx_executable phx_executable;

/* The table of an engine's functions. It lives as long as the library; the first four fields never move. A function
 * that came after 1.0 may be null: core does without it, as with an engine of that version. */
typedef struct phx_api {
  size_t struct_size;
  int32_t abi_major;
  int32_t abi_minor;
  const char* engine_version; /* for people, such as "0.1.0" */

  /* How many devices there are; 0 where there are none or no driver, below 0 (from 1.6) where the driver does not work:
   * then last_error() may say why, and create() does. It keeps hold of nothing. */
  int32_t (*device_count)(void);

  /* The message of this thread's last failed call; never null. The engine's, valid until this thread's next call. */
  const char* (*last_error)(void);

  /* An engine for the device `device_index`, from 0. `options` may be null. *engine is the caller's, until destroy();
   * null after a failure. PHX_INVALID_ARGUMENT: no such device, an option out of range. PHX_DEVICE_ERROR: the
   * device does not answer. */
  phx_status (*create)(int32_t device_index, const phx_options* options, phx_engine** engine);

  /* Ends the caller's hold of an engine; null is allowed. Executables that still live keep what they need of it;
   * memory must have been released. Not while another call on this engine is under way. */
  void (*destroy)(phx_engine* engine);

  /* Fills *out, whose struct_size the caller has set. The same each time, but for `threads`. */
  phx_status (*capabilities)(phx_engine* engine, phx_capabilities* out);

  /* From now on runs use so many threads; 0: the engine's choice. It waits for runs that use the threads now.
   * Results do not depend on the number, to the bit. Scratch that is kept for reuse is let go of. */
  phx_status (*set_threads)(phx_engine* engine, int32_t threads);

  /* Memory of the device, 64-byte aligned, uninitialised; 0 bytes gives a pointer too. The caller's, until release().
   * PHX_INVALID_ARGUMENT: a negative or absurd size. PHX_OUT_OF_MEMORY: it cannot be had. */
  phx_status (*allocate)(phx_engine* engine, int64_t bytes, void** out);

  /* Gives memory back; null is allowed. Work that uses it may still be under way: the engine waits, or frees it
   * later. PHX_INVALID_ARGUMENT, where the engine can tell: not from allocate(), or released before. */
  phx_status (*release)(phx_engine* engine, void* pointer);

  /* Copies to and from the device's memory, in order with runs. On return `host` has been read, or written. */
  phx_status (*upload)(phx_engine* engine, void* device, const void* host, int64_t bytes);
  phx_status (*download)(phx_engine* engine, void* host, const void* device, int64_t bytes);

  /* Makes a plan ready to run. It is checked and copied. *out is the caller's, until release_executable(); null after a
   * failure. PHX_INVALID_ARGUMENT: an index outside its array, a size, offset or stride that leaves its memory or
   * overflows, operands that do not fit the opcode, a region that comes later than its use, regions deeper than
   * PHX_MAX_DEPTH. PHX_UNSUPPORTED: an opcode or dtype that capabilities() does not declare. A plan that passes never
   * reads or writes outside of its scratch, constants, input_bytes and output_bytes. The message says which
   * instruction, by number, name and source line. */
  phx_status (*compile)(phx_engine* engine, const phx_plan* plan, phx_executable** out);

  /* Ends the caller's hold of an executable; null is allowed. Not while it runs. */
  void (*release_executable)(phx_executable* executable);

  /* Runs it once. `inputs` and `outputs` have an address for each of the whole program's, aligned for its dtypes; the
   * two lists are read before the call returns and not kept. Several threads may enter one executable at once, each
   * with scratch of its own. An output may be the same buffer as an input where the plan was made for it.
   * The call may return before the work is done: then release(), download() and later runs wait for what they
   * need, and errors of the work surface in the next call that needs it, or in synchronize(). After a failure the
   * outputs' contents are undefined. It ends by itself: nothing can break it off from outside. */
  phx_status (*run)(phx_executable* executable, void* const* inputs, void* const* outputs);

  /* Returns when all work is done, with the first error of it that has not surfaced. */
  phx_status (*synchronize)(phx_engine* engine);

  /* Fills *out, whose struct_size the caller has set. */
  phx_status (*memory_stats)(phx_engine* engine, phx_memory_stats* out);

  /* How often run() or run_steps() was called: for tests. */
  int64_t (*run_count)(phx_engine* engine);

  /* From 1.2. Several runs in a row; see phx_steps. It returns early when its time is up, so that its caller can look
   * for signals, and call again with the same struct. Outputs of steps that were not made are left as they are, but
   * for what phx_steps allows. After a failure `done` has the steps made before the one that failed. */
  phx_status (*run_steps)(phx_executable* executable, phx_steps* steps);

  /* From 1.2. While it is on, every run of this engine adds up what its instructions cost. */
  phx_status (*set_profiling)(phx_engine* engine, int32_t on);

  /* From 1.2. Costs of the plan's instructions, in its order, added up since they were last read; room for
   * `capacity` of them, at least instruction_count. Not while it runs. */
  phx_status (*read_profile)(phx_executable* executable, phx_cost* costs, int32_t capacity);

  /* From 1.5. The bytes of scratch that one run takes on so many threads (0: on as many as there are now): no less
   * than the run will take, but for what kernels pack into blocks that fit a cache. Nothing runs. It bounds the
   * iterations of a map that core lets run at once, where a user gives a limit. */
  phx_status (*memory_bytes)(phx_executable* executable, int32_t threads, int64_t* bytes);

  /* From 1.6. What people should know of the device, a line each, such as what is missing that would make it faster;
   * UTF-8, ends with a 0. `text` has room for `capacity` bytes, and what does not fit is left out; *bytes says how many
   * there would be. */
  phx_status (*notes)(phx_engine* engine, char* text, int64_t capacity, int64_t* bytes);

  /* From 1.6. What compile() makes from now on rounds factors like that, where the engine finds that it pays.
   * PHX_UNSUPPORTED: a phx_precision that the engine does not declare. */
  phx_status (*set_precision)(phx_engine* engine, int32_t precision);
} phx_api;

/* The one exported symbol. The same table each time; it loads no driver and cannot fail. */
const phx_api* phynexus_api(void);

#ifdef __cplusplus
}
#endif
#endif
