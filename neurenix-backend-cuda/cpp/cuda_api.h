// The functions of libcuda that the engine calls, as types: found by name when the program runs, so that neither
// NVIDIA's header nor its library is needed to build. tests/cuda_header_test.cpp holds them against the header.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda_errors.h"

namespace phynexus::cuda {

enum CuAttribute : int {
  cuda_attribute_multiprocessors = 16,
  cuda_attribute_major = 75,
  cuda_attribute_minor = 76,
  cuda_attribute_shared_bytes = 97,  // of a block, where it asks for them
};

inline constexpr int cuda_function_shared_bytes = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
inline constexpr unsigned cuda_stream_nonblocking = 1, cuda_event_untimed = 2, cuda_event_timed = 0;
inline constexpr unsigned cuda_host_memory_mapped = 2;  // CU_MEMHOSTALLOC_DEVICEMAP

using CuDevice = int;
using CuAddress = unsigned long long;
struct CuContextHandle;
struct CuStreamHandle;
struct CuEventHandle;
struct CuModuleHandle;
struct CuFunctionHandle;
struct CuGraphHandle;
struct CuNodeHandle;
struct CuExecHandle;
using CuContext = CuContextHandle*;
using CuStream = CuStreamHandle*;
using CuEvent = CuEventHandle*;
using CuModule = CuModuleHandle*;
using CuFunction = CuFunctionHandle*;
using CuGraph = CuGraphHandle*;
using CuNode = CuNodeHandle*;
using CuExec = CuExecHandle*;

struct CuKernelNode {  // CUDA_KERNEL_NODE_PARAMS_v2
  CuFunction function;
  unsigned blocks_x, blocks_y, blocks_z, threads_x, threads_y, threads_z, shared_bytes;
  void** arguments;
  void** extra;
  void* kernel;
  CuContext context;
};

// X(name, parameters)
#define PHYNEXUS_CUDA_FUNCTIONS(X)                                                                      \
  X(cuInit, (unsigned flags))                                                                           \
  X(cuDriverGetVersion, (int* version))                                                                 \
  X(cuGetErrorName, (CuResult error, const char** name))                                                \
  X(cuGetErrorString, (CuResult error, const char** text))                                              \
  X(cuDeviceGetCount, (int* count))                                                                     \
  X(cuDeviceGet, (CuDevice * device, int index))                                                        \
  X(cuDeviceGetName, (char* name, int room, CuDevice device))                                           \
  X(cuDeviceGetAttribute, (int* value, CuAttribute attribute, CuDevice device))                         \
  X(cuDeviceTotalMem_v2, (size_t* bytes, CuDevice device))                                              \
  X(cuDevicePrimaryCtxRetain, (CuContext * context, CuDevice device))                                   \
  X(cuDevicePrimaryCtxRelease_v2, (CuDevice device))                                                    \
  X(cuDevicePrimaryCtxReset_v2, (CuDevice device))                                                      \
  X(cuCtxPushCurrent_v2, (CuContext context))                                                           \
  X(cuCtxPopCurrent_v2, (CuContext * context))                                                          \
  X(cuMemAlloc_v2, (CuAddress * address, size_t bytes))                                                 \
  X(cuMemFree_v2, (CuAddress address))                                                                  \
  X(cuMemGetInfo_v2, (size_t* free, size_t* total))                                                     \
  X(cuMemHostAlloc, (void** host, size_t bytes, unsigned flags))                                        \
  X(cuMemFreeHost, (void* host))                                                                        \
  X(cuMemHostGetDevicePointer_v2, (CuAddress * address, void* host, unsigned flags))                    \
  X(cuMemcpyHtoDAsync_v2, (CuAddress to, const void* from, size_t bytes, CuStream stream))              \
  X(cuMemcpyDtoHAsync_v2, (void* to, CuAddress from, size_t bytes, CuStream stream))                    \
  X(cuStreamCreate, (CuStream * stream, unsigned flags))                                                \
  X(cuStreamDestroy_v2, (CuStream stream))                                                              \
  X(cuStreamSynchronize, (CuStream stream))                                                             \
  X(cuStreamWaitEvent, (CuStream stream, CuEvent event, unsigned flags))                                \
  X(cuEventCreate, (CuEvent * event, unsigned flags))                                                   \
  X(cuEventDestroy_v2, (CuEvent event))                                                                 \
  X(cuEventRecord, (CuEvent event, CuStream stream))                                                    \
  X(cuEventQuery, (CuEvent event))                                                                      \
  X(cuEventSynchronize, (CuEvent event))                                                                \
  X(cuEventElapsedTime, (float* milliseconds, CuEvent first, CuEvent second))                           \
  X(cuModuleLoadData, (CuModule * module, const void* image))                                           \
  X(cuModuleUnload, (CuModule module))                                                                  \
  X(cuModuleGetFunction, (CuFunction * function, CuModule module, const char* name))                    \
  X(cuFuncSetAttribute, (CuFunction function, int attribute, int value))                                \
  X(cuLaunchKernel, (CuFunction function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z,      \
                     unsigned threads_x, unsigned threads_y, unsigned threads_z, unsigned shared_bytes, \
                     CuStream stream, void** arguments, void** extra))                                  \
  X(cuGraphCreate, (CuGraph * graph, unsigned flags))                                                   \
  X(cuGraphAddKernelNode_v2,                                                                            \
    (CuNode * node, CuGraph graph, const CuNode* before, size_t count, const CuKernelNode* launch))     \
  X(cuGraphAddEmptyNode, (CuNode * node, CuGraph graph, const CuNode* before, size_t count))            \
  X(cuGraphInstantiateWithFlags, (CuExec * exec, CuGraph graph, unsigned long long flags))              \
  X(cuGraphLaunch, (CuExec exec, CuStream stream))                                                      \
  X(cuGraphExecDestroy, (CuExec exec))                                                                  \
  X(cuGraphDestroy, (CuGraph graph))

struct CudaApi {
#define X(name, parameters) CuResult(*name) parameters = nullptr;
  PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X
};

}  // namespace phynexus::cuda
