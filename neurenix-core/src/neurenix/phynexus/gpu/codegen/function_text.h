// Writes the functions that records become: a handler's call with constants.
#pragma once

#include <map>
#include <string>

#include "../lower/launches.h"

namespace phynexus::gpu {

// Records that differ in nothing but where their operands lie share a function, which gets those places: a step that a
// task makes five times is compiled once.
class FunctionWriter {
 public:
  explicit FunctionWriter(const Lowered& lowered) : lowered_(lowered) {}

  // What a kernel says to run a tile of it, where `bases`, `tile` and `group` are known.
  std::string call(const Record& record);
  // All functions, to stand before the kernels.
  const std::string& text() const { return text_; }
  int count() const { return int(made_.size()); }

 private:
  const Lowered& lowered_;
  std::map<std::string, int> made_;  // a function's text and its number
  std::string text_;
};

// "1,2,255": bytes as numbers.
std::string bytes_text(const void* bytes, size_t count);

}  // namespace phynexus::gpu
