// Products that are left to cuBLAS: between the graphs of a plan, when a step has stopped, when it fails in any way, and
// when the device is lost.
//   A fake cuBLAS is over the fake driver; NEURENIX_CUBLAS names it.
#include <cstdlib>

#include "emulated_plan.h"
#include "host_fixture.h"

using namespace host_test;

namespace {

constexpr int64_t side = 64, count = side * side, matrix_bytes = count * 4;
constexpr float part = 1.0f / side;  // exact in TF32, as all multiples here are

constexpr const char* gemm = "cublasGemmStridedBatchedEx";

phx_value matrix(int32_t space, int32_t index, int64_t offset = 0) {
  return dense(PHX_FLOAT32, {side, side}, space, index, offset);
}

// state' = state w + w; y = state' w; ok = all(state' < limit): where w is 1/64 throughout, and state s, it is s + 1/64,
// and y too.
struct Step {
  Builder b;
  Step() {
    const phx_value state = matrix(PHX_INPUT, 0), w = matrix(PHX_INPUT, 1), limit = matrix(PHX_INPUT, 2);
    const phx_value next = matrix(PHX_OUTPUT, 0), y = matrix(PHX_OUTPUT, 1), product = matrix(PHX_SCRATCH, 0);
    const phx_value below = dense(PHX_BOOL, {side, side}, PHX_SCRATCH, 0, matrix_bytes);
    const phx_value ok = value(PHX_BOOL, {1, 1}, {0, 0}, PHX_OUTPUT, 2);
    b.add(PHX_DOT_GENERAL, {state, w}, {&product}, {0, 1, 1, 1});
    add_binary(b, PHX_ADD, product, w, next);
    b.add(PHX_DOT_GENERAL, {next, w}, {&y}, {0, 1, 1, 1});
    b.add(PHX_FUSED, {next, limit}, {&below},
          {1, 1, 0, 2, side, side, PHX_LESS, PHX_BOOL, 0, 1, -1, 0, 2, 0});
    b.add(PHX_FUSED, {below}, {&ok}, {0, 1, 3, 2, side, side, 0, PHX_ALL});
    b.input_bytes = {matrix_bytes, matrix_bytes, matrix_bytes};
    b.output_bytes = {matrix_bytes, matrix_bytes, 1};
    b.region(3, 3, 2 * matrix_bytes);
  }
};

struct Rounding {
  phx_engine* handle = nullptr;
  explicit Rounding(int32_t precision = PHX_PRODUCTS_TF32) {
    phx_options options{};
    options.struct_size = sizeof options;
    options.precision = precision;
    CHECK(api().create(0, &options, &handle) == PHX_OK, "%s", api().last_error());
  }
  Rounding(const Rounding&) = delete;
  ~Rounding() { api().destroy(handle); }
  std::string notes() const {
    std::vector<char> text(4096);
    int64_t needed = 0;
    api().notes(handle, text.data(), int64_t(text.size()), &needed);
    return text.data();
  }
};

// The step's memory on an engine; it runs at most nine times in one call.
struct Run {
  Device d;
  void *state, *w, *limit, *y, *ok;
  explicit Run(phx_engine* engine, float most = 1000)
      : d(engine),
        state(d.with(0, count)),
        w(d.with(part, count)),
        limit(d.with(most, count)),
        y(d.with(77, 9 * count)),
        ok(d.take(64)) {
    static const Step step;
    const phx_plan source = step.b.plan();
    d.check(api().compile(engine, &source, &d.program));
  }
  phx_status once() {
    void* inputs[] = {state, w, limit};
    void* outputs[] = {state, y, ok};
    const phx_status status = api().run(d.program, inputs, outputs);
    return status == PHX_OK ? api().synchronize(d.engine) : status;
  }
  bool is(float of_state, float of_y) {
    return all_are(d.read(state, count), of_state) && all_are(d.read(y, count), of_y) && d.status == PHX_OK;
  }
};

int64_t calls(const char* function) { return phynexus_fake_calls(function); }

void between_graphs() {
  phynexus_fake_reset();
  {
    Rounding engine;
    CHECK(has(engine.notes(), "large products of rounded precision by cuBLAS 13.1.2 (/"), "%s",
          engine.notes().c_str());
    Run run(engine.handle);
    CHECK(calls("cublasCreate_v2") == 0, "before it is wanted");
    CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
    CHECK(calls(gemm) == 2 && calls("cublasCreate_v2") == 1, "%lld calls", (long long)calls(gemm));
    // Other memory in each run: y of one is the w of none.
    void* const other = run.d.with(3, count);
    run.state = other;
    CHECK(run.once() == PHX_OK && run.is(3 + part, 3 + part), "%s", api().last_error());
    Run second(engine.handle);
    CHECK(second.once() == PHX_OK && second.is(part, part), "%s", api().last_error());
    CHECK(calls(gemm) == 6 && calls("cublasCreate_v2") == 1, "one for all plans");
    // What is not waited for is not there yet.
    phynexus_fake_set("slow", 2000);
    CHECK(second.once() == PHX_OK && second.is(2 * part, 2 * part), "in order");
    phynexus_fake_set("slow", 0);
    api().set_profiling(engine.handle, 1);
    CHECK(second.once() == PHX_OK && second.is(3 * part, 3 * part), "%s", api().last_error());
    phx_cost costs[5];
    CHECK(api().read_profile(second.d.program, costs, 5) == PHX_OK, "%s", api().last_error());
    for (int k : {0, 1, 3}) CHECK(costs[k].count == 1, "%d: %lld", k, (long long)costs[k].count);
    CHECK(costs[2].count == 2, "the product and the copy of its result: %lld", (long long)costs[2].count);
    api().set_profiling(engine.handle, 0);
  }
  CHECK(calls("cublasDestroy_v2") == 1, "it is given back");
  CHECK(phynexus_fake_used(0) == 0, "an engine that is gone keeps memory");
}

// Steps behind one that left a false ok change nothing, though the library computes.
void stopped_steps() {
  phynexus_fake_reset();
  Rounding engine;
  Run run(engine.handle, 4.5f * part);
  void* inputs[] = {run.state, run.w, run.limit};
  void* outputs[] = {run.state, run.y, run.ok};
  const int64_t still[] = {0, 0, 0}, moves[] = {0, matrix_bytes, 1};
  phx_steps steps{};
  steps.struct_size = sizeof steps;
  steps.inputs = inputs, steps.outputs = outputs;
  steps.input_strides = still, steps.output_strides = moves;
  steps.count = 9, steps.ok_output = 2;
  CHECK(api().run_steps(run.d.program, &steps) == PHX_OK, "%s", api().last_error());
  CHECK(steps.done == 5 && steps.stopped == 1, "%lld steps", (long long)steps.done);
  CHECK(all_are(run.d.read(run.state, count), 5 * part), "the state");
  const std::vector<float> ys = run.d.read(run.y, 9 * count);
  for (size_t k = 0; k < ys.size(); k++) {
    const int64_t step = int64_t(k) / count;
    CHECK(ys[k] == (step < 5 ? float(step + 1) * part : 77), "step %lld: %g", (long long)step, double(ys[k]));
  }
  CHECK(calls(gemm) > 2 * steps.done, "no step behind the last was asked for: the test is of none");
}

// Where it does not open, kernels of our own take over: no error.
void one_that_does_not_open() {
  for (const char* function :
       {"cublasCreate_v2", "cublasSetStream_v2", "cublasSetWorkspace_v2", "cublasSetMathMode"})
    for (const int status : {1, 3}) {
      phynexus_fake_reset();
      phynexus_fake_set("stays", 1);  // it would be asked twice where there was no memory
      phynexus_fake_fail(function, 1, status);
      {
        Rounding engine;
        Run run(engine.handle);
        CHECK(run.once() == PHX_OK && run.is(part, part), "%s: %s", function, api().last_error());
        CHECK(run.once() == PHX_OK && run.is(2 * part, 2 * part), "%s: %s", function, api().last_error());
        CHECK(calls(gemm) == 0, "%s", function);
        const std::string notes = engine.notes();
        CHECK(has(notes, "Neurenix's own kernels") && has(notes, "does not open: ") && has(notes, function) &&
                  has(notes, status == 1 ? "NOT_INITIALIZED (1)" : "ALLOC_FAILED (3)"),
              "%s", notes.c_str());
        const int64_t asked = calls("cublasCreate_v2");
        Run second(engine.handle);
        CHECK(second.once() == PHX_OK && calls("cublasCreate_v2") == asked, "it is asked no more");
        phynexus_fake_fail(function, 0, 0);
      }
      CHECK(
          function == std::string("cublasCreate_v2") || calls("cublasDestroy_v2") == calls("cublasCreate_v2"),
          "%s: a handle is left", function);
      CHECK(phynexus_fake_used(0) == 0, "%s: memory is left", function);
    }
}

void calls_that_fail() {
  phynexus_fake_reset();
  Rounding engine;
  Run run(engine.handle);
  CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
  phynexus_fake_fail(gemm, 2, 15);
  CHECK(run.once() == PHX_DEVICE_ERROR && has(last_error(), gemm) &&
            has(last_error(), "CUBLAS_STATUS_NOT_SUPPORTED (15)") &&
            has(last_error(), "install a newer one") && has(last_error(), "NEURENIX_CUBLAS=0") &&
            !has(last_error(), "was lost"),
        "%s", api().last_error());
  CHECK(run.once() == PHX_OK, "afterwards: %s", api().last_error());
  // Where there was no memory it is asked again.
  phynexus_fake_fail(gemm, 1, 3);
  CHECK(run.once() == PHX_OK, "%s", api().last_error());
}

void lost_devices() {
  // The step's kernel, the product's mark, the product; the sum; the mark of the second product, that.
  for (const auto& [kernel, instruction] : {std::pair(3, "instruction 0 (dot_general"),
                                            {4, "instruction 1 (fused add"},
                                            {6, "instruction 2 (dot_general"}}) {
    phynexus_fake_reset();
    {
      Rounding engine;
      Run run(engine.handle);
      CHECK(run.once() == PHX_OK, "%s", api().last_error());
      phynexus_fake_fault(kernel, illegal_address);
      CHECK(run.once() == PHX_DEVICE_ERROR && has(last_error(), "was lost") && has(last_error(), instruction),
            "kernel %d: %s", kernel, api().last_error());
      CHECK(calls("cublasDestroy_v2") == 0, "a handle of a lost device is touched");
      Run again(engine.handle);
      CHECK(again.once() == PHX_OK && again.is(part, part), "%s", api().last_error());
      CHECK(calls("cublasCreate_v2") == 2, "another session has its own");
    }
    CHECK(calls("cublasDestroy_v2") == 1, "that of the second session");
  }
  // A plan that was lowered for it finds none in the next session.
  phynexus_fake_reset();
  Rounding engine;
  Run run(engine.handle);
  CHECK(run.once() == PHX_OK, "%s", api().last_error());
  phynexus_fake_fault(1, illegal_address);
  CHECK(run.once() == PHX_DEVICE_ERROR, "lost");
  phynexus_fake_set("stays", 1);
  phynexus_fake_fail("cublasCreate_v2", 1, 1);
  Device fresh(engine.handle);
  run.state = fresh.with(0, count), run.w = fresh.with(part, count), run.limit = fresh.with(9, count);
  run.y = fresh.with(77, count), run.ok = fresh.take(64);
  const int64_t before = calls(gemm);
  CHECK(run.once() == PHX_OK && calls(gemm) == before, "%s", api().last_error());
  CHECK(all_are(fresh.read(run.state, count), part) && all_are(fresh.read(run.y, count), part), "its values");
}

void losses_in_its_calls() {
  for (const char* function :
       {"cublasCreate_v2", "cublasSetStream_v2", "cublasSetWorkspace_v2", "cublasSetMathMode", gemm}) {
    phynexus_fake_reset();
    {
      Rounding engine;
      Run run(engine.handle);
      phynexus_fake_fail(function, 1, illegal_address);
      CHECK(run.once() == PHX_DEVICE_ERROR && has(last_error(), "was lost"), "%s: %s", function,
            api().last_error());
      Run again(engine.handle);
      CHECK(again.once() == PHX_OK && again.is(part, part), "%s: %s", function, api().last_error());
    }
    CHECK(phynexus_fake_used(0) == 0, "%s: memory is left", function);
  }
}

// How many products a plan leaves to the library, each a segment by itself.
int64_t left_to_library(const Builder& b, int64_t most_unrolled) {
  emulated::Target target = emulated::small_target();
  target.tensor_cores = true;
  target.precision = PHX_PRODUCTS_TF32;
  target.least_of_library = 1;
  target.most_unrolled = most_unrolled;
  const emulated::EmulatedPlan plan(b, target);
  int64_t products = 0;
  for (const phynexus::gpu::Segment& segment : plan.lowered.segments)
    for (int64_t k = segment.first; k < segment.first + segment.count; k++) {
      const bool is_one = plan.lowered.launches[size_t(k)].product.has_value();
      CHECK(!is_one || segment.count == 1, "a product within a graph");
      products += is_one;
    }
  CHECK(plan.lowered.has_library_products == (products > 0), "%lld", (long long)products);
  return products;
}

// The host knows no address in a loop's frame, nor in a task's.
void where_operands_are_known() {
  const phx_value x = matrix(PHX_INPUT, 0), w = matrix(PHX_INPUT, 1), out = matrix(PHX_OUTPUT, 0);
  Builder scan;  // x w w w
  scan.add(PHX_DOT_GENERAL, {w, x}, {&out}, {0, 1, 1, 1});
  const int32_t body = scan.region(2, 1, 0);
  scan.add(PHX_SCAN, {w, x}, {&out, nullptr}, {2 * matrix_bytes, 3, 1, 1, 0, 0, 0, 0, matrix_bytes}, body);
  scan.region(2, 1, 2 * matrix_bytes);
  scan.input_bytes = {matrix_bytes, matrix_bytes}, scan.output_bytes = {matrix_bytes};
  CHECK(left_to_library(scan, 4096) == 3, "unrolled");
  CHECK(left_to_library(scan, 0) == 0, "in a loop");

  for (const bool task : {false, true}) {
    Builder b;
    b.add(PHX_DOT_GENERAL, {x, w}, {&out}, {0, 1, 1, 1});
    const int32_t inner = b.region(2, 1, 0);
    const Shape three{3, side, side};
    const phx_value xs = dense(PHX_FLOAT32, three, PHX_INPUT, 0),
                    ys = dense(PHX_FLOAT32, three, PHX_OUTPUT, 0);
    if (task) b.add(PHX_MAP, {xs, w}, {&ys}, {3, 0, 1, 0, 0}, inner);
    else b.add(PHX_CALL, {x, w}, {&out}, {0}, inner);
    b.region(2, 1, 0);
    b.input_bytes = {3 * matrix_bytes, matrix_bytes}, b.output_bytes = {3 * matrix_bytes};
    CHECK(left_to_library(b, 4096) == (task ? 0 : 1), "task: %d", task);
  }
}

void what_is_left_to_kernels() {
  phynexus_fake_reset();
  {
    Rounding exact(PHX_PRODUCTS_FLOAT32);
    Run run(exact.handle);
    CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
  }
  setenv("NEURENIX_CUBLAS", "0", 1);
  {
    Rounding engine;
    Run run(engine.handle);
    CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
    CHECK(has(engine.notes(), "by Neurenix's own kernels: NEURENIX_CUBLAS=0"), "%s", engine.notes().c_str());
  }
  unsetenv("NEURENIX_CUBLAS");
  {
    Rounding engine;
    Run run(engine.handle);
    CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
    CHECK(has(engine.notes(), "cuBLAS is not found"), "%s", engine.notes().c_str());
  }
  // A library that is none.
  setenv("NEURENIX_CUBLAS", PHYNEXUS_FAKE_NVRTC, 1);
  {
    Rounding engine;
    Run run(engine.handle);
    CHECK(run.once() == PHX_OK && run.is(part, part), "%s", api().last_error());
    CHECK(has(engine.notes(), "lacks the function cublasGetProperty"), "%s", engine.notes().c_str());
  }
  for (const char* wrong : {"1", "off", "/no/such/libcublas.so"}) {
    setenv("NEURENIX_CUBLAS", wrong, 1);
    phx_engine* none = nullptr;
    CHECK(api().create(0, nullptr, &none) == PHX_INVALID_ARGUMENT &&
              has(last_error(), "NEURENIX_CUBLAS=" + std::string(wrong) + ": it is 0, the path"),
          "%s", api().last_error());
  }
  setenv("NEURENIX_CUBLAS", PHYNEXUS_FAKE_CUBLAS, 1);
  CHECK(calls(gemm) == 0 && calls("cublasCreate_v2") == 0, "cuBLAS was asked");
}

}  // namespace

int main() {
  setenv("NEURENIX_CUBLAS", PHYNEXUS_FAKE_CUBLAS, 1);
  return run_all({
      {"between graphs", between_graphs},
      {"stopped steps", stopped_steps},
      {"does not open", one_that_does_not_open},
      {"calls that fail", calls_that_fail},
      {"lost devices", lost_devices},
      {"losses in its calls", losses_in_its_calls},
      {"known operands", where_operands_are_known},
      {"left to kernels", what_is_left_to_kernels},
  });
}
