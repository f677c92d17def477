// The functions of AMD's HIP runtime that the engine calls, as types: found by name when the program runs, so that
// neither AMD's headers nor its library are needed to build. hip_header_test.cpp holds them against the headers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hip_errors.h"

namespace phynexus::hip {

enum HipAttribute : int {
  hip_attribute_multiprocessors = 63,
  hip_attribute_shared_bytes = 74,  // of a block
  hip_attribute_lanes = 87,
};

enum HipCapture : int { hip_capture_thread_local = 1 };

inline constexpr unsigned hip_stream_nonblocking = 1, hip_event_untimed = 2, hip_event_timed = 0;
inline constexpr unsigned hip_host_memory_mapped = 2;  // hipHostMallocMapped

// hipDeviceProp_t differs from release to release; what is read of it lies here, in the two layouts that there are.
inline constexpr size_t hip_properties_room = 4096;
inline constexpr size_t hip_architecture_at_r0600 = 1160;  // hipGetDevicePropertiesR0600: from ROCm 6
inline constexpr size_t hip_architecture_at_r0000 = 396;   // hipGetDeviceProperties

using HipDevice = int;
struct HipStreamHandle;
struct HipEventHandle;
struct HipModuleHandle;
struct HipFunctionHandle;
struct HipGraphHandle;
struct HipExecHandle;
struct HipNodeHandle;
using HipStream = HipStreamHandle*;
using HipEvent = HipEventHandle*;
using HipModule = HipModuleHandle*;
using HipFunction = HipFunctionHandle*;
using HipGraph = HipGraphHandle*;
using HipExec = HipExecHandle*;
using HipNode = HipNodeHandle*;

// X(name, parameters)
#define PHYNEXUS_HIP_FUNCTIONS(X)                                                                          \
  X(hipInit, (unsigned flags))                                                                             \
  X(hipRuntimeGetVersion, (int* version))                                                                  \
  X(hipGetDeviceCount, (int* count))                                                                       \
  X(hipSetDevice, (HipDevice device))                                                                      \
  X(hipGetDevice, (HipDevice * device))                                                                    \
  X(hipDeviceReset, ())                                                                                    \
  X(hipDeviceGetName, (char* name, int room, HipDevice device))                                            \
  X(hipDeviceGetAttribute, (int* value, HipAttribute attribute, HipDevice device))                         \
  X(hipDeviceTotalMem, (size_t* bytes, HipDevice device))                                                  \
  X(hipMalloc, (void** address, size_t bytes))                                                             \
  X(hipFree, (void* address))                                                                              \
  X(hipMemGetInfo, (size_t* free, size_t* total))                                                          \
  X(hipHostMalloc, (void** host, size_t bytes, unsigned flags))                                            \
  X(hipHostFree, (void* host))                                                                             \
  X(hipHostGetDevicePointer, (void** address, void* host, unsigned flags))                                 \
  X(hipMemcpyHtoDAsync, (void* to, void* from, size_t bytes, HipStream stream))                            \
  X(hipMemcpyDtoHAsync, (void* to, void* from, size_t bytes, HipStream stream))                            \
  X(hipStreamCreateWithFlags, (HipStream * stream, unsigned flags))                                        \
  X(hipStreamDestroy, (HipStream stream))                                                                  \
  X(hipStreamSynchronize, (HipStream stream))                                                              \
  X(hipStreamWaitEvent, (HipStream stream, HipEvent event, unsigned flags))                                \
  X(hipStreamBeginCapture, (HipStream stream, HipCapture mode))                                            \
  X(hipStreamEndCapture, (HipStream stream, HipGraph * graph))                                             \
  X(hipEventCreateWithFlags, (HipEvent * event, unsigned flags))                                           \
  X(hipEventDestroy, (HipEvent event))                                                                     \
  X(hipEventRecord, (HipEvent event, HipStream stream))                                                    \
  X(hipEventQuery, (HipEvent event))                                                                       \
  X(hipEventSynchronize, (HipEvent event))                                                                 \
  X(hipEventElapsedTime, (float* milliseconds, HipEvent first, HipEvent second))                           \
  X(hipModuleLoadData, (HipModule * module, const void* image))                                            \
  X(hipModuleUnload, (HipModule module))                                                                   \
  X(hipModuleGetFunction, (HipFunction * function, HipModule module, const char* name))                    \
  X(hipModuleLaunchKernel, (HipFunction function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, \
                            unsigned threads_x, unsigned threads_y, unsigned threads_z,                    \
                            unsigned shared_bytes, HipStream stream, void** arguments, void** extra))      \
  X(hipGraphInstantiate, (HipExec * exec, HipGraph graph, HipNode * failed, char* log, size_t log_room))   \
  X(hipGraphLaunch, (HipExec exec, HipStream stream))                                                      \
  X(hipGraphExecDestroy, (HipExec exec))                                                                   \
  X(hipGraphDestroy, (HipGraph graph))

// hipGetDeviceProperties is among them by the newer of its two names that the runtime has.
struct HipApi {
#define X(name, parameters) HipResult(*name) parameters = nullptr;
  PHYNEXUS_HIP_FUNCTIONS(X)
#undef X
  const char* (*hipGetErrorName)(HipResult error) = nullptr;
  const char* (*hipGetErrorString)(HipResult error) = nullptr;
  HipResult (*hipGetDeviceProperties)(void* properties, HipDevice device) = nullptr;
  size_t architecture_at = 0;  // in its properties
};

}  // namespace phynexus::hip
