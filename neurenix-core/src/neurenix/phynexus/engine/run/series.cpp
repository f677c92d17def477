// Lays out the base pointers, moves them on, and says when a series ends: all done, a false ok, or no time left.
#include "series.h"

#include <iterator>

#include "frame.h"

namespace phynexus {

Series::Series(const Plan& plan, void* const* inputs, void* const* outputs)
    : inputs_(plan.whole_program().inputs), outputs_(plan.whole_program().outputs) {
  const size_t count = size_t(base_first_input) + size_t(inputs_) + size_t(outputs_);
  if (count > std::size(few_)) {
    many_.resize(count);
    bases_ = many_.data();
  }
  char** next = bases_ + base_first_input;
  for (int32_t k = 0; k < inputs_; k++) *next++ = static_cast<char*>(inputs[k]);
  for (int32_t k = 0; k < outputs_; k++) *next++ = static_cast<char*>(outputs[k]);
}

Series::Series(const Plan& plan, phx_steps& steps) : Series(plan, steps.inputs, steps.outputs) {
  steps_ = &steps;
  if (steps.ok_output >= 0) ok_ = base_first_input + inputs_ + steps.ok_output;
  if (steps.nanoseconds) end_ = Clock::now() + std::chrono::nanoseconds(steps.nanoseconds);
  move(steps.done);
}

bool Series::next(bool ok) {
  if (!steps_) return false;
  steps_->done++;
  steps_->stopped = !ok;
  if (!ok || steps_->done == steps_->count) return false;
  if (steps_->nanoseconds && Clock::now() >= end_) return false;
  move(1);
  return true;
}

void Series::move(int64_t by) {
  char** next = bases_ + base_first_input;
  for (int32_t k = 0; k < inputs_; k++) *next++ += by * steps_->input_strides[k];
  for (int32_t k = 0; k < outputs_; k++) *next++ += by * steps_->output_strides[k];
}

}  // namespace phynexus
