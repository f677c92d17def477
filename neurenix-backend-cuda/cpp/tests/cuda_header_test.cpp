// Holds cuda_api.h against NVIDIA's header: it is enough that this compiles.
#include <cuda.h>

#include <cstddef>

#include "alike.h"
#include "cuda_api.h"

using namespace phynexus::cuda;

namespace {

#define X(name, parameters) static_assert(Alike<CuResult(*) parameters, decltype(&::name)>::value, #name);
PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X

static_assert(sizeof(CuKernelNode) == sizeof(CUDA_KERNEL_NODE_PARAMS_v2));
static_assert(offsetof(CuKernelNode, arguments) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, kernelParams));
static_assert(offsetof(CuKernelNode, shared_bytes) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, sharedMemBytes));
static_assert(offsetof(CuKernelNode, context) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, ctx));

#define SAME(ours, theirs) static_assert(int(ours) == int(theirs))
SAME(cuda_success, CUDA_SUCCESS);
#define X(name, number, vendors, lost, remedy) SAME(number, ::vendors);
PHYNEXUS_CUDA_ERRORS(X)
#undef X
SAME(cuda_attribute_multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(cuda_attribute_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(cuda_attribute_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(cuda_attribute_shared_bytes, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
SAME(cuda_function_shared_bytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(cuda_stream_nonblocking, CU_STREAM_NON_BLOCKING);
SAME(cuda_event_untimed, CU_EVENT_DISABLE_TIMING);
SAME(cuda_event_timed, CU_EVENT_DEFAULT);
SAME(cuda_host_memory_mapped, CU_MEMHOSTALLOC_DEVICEMAP);

}  // namespace

int main() { return 0; }
