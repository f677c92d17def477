// Holds hip_api.h against AMD's headers, where they are: compiled, never run.
#include "hip_api.h"

#define __HIP_DISABLE_CPP_FUNCTIONS__  // overloads of the same names
#include <hip/hip_runtime_api.h>

#include <type_traits>

namespace phynexus::hip {

#define X(name, number, vendors, lost, remedy) static_assert(number == int(::vendors), #vendors);
PHYNEXUS_HIP_ERRORS(X)
#undef X
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
