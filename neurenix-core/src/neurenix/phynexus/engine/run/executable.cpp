// Checks the pointers, the strides and the numbers of a call before anything of it runs.
#include "executable.h"

#include "../failure.h"

namespace phynexus {
namespace {

void check_pointers(void* const* pointers, const std::vector<int64_t>& bytes,
                    const std::vector<Extent>& needs, const char* what) {
  for (size_t k = 0; k < bytes.size(); k++) {
    if (!pointers || (!pointers[k] && bytes[k] > 0)) refuse(format("run: %s %zu is null", what, k));
    if (reinterpret_cast<uintptr_t>(pointers[k]) % uintptr_t(needs[k].alignment))
      refuse(format("run: %s %zu is not aligned", what, k));
  }
}

void check_strides(const int64_t* strides, const std::vector<int64_t>& bytes,
                   const std::vector<Extent>& needs, const char* what) {
  for (size_t k = 0; k < bytes.size(); k++) {
    if (!strides) refuse(format("run_steps: there are no strides of the %ss", what));
    if (strides[k] && (strides[k] < bytes[k] || strides[k] % needs[k].alignment))
      refuse(format("run_steps: %s %zu of %lld bytes moves by %lld", what, k,
                    static_cast<long long>(bytes[k]), static_cast<long long>(strides[k])));
  }
}

}  // namespace

void Executable::check(void* const* inputs, void* const* outputs) const {
  check_pointers(inputs, plan_->input_bytes, plan_->needs.back().inputs, "input");
  check_pointers(outputs, plan_->output_bytes, plan_->needs.back().outputs, "output");
}

void Executable::run(void* const* inputs, void* const* outputs) {
  check(inputs, outputs);
  Series series(*plan_, inputs, outputs);
  execute(series);
}

void Executable::run_steps(phx_steps& steps) {
  check(steps.inputs, steps.outputs);
  check_strides(steps.input_strides, plan_->input_bytes, plan_->needs.back().inputs, "input");
  check_strides(steps.output_strides, plan_->output_bytes, plan_->needs.back().outputs, "output");
  require(steps.done >= 0 && steps.done <= steps.count && steps.nanoseconds >= 0,
          "run_steps: more steps done than there are, or a negative number");
  const int32_t ok = steps.ok_output;
  require(ok >= -1 && ok < plan_->whole_program().outputs && (ok < 0 || plan_->output_bytes[size_t(ok)] == 1),
          "run_steps: ok_output is none of one byte");
  steps.stopped = 0;
  if (steps.done == steps.count) return;
  Series series(*plan_, steps);
  execute(series);
}

void Executable::take_costs(phx_cost* costs, int32_t capacity) {
  const size_t instructions = plan_->instructions.size();
  if (capacity < 0 || size_t(capacity) < instructions)
    refuse(format("read_profile: room for %d instructions, and the plan has %zu", capacity, instructions));
  read_costs(costs);
}

void Executable::read_costs(phx_cost*) { lack("this engine does not measure its instructions"); }

}  // namespace phynexus
