// Holds hip_api.h against AMD's headers, where they are: compiled, never run.
#include "hip_api.h"

#define __HIP_DISABLE_CPP_FUNCTIONS__  // overloads of the same names
#include <hip/hip_runtime_api.h>

#include <type_traits>

namespace phynexus::hip {

static_assert(int(hip_out_of_memory) == int(hipErrorOutOfMemory));
static_assert(int(hip_not_initialized) == int(hipErrorNotInitialized));
static_assert(int(hip_deinitialized) == int(hipErrorDeinitialized));
static_assert(int(hip_insufficient_driver) == int(hipErrorInsufficientDriver));
static_assert(int(hip_no_device) == int(hipErrorNoDevice));
static_assert(int(hip_invalid_device) == int(hipErrorInvalidDevice));
static_assert(int(hip_invalid_image) == int(hipErrorInvalidImage));
static_assert(int(hip_invalid_context) == int(hipErrorInvalidContext));
static_assert(int(hip_no_binary_for_gpu) == int(hipErrorNoBinaryForGpu));
static_assert(int(hip_ecc_not_correctable) == int(hipErrorECCNotCorrectable));
static_assert(int(hip_not_found) == int(hipErrorNotFound));
static_assert(int(hip_not_ready) == int(hipErrorNotReady));
static_assert(int(hip_illegal_address) == int(hipErrorIllegalAddress));
static_assert(int(hip_launch_timeout) == int(hipErrorLaunchTimeOut));
static_assert(int(hip_context_is_destroyed) == int(hipErrorContextIsDestroyed));
static_assert(int(hip_assert) == int(hipErrorAssert));
static_assert(int(hip_launch_failed) == int(hipErrorLaunchFailure));
static_assert(int(hip_unknown) == int(hipErrorUnknown));
static_assert(int(hip_attribute_multiprocessors) == int(hipDeviceAttributeMultiprocessorCount));
static_assert(int(hip_attribute_shared_bytes) == int(hipDeviceAttributeMaxSharedMemoryPerBlock));
static_assert(int(hip_attribute_lanes) == int(hipDeviceAttributeWarpSize));
static_assert(int(hip_capture_thread_local) == int(hipStreamCaptureModeThreadLocal));
static_assert(hip_stream_nonblocking == hipStreamNonBlocking);
static_assert(hip_event_untimed == hipEventDisableTiming);
static_assert(hip_host_memory_mapped == hipHostMallocMapped);
static_assert(sizeof(hipDeviceProp_t) <= hip_properties_room);
#if HIP_VERSION_MAJOR >= 6
static_assert(offsetof(hipDeviceProp_t, gcnArchName) == hip_architecture_at_r0600);
#else
static_assert(offsetof(hipDeviceProp_t, gcnArchName) == hip_architecture_at_r0000);
#endif

// Each function has as many parameters as here, of the same sizes.
template <class>
struct Parameters;
template <class R, class... P>
struct Parameters<R (*)(P...)> {
  static constexpr size_t count = sizeof...(P);
  static constexpr size_t bytes = (sizeof(P) + ... + 0);
};
#define X(name, parameters)                                                                                \
  static_assert(Parameters<decltype(HipApi::name)>::count == Parameters<decltype(&::name)>::count, #name); \
  static_assert(Parameters<decltype(HipApi::name)>::bytes == Parameters<decltype(&::name)>::bytes, #name);
PHYNEXUS_HIP_FUNCTIONS(X)
#undef X

}  // namespace phynexus::hip
