// Each launch becomes a kernel, each record a call with constants.
#include "source.h"

#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "../device/arguments.h"
#include "../device/handlers.h"
#include "../lower/handler_facts.h"
#include "chain_text.h"
#include "device_text.h"

namespace phynexus::gpu {
namespace {

struct HandlerText {
  const char* name;
  const char* params;  // the type's name
  size_t bytes;        // and size
  bool shares_memory;
  std::string_view kernel;
};

constexpr HandlerText handler_texts[] = {
#define X(name, Params, kernel) {#name, #Params, sizeof(Params), name##_shared_bytes > 0, #kernel},
    PHYNEXUS_HANDLERS(X)
#undef X
};

// A compiler takes some 10 ms for a call; beyond so many, byte code is what a plan runs on.
constexpr int most_calls = 600;

// What precedes all: the numbers' types, where the compiler has no headers; bits as values.
constexpr std::string_view prelude = R"(#if defined(__CUDACC_RTC__)
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
}  // namespace phynexus::gpu
#define CONSTANT(Type, name, ...) \
  constexpr Type name = __builtin_bit_cast(Type, (phynexus::gpu::Bits<sizeof(Type)>{{__VA_ARGS__}}))
)";

class Writer {
 public:
  explicit Writer(const Lowered& lowered) : lowered_(lowered) {}

  Source written() {
    for (size_t k = 0; k < lowered_.launches.size(); k++) {
      const Launch& launch = lowered_.launches[k];
      const std::string_view kernel = launch.kernel;
      const bool task = is_task_kernel(kernel);
      if (!task && kernel != "phynexus_level_elementwise" && kernel != "phynexus_level_wide") continue;
      const int records = launch.arguments.record_count + launch.arguments.tail_count;
      if (calls_ + records > most_calls) continue;
      calls_ += records;
      write(int(k), launch, task);
    }
    if (source_.kernels.empty()) return {};
    source_.text = std::string(prelude) + text_of("device/kernels.h") + std::string(bits) + functions_ +
                   "\nnamespace phynexus::gpu {\n" + kernels_ + "}  // namespace phynexus::gpu\n";
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
      text += "      case " + std::to_string(r) + ": " + function_of(record_of(launch, r)) +
              "(bases, tile, group); break;\n";
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
              function_of(record) + "(bases, tile, group);\n";
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
          "  run_level_with<true>(arguments, [](int record, char* const* bases, int64_t tile, const Group& group) "
          "{\n"
          "    switch (record) {\n" +
          body + "    }\n  });\n}\n";
    source_.kernels.push_back({number, name});
  }

  // The function that calls a handler with its parameters; records that are alike share one.
  std::string function_of(const Record& record) {
    const HandlerText& handler = handler_texts[record.handler];
    const char* bytes = lowered_.program.data() + record.params;
    std::string types, body;  // what is to stand before the function, and in it
    if (is_chain(record.handler)) {
      FusedParams params;
      std::memcpy(&params, bytes, sizeof params);
      body = write_chain(params, lowered_.program.data(), record.handler == handler_fused_wide, types);
    } else {
      body = "  CONSTANT(" + std::string(handler.params) + ", params, " + bytes_text(bytes, handler.bytes) +
             ");\n  " + handler.name + "(params, bases, tile, group);\n";
    }
    if (handler.shares_memory) body += "  group.barrier();\n";
    const auto [place, is_new] = made_.try_emplace(types + body, int(made_.size()));
    const std::string number = std::to_string(place->second);
    if (is_new)
      functions_ += "namespace phynexus::gpu::made_" + number + " {\n" + types +
                    "DEVICE void run(char* const* bases, int64_t tile, const Group& group) {\n" + body +
                    "}\n}\n";
    return "made_" + number + "::run";
  }

  const Lowered& lowered_;
  Source source_;
  std::string functions_, kernels_;
  std::map<std::string, int> made_;
  int calls_ = 0;
};

}  // namespace

Source write_source(const Lowered& lowered) { return Writer(lowered).written(); }

}  // namespace phynexus::gpu
