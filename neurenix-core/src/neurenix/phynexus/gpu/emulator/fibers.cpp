// Switches between fibers, counts them at barriers, finds threads that wait for each other, and tells ThreadSanitizer
// that each fiber is a thread, so that it finds a barrier that is missing.
#include "fibers.h"

#include "launch.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <memory>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
// What the fibers share here is no data of the program's.
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))
#else
#define UNSEEN
#endif

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace phynexus::emulator {
namespace {

constexpr size_t stack_bytes = 256 << 10;

#if defined(__x86_64__)
extern "C" void phynexus_switch_fiber(void** save, void* load);
asm(R"(.text
.globl phynexus_switch_fiber
.hidden phynexus_switch_fiber
.type phynexus_switch_fiber, @function
phynexus_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size phynexus_switch_fiber, .-phynexus_switch_fiber
)");
#endif

// Where all of a group of threads meet, again and again.
struct Barrier {
  int arrived = 0;
  int64_t meetings = 0;
  char tokens[2] = {};  // for odd and even meetings: who is one ahead must not seem to come before
};

struct Fiber {
  char* stack = nullptr;
#if defined(__x86_64__)
  void* top = nullptr;
#else
  ucontext_t context;
#endif
  bool done = false;
  const Barrier* waits = nullptr;  // until its meetings differ from `meeting`
  int64_t meeting = 0;
  int64_t barriers = 0;  // how often it called block_barrier()
  int64_t exchanges = 0;
  void* sanitizer = nullptr;
};

// One thread of the host with its block.
struct Host {
  Fiber fibers[most_threads];
#if defined(__x86_64__)
  void* top = nullptr;
#else
  ucontext_t context;
#endif
  void* sanitizer = nullptr;
  char begin_token = 0, end_token = 0;
  void (*entry)(const void*) = nullptr;
  const void* arguments = nullptr;
  int current = 0, threads = 0;
  int64_t block = 0, blocks = 0;
  alignas(64) char shared[most_shared_bytes];
  Barrier of_block;
  Barrier of_lanes[most_threads];
  uint64_t exchanged[2][most_threads];

  Host() {
    for (Fiber& fiber : fibers) fiber.stack = static_cast<char*>(aligned_alloc(64, stack_bytes));
  }
  ~Host() {
    for (Fiber& fiber : fibers) {
      free(fiber.stack);
#if defined(__SANITIZE_THREAD__)
      if (fiber.sanitizer) __tsan_destroy_fiber(fiber.sanitizer);
#endif
    }
  }
};

Options process_options;
BarrierSites process_sites;
thread_local std::unique_ptr<Host> own;
thread_local Host* host_pointer = nullptr;

UNSEEN Host& host() {
  if (!host_pointer) {
    own = std::make_unique<Host>();
    host_pointer = own.get();
  }
  return *host_pointer;
}

UNSEEN void to_scheduler(Host& h) {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(h.sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
  phynexus_switch_fiber(&h.fibers[h.current].top, h.top);
#else
  swapcontext(&h.fibers[h.current].context, &h.context);
#endif
}

UNSEEN void to_fiber(Host& h, int thread) {
  h.current = thread;
  Fiber& fiber = h.fibers[thread];
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(fiber.sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
  phynexus_switch_fiber(&h.top, fiber.top);
#else
  swapcontext(&h.context, &fiber.context);
#endif
}

UNSEEN void fiber_main() {
  Host& h = *host_pointer;
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&h.begin_token);
#endif
  h.entry(h.arguments);
#if defined(__SANITIZE_THREAD__)
  __tsan_release(&h.end_token);
#endif
  h.fibers[h.current].done = true;
  to_scheduler(h);
  abort();  // nothing switches to a fiber that is done
}

UNSEEN void prepare(Fiber& fiber) {
#if defined(__x86_64__)
  // What phynexus_switch_fiber pops: six registers, then where it returns to; the stack is as after a call then.
  void** top = reinterpret_cast<void**>(fiber.stack + stack_bytes - 64) - 8;
  memset(top, 0, 8 * sizeof *top);
  top[6] = reinterpret_cast<void*>(&fiber_main);
  fiber.top = top;
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = stack_bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
#endif
  fiber.done = false;
  fiber.waits = nullptr;
  fiber.barriers = fiber.exchanges = 0;
#if defined(__SANITIZE_THREAD__)
  if (!fiber.sanitizer) fiber.sanitizer = __tsan_create_fiber(0);
#endif
}

UNSEEN void meet(Host& h, Barrier& barrier, int expected) {
  const int64_t mine = barrier.meetings;
#if defined(__SANITIZE_THREAD__)
  __tsan_release(&barrier.tokens[mine & 1]);
#endif
  if (++barrier.arrived == expected) {
    barrier.arrived = 0;
    barrier.meetings++;
  } else {
    Fiber& fiber = h.fibers[h.current];
    fiber.waits = &barrier;
    fiber.meeting = mine;
    to_scheduler(h);
  }
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&barrier.tokens[mine & 1]);
#endif
}

UNSEEN int in_turn(int k, int threads, int schedule) {
  if (schedule == 1) return threads - 1 - k;
  if (schedule == 2) return int((int64_t(k) * 37 + 11) % threads);  // 37 divides no number of threads of ours
  return k;
}

// Runs the block until all its threads are done; false where they wait for each other.
UNSEEN bool run_block(Host& h) {
  h.of_block = {};
  for (Barrier& barrier : h.of_lanes) barrier = {};
#if defined(__SANITIZE_THREAD__)
  h.sanitizer = __tsan_get_current_fiber();
  __tsan_release(&h.begin_token);
#endif
  for (int k = 0; k < h.threads; k++) prepare(h.fibers[k]);
  bool moved = true;
  int left = h.threads;
  while (left && moved) {
    moved = false;
    for (int k = 0; k < h.threads; k++) {
      const int thread = in_turn(k, h.threads, process_options.schedule);
      Fiber& fiber = h.fibers[thread];
      if (fiber.done || (fiber.waits && fiber.waits->meetings == fiber.meeting)) continue;
      fiber.waits = nullptr;
      moved = true;
      to_fiber(h, thread);
      left -= fiber.done;
    }
  }
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&h.end_token);
#endif
  return left == 0;
}

}  // namespace

