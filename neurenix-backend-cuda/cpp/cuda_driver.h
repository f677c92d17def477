// The engine's driver over libcuda: each function is a call or two of it.
#pragma once

#include <atomic>

#include "cuda_api.h"
#include "gpu/driver/driver.h"

namespace phynexus::cuda {

class CudaDriver final : public gpu::Driver {
 public:
  // Throws Failure for a card that is older than this library's code.
  CudaDriver(const CudaApi& api, int index);
  ~CudaDriver() override;

  const gpu::DeviceFacts& facts() const override { return facts_; }
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
  void open();
  void throw_away();
  void refuse_reset() const;
  void add_nodes(CuGraph graph, const std::vector<gpu::KernelLaunch>& launches);

  const CudaApi& api_;
  CuDevice device_ = 0;
  CuContext context_ = nullptr;
  int resets_ = 0;  // of the device, that there had been when it was opened
  std::atomic<bool> forgotten_{false};
  gpu::DeviceFacts facts_;
};

}  // namespace phynexus::cuda
