// A plan on a GPU: lowered when it is compiled, put on the device when it first runs, and then replayed.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "../../engine/run/executable.h"
#include "engine.h"
#include "replay.h"

namespace phynexus::gpu {

class GpuExecutable final : public Executable {
 public:
  GpuExecutable(GpuEngine& engine, std::unique_ptr<const Plan> plan);
  ~GpuExecutable() override;
  int64_t memory_bytes(int32_t) const override { return lowered_.scratch_bytes; }
  // ", in instruction 3 (dot_general, source line 7)": what a launch runs.
  std::string describe_launch(int64_t launch) const;

 protected:
  void execute(Series& series) override;
  void read_costs(phx_cost* costs) override;

 private:
  void prepare(Series& series);
  std::vector<int32_t> aliases_of(char* const* bases) const;
  void load();
  // Anew, for these aliases and what the engine has; what was on the device is given back.
  void lower(const std::vector<int32_t>& aliases);
  // Asks for code once the plan has run often enough, and lets it take over when it is there.
  void improve(bool several);
  // Sets the bases of the whole program's memory, and says where a step begins: in its session.
  void begin(Session& session, Series& series, bool first);
  void run_once(Series& series);
  void run_several(Series& series);
  void run_timed(Series& series);

  GpuEngine& engine_;
  int32_t number_ = 0;
  std::mutex entered_;            // one call at a time: they share the device's one stream, and its state
  std::vector<int32_t> aliases_;  // of each output, that the plan was lowered for
  Lowered lowered_;
  std::unique_ptr<Replay> replay_;
  std::vector<phx_cost> costs_;
  std::shared_ptr<const MadeCode> made_;
  int64_t calls_ = 0;  // until code was asked for; -1: it was
};

}  // namespace phynexus::gpu