UNSEEN int thread_index() { return host_pointer->current; }
UNSEEN int block_threads() { return host_pointer->threads; }
UNSEEN int64_t block_index() { return host_pointer->block; }
UNSEEN int64_t blocks() { return host_pointer->blocks; }
UNSEEN char* shared_memory() { return host_pointer->shared; }
UNSEEN Options& options() { return process_options; }
UNSEEN BarrierSites& barrier_sites() { return process_sites; }

// Whether a barrier that is called from there is missing.
UNSEEN bool is_missing(const void* site) {
  BarrierSites& sites = process_sites;
  if (sites.are_noted && std::find(sites.all.begin(), sites.all.end(), site) == sites.all.end())
    sites.all.push_back(site);
  return site == sites.missing;
}

UNSEEN void block_barrier() {
  if (is_missing(__builtin_return_address(0))) return;
  Host& h = *host_pointer;
  if (h.fibers[h.current].barriers++ == process_options.missing_barrier) return;
  meet(h, h.of_block, h.threads);
}

// Values of one exchange stay until the next but one: so a meeting between writing and reading is enough.
UNSEEN uint64_t exchange(uint64_t bits, int from, int lanes) {
  Host& h = *host_pointer;
  const int thread = h.current, group = thread / lanes, first = group * lanes;
  uint64_t* values = h.exchanged[h.fibers[thread].exchanges++ & 1];
  values[thread] = bits;
  meet(h, h.of_lanes[group], h.threads - first < lanes ? h.threads - first : lanes);
  return values[first + from];
}

std::string launch(const Kernel& kernel, const void* argument, int64_t blocks, int threads,
                   int64_t shared_bytes) {
  if (blocks < 1 || threads < 1 || threads > most_threads || shared_bytes < 0 ||
      shared_bytes > most_shared_bytes)
    return "a launch of " + std::to_string(blocks) + " blocks of " + std::to_string(threads) +
           " threads with " + std::to_string(shared_bytes) +
           " bytes of shared memory is beyond what a device has";
  Host& h = host();
  h.entry = kernel.run;
  h.arguments = argument;
  h.threads = threads;
  h.blocks = blocks;
  for (h.block = 0; h.block < blocks; h.block++) {
    memset(shared_memory(), 0xff, size_t(shared_bytes));
    if (!run_block(h))
      return "deadlock: threads of block " + std::to_string(h.block) + " wait at different barriers";
  }
  return {};
}

}  // namespace phynexus::emulator

extern "C" void phynexus_emulator_options(int32_t schedule, int64_t missing_barrier) {
  phynexus::emulator::options() = {schedule, missing_barrier};
}
