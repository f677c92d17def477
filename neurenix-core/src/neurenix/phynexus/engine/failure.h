// How failures travel inside the engine; api.cpp turns them into a status and a message.
#pragma once

#include <phynexus.h>

#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace phynexus {

struct Failure : std::runtime_error {
  Failure(phx_status status, const std::string& message) : std::runtime_error(message), status(status) {}
  phx_status status;
};

__attribute__((format(printf, 1, 2))) inline std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

[[noreturn]] inline void refuse(const std::string& message) { throw Failure(PHX_INVALID_ARGUMENT, message); }
[[noreturn]] inline void lack(const std::string& message) { throw Failure(PHX_UNSUPPORTED, message); }

inline void require(bool condition, const char* message) {
  if (!condition) refuse(message);
}

// Arithmetic on sizes from a plan: an overflow is the plan's fault.
inline int64_t plus(int64_t a, int64_t b) {
  int64_t c;
  if (__builtin_add_overflow(a, b, &c)) refuse("a size or offset in the plan overflows 64 bits");
  return c;
}
inline int64_t times(int64_t a, int64_t b) {
  int64_t c;
  if (__builtin_mul_overflow(a, b, &c)) refuse("a size or stride in the plan overflows 64 bits");
  return c;
}

}  // namespace phynexus
