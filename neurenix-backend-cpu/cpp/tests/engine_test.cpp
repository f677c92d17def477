// Each operation against plain loops; run it under sanitizers too (see CMakeLists.txt).
#include "plan_builder.h"

int main() {
  using namespace engine_test;
  phx_capabilities capabilities{};
  capabilities.struct_size = sizeof capabilities;
  CHECK(api().capabilities(shared_engine(2), &capabilities) == PHX_OK, "%s", api().last_error());
  std::printf("instruction set %s, %d threads\n", capabilities.instruction_set, capabilities.threads);
  const struct {
    const char* name;
    void (*test)();
  } tests[] = {
      {"elementwise", test_elementwise},
      {"math", test_math},
      {"movement", test_movement},
      {"along an axis", test_along_axis},
      {"linear algebra", test_linear_algebra},
      {"contractions", test_contractions},
      {"assembler", test_assembler},
      {"emitted code", test_emitted_code},
      {"product code", test_product_code},
      {"control", test_control},
      {"sum tree", test_sum_tree},
      {"refusals", test_refusals},
      {"threads", test_threads},
      {"arenas", test_arenas},
      {"steps", test_steps},
  };
  for (const auto& [name, test] : tests) {
    const int before = failures;
    test();
    std::printf("%-14s %s\n", name, failures == before ? "ok" : "FAILED");
  }
  return failures != 0;
}
