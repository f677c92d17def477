// Takes the params of one instruction, number by number, and never more than there are.
#pragma once

#include <array>
#include <vector>

#include "../failure.h"
#include "plan.h"

namespace phynexus {

class ParamReader {
 public:
  ParamReader(const Plan& plan, const phx_instruction& instruction)
      : next_(plan.params.data() + instruction.first_param),
        end_(next_ + instruction.params),
        params_(instruction.params) {}

  template <class... Fields>
  void read(Fields&... fields) {
    (take(fields), ...);
  }

  // The count of a list whose items, of `width` numbers each, follow later.
  size_t count(int64_t width) { return items(number(), width); }
  size_t items(int64_t count, int64_t width) const {
    require(count >= 0, "a count among its params is negative");
    if (count > (end_ - next_) / width) too_few();
    return size_t(count);
  }

  void end() const {
    if (next_ != end_)
      refuse(format("has %d params, and should have %lld", params_, (long long)(params_ - (end_ - next_))));
  }

 private:
  [[noreturn]] void too_few() const { refuse(format("has %d params, which are too few", params_)); }

  int64_t number() {
    if (next_ == end_) too_few();
    return *next_++;
  }
  bool flag() {
    const int64_t value = number();
    require(value == 0 || value == 1, "a flag is neither 0 nor 1");
    return value == 1;
  }

  void take(int64_t& field) { field = number(); }
  void take(bool& field) { field = flag(); }
  template <class T, size_t Count>
  void take(std::array<T, Count>& field) {
    for (T& part : field) take(part);
  }
  void take(std::vector<int64_t>& field) {
    for (int64_t& part : field) take(part);
  }
  void take(std::vector<bool>& field) {
    for (size_t k = 0; k < field.size(); k++) field[k] = flag();
  }

  const int64_t* next_;
  const int64_t* end_;
  int32_t params_;
};

}  // namespace phynexus
