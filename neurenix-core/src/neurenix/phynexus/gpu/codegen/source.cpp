// Each launch becomes a kernel, each record a call with constants.
#include "source.h"

#include <cstring>
#include <string_view>
#include <vector>

#include "../device/arguments.h"
#include "../device/handlers.h"
#include "../lower/handler_facts.h"
#include "device_text.h"
#include "function_text.h"

namespace phynexus::gpu {
namespace {

// NVRTC takes some 0.15 s for a function and 2 ms for a call; beyond so many, byte code is what a plan runs on.
constexpr int most_functions = 200, most_calls = 4000;

// What precedes all: that most of what is known is constant; the numbers' types, where the compiler has no headers.
// Then, behind the device's own: bits as values.
constexpr std::string_view prelude = R"(#define PHYNEXUS_MADE_CODE
#if defined(__CUDACC_RTC__)
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long uint64_t;
typedef unsigned long uintptr_t;
#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define INT64_MIN (-9223372036854775807L - 1)
#define INT64_MAX 9223372036854775807L
#define NAN __builtin_bit_cast(float, 0x7fc00000u)
#define INFINITY __builtin_bit_cast(float, 0x7f800000u)
#elif defined(__HIPCC_RTC__)
namespace phynexus::gpu {
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
}  // namespace phynexus::gpu
#if !defined(INT32_MIN)
#define INT32_MIN (-__INT32_MAX__ - 1)
#define INT32_MAX __INT32_MAX__
#define INT64_MIN (-__INT64_MAX__ - 1)
#define INT64_MAX __INT64_MAX__
#endif
#if !defined(NAN)
#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#endif
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
#endif
)";
constexpr std::string_view bits = R"(
namespace phynexus::gpu {
template <int N>
struct Bits {
  unsigned char at[N];
};
template <int N>
struct ProductAxesOf {
  ProductAxis at[N];
};
}  // namespace phynexus::gpu
#define CONSTANT(Type, name, ...) \
  static constexpr Type name = __builtin_bit_cast(Type, (phynexus::gpu::Bits<sizeof(Type)>{{__VA_ARGS__}}))
)";

class Writer {
 public:
  explicit Writer(const Lowered& lowered) : lowered_(lowered), functions_(lowered) {}

  Source written() {
    for (size_t k = 0; k < lowered_.launches.size(); k++) {
      const Launch& launch = lowered_.launches[k];
      const std::string_view kernel = launch.kernel;
      const bool task = is_task_kernel(kernel);
      if (!task && kernel != "phynexus_level_elementwise" && kernel != "phynexus_level_wide") continue;
      const int records = launch.arguments.record_count + launch.arguments.tail_count;
      if (functions_.count() >= most_functions || calls_ + records > most_calls) continue;
      calls_ += records;
      write(int(k), launch, task);
    }
    if (source_.kernels.empty()) return {};
    source_.text = std::string(prelude) + text_of("device/kernels.h") + std::string(bits) +
                   functions_.text() + "\nnamespace phynexus::gpu {\n" + kernels_ +
                   "}  // namespace phynexus::gpu\n";
    return std::move(source_);
  }

 private:
  Record record_of(const Launch& launch, int number) const {
    Record record;
    std::memcpy(&record, lowered_.program.data() + launch.arguments.records + number * int64_t(sizeof record),
                sizeof record);
    return record;
  }

  // A switch over the records of a level.
  std::string cases_of(const Launch& launch) {
    std::string text;
    for (int r = 0; r < launch.arguments.record_count + launch.arguments.tail_count; r++)
      text += "      case " + std::to_string(r) + ": " + functions_.call(record_of(launch, r)) + " break;\n";
    return text;
  }

  // The records of a task, one after the other; loops of them are loops.
  std::string steps_of(const Launch& launch) {
    const int count = launch.arguments.record_count;
    std::vector<int> begins(size_t(count), 0);  // how many loops begin with a record
    for (int r = 0; r < count; r++)
      if (const int back = record_of(launch, r).loop) begins[size_t(r - back)]++;
    std::string text;
    for (int r = 0; r < count; r++) {
      const Record record = record_of(launch, r);
      for (int loop = 0; loop < begins[size_t(r)]; loop++) text += "    do {\n";
      text += "      for (int64_t tile = 0; tile < " + std::to_string(record.tiles) + "; tile++) " +
              functions_.call(record) + "\n";
      if (record.barrier) text += "      group.barrier();\n";
      if (!record.loop) continue;
      AdvanceLoopParams first;
      std::memcpy(&first, lowered_.program.data() + record_of(launch, r - record.loop).params, sizeof first);
      text += "    } while (loops_again(" + std::to_string(first.counter) + ", bases, group));\n";
    }
    return text;
  }

  void write(int number, const Launch& launch, bool task) {
    const std::string body = task ? steps_of(launch) : cases_of(launch);
    const std::string name = "phynexus_made_" + std::to_string(number);
    kernels_ += "KERNEL(" + name + ", Arguments) {\n";
    if (task)
      kernels_ +=
          "  run_task_with(arguments, [](char* const* bases, const Group& group) {\n" + body + "  });\n}\n";
    else
      kernels_ +=
          "  run_level_with<true>(arguments, [](int record, char* const* bases, int64_t tile, const Group& "
          "group) "
          "{\n"
          "    switch (record) {\n" +
          body + "    }\n  });\n}\n";
    source_.kernels.push_back({number, name});
  }

  const Lowered& lowered_;
  Source source_;
  FunctionWriter functions_;
  std::string kernels_;
  int calls_ = 0;
};

}  // namespace

Source write_source(const Lowered& lowered) { return Writer(lowered).written(); }

}  // namespace phynexus::gpu
