// Holds cuda_api.h against NVIDIA's header: it is enough that this compiles.
#include <cuda.h>

#include <cstddef>
#include <type_traits>

#include "cuda_api.h"

using namespace phynexus::cuda;

namespace {

// As many parameters, each passed in the same way.
template <class Ours, class Theirs>
struct Alike;
template <class R, class... P, class S, class... Q>
struct Alike<R (*)(P...), S (*)(Q...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(P) != sizeof...(Q)) return false;
    else return ((sizeof(P) == sizeof(Q) && std::is_pointer_v<P> == std::is_pointer_v<Q>) && ...);
  }();
};

#define X(name, parameters) static_assert(Alike<CuResult(*) parameters, decltype(&::name)>::value, #name);
PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X

static_assert(sizeof(CuKernelNode) == sizeof(CUDA_KERNEL_NODE_PARAMS_v2));
static_assert(offsetof(CuKernelNode, arguments) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, kernelParams));
static_assert(offsetof(CuKernelNode, shared_bytes) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, sharedMemBytes));
static_assert(offsetof(CuKernelNode, context) == offsetof(CUDA_KERNEL_NODE_PARAMS_v2, ctx));

#define SAME(ours, theirs) static_assert(int(ours) == int(theirs))
SAME(cuda_success, CUDA_SUCCESS);
SAME(cuda_invalid_value, CUDA_ERROR_INVALID_VALUE);
SAME(cuda_out_of_memory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(cuda_deinitialized, CUDA_ERROR_DEINITIALIZED);
SAME(cuda_no_device, CUDA_ERROR_NO_DEVICE);
SAME(cuda_invalid_device, CUDA_ERROR_INVALID_DEVICE);
SAME(cuda_invalid_context, CUDA_ERROR_INVALID_CONTEXT);
SAME(cuda_no_binary_for_gpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(cuda_uncorrectable_memory_error, CUDA_ERROR_ECC_UNCORRECTABLE);
SAME(cuda_nvlink_uncorrectable, CUDA_ERROR_NVLINK_UNCORRECTABLE);
SAME(cuda_contained, CUDA_ERROR_CONTAINED);
SAME(cuda_not_found, CUDA_ERROR_NOT_FOUND);
SAME(cuda_not_ready, CUDA_ERROR_NOT_READY);
SAME(cuda_illegal_address, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME(cuda_launch_timeout, CUDA_ERROR_LAUNCH_TIMEOUT);
SAME(cuda_context_is_destroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
SAME(cuda_assert, CUDA_ERROR_ASSERT);
SAME(cuda_hardware_stack_error, CUDA_ERROR_HARDWARE_STACK_ERROR);
SAME(cuda_illegal_instruction, CUDA_ERROR_ILLEGAL_INSTRUCTION);
SAME(cuda_misaligned_address, CUDA_ERROR_MISALIGNED_ADDRESS);
SAME(cuda_invalid_address_space, CUDA_ERROR_INVALID_ADDRESS_SPACE);
SAME(cuda_invalid_program_counter, CUDA_ERROR_INVALID_PC);
SAME(cuda_launch_failed, CUDA_ERROR_LAUNCH_FAILED);
SAME(cuda_tensor_memory_leak, CUDA_ERROR_TENSOR_MEMORY_LEAK);
SAME(cuda_system_not_ready, CUDA_ERROR_SYSTEM_NOT_READY);
SAME(cuda_system_driver_mismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
SAME(cuda_invalid_handle, CUDA_ERROR_INVALID_HANDLE);
SAME(cuda_unknown, CUDA_ERROR_UNKNOWN);
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
