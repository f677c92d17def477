// The engine's driver over the HIP runtime: each function is a call or two of it.
#pragma once

#include <atomic>

#include "hip_api.h"
#include "gpu/driver/driver.h"

namespace phynexus::hip {

class HipDriver final : public gpu::Driver {
 public:
  // Throws Failure for a card whose architecture this library has no code for.
  HipDriver(const HipApi& api, int index);
  ~HipDriver() override;

  const gpu::DeviceFacts& facts() const override { return facts_; }
  // Of a wavefront: 64, or 32.
  int32_t lanes() const { return lanes_; }
  void enter() override;
  void leave() noexcept override;
  void reopen() override;
  void forget() noexcept override { forgotten_ = true; }
  bool is_reset() const override;

  char* take(int64_t bytes) override;
  void give(char* memory) noexcept override;
  gpu::FreeMemory free_memory() override;
  gpu::Pinned take_pinned(int64_t bytes) override;
  void give_pinned(const gpu::Pinned& memory) noexcept override;

  gpu::Stream make_stream() override;
  void give(gpu::Stream stream) noexcept override;
  void wait_for(gpu::Stream stream) override;

  gpu::Event make_event(bool timed) override;
  void give(gpu::Event event) noexcept override;
  void record(gpu::Event event, gpu::Stream stream) override;
  void wait_for(gpu::Event event) override;
  void wait_in(gpu::Stream stream, gpu::Event event) override;
  bool is_done(gpu::Event event) override;
  int64_t nanoseconds_between(gpu::Event first, gpu::Event second) override;

  void copy_in(char* device, const char* host, int64_t bytes, gpu::Stream stream) override;
  void copy_out(char* host, const char* device, int64_t bytes, gpu::Stream stream) override;

  gpu::Module load(const void* image) override;
  void give(gpu::Module module) noexcept override;
  gpu::Kernel find(gpu::Module module, const char* kernel) override;
  void launch(const gpu::KernelLaunch& launch, gpu::Stream stream) override;

  gpu::Graph make_graph(const std::vector<gpu::KernelLaunch>& launches) override;
  void give(gpu::Graph graph) noexcept override;
  void launch(gpu::Graph graph, gpu::Stream stream) override;

 private:
  void refuse_reset() const;
  HipGraph captured(const std::vector<gpu::KernelLaunch>& launches);

  const HipApi& api_;
  HipDevice device_ = 0;
  gpu::DeviceFacts facts_;
  int32_t lanes_ = 0;
  int resets_ = 0;
  std::atomic<bool> forgotten_{false};
};

}  // namespace phynexus::hip
