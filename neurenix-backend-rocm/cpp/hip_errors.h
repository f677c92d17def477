// What the HIP runtime's functions answer, as numbers, with what to do where something can be done. Those that only
// profilers, textures, graphics and other devices' memory give are left out. hip_header_test.cpp holds the numbers
// against AMD's.
#pragma once

// X(name, number, what AMD calls it, whether all that was made on the device is gone, what to do)
// Others may be losses too, 400 and 999 among them: the engine sees whether the device still works.
// clang-format off
#define PHYNEXUS_HIP_ERRORS(X)                                                                                      \
  X(hip_invalid_value, 1, hipErrorInvalidValue, false, "")                                                          \
  X(hip_out_of_memory, 2, hipErrorOutOfMemory, false, "")                                                           \
  X(hip_not_initialized, 3, hipErrorNotInitialized, false,                                                          \
    "the kernel's driver amdgpu does not work with this ROCm: `rocminfo` says more")                                \
  X(hip_deinitialized, 4, hipErrorDeinitialized, true, "")                                                          \
  X(hip_invalid_configuration, 9, hipErrorInvalidConfiguration, false, "")                                          \
  X(hip_invalid_device_pointer, 17, hipErrorInvalidDevicePointer, false, "")                                        \
  X(hip_insufficient_driver, 35, hipErrorInsufficientDriver, false,                                                 \
    "the kernel's driver amdgpu is older than this ROCm: update it, and restart")                                   \
  X(hip_prior_launch_failure, 53, hipErrorPriorLaunchFailure, true, "")                                             \
  X(hip_invalid_device_function, 98, hipErrorInvalidDeviceFunction, false,                                          \
    "the library's code is not for this card: build neurenix-backend-rocm where the card is")                       \
  X(hip_no_device, 100, hipErrorNoDevice, false, "`rocminfo` lists what the runtime sees")                          \
  X(hip_invalid_device, 101, hipErrorInvalidDevice, false, "HIP_VISIBLE_DEVICES may leave fewer cards than there are") \
  X(hip_invalid_image, 200, hipErrorInvalidImage, false,                                                            \
    "this ROCm cannot read the library's code: build neurenix-backend-rocm with it")                                \
  X(hip_invalid_context, 201, hipErrorInvalidContext, true, "")                                                     \
  X(hip_map_failed, 205, hipErrorMapFailed, false, "")                                                              \
  X(hip_no_binary_for_gpu, 209, hipErrorNoBinaryForGpu, false,                                                      \
    "the library has no code for this card: build neurenix-backend-rocm where the card is")                         \
  X(hip_ecc_not_correctable, 214, hipErrorECCNotCorrectable, true,                                                  \
    "the card's memory has an error: restart the machine, and replace the card if it comes again")                  \
  X(hip_invalid_kernel_file, 218, hipErrorInvalidKernelFile, false,                                                 \
    "this ROCm cannot read the library's code: build neurenix-backend-rocm with it")                                \
  X(hip_file_not_found, 301, hipErrorFileNotFound, false, "a part of ROCm is missing: install it again")            \
  X(hip_symbol_not_found, 302, hipErrorSharedObjectSymbolNotFound, false,                                           \
    "parts of several ROCm releases are mixed: install one release")                                                \
  X(hip_shared_object_failed, 303, hipErrorSharedObjectInitFailed, false,                                           \
    "parts of several ROCm releases are mixed: install one release")                                                \
  X(hip_operating_system, 304, hipErrorOperatingSystem, false, "`dmesg` says what the kernel's driver met")         \
  X(hip_invalid_handle, 400, hipErrorInvalidHandle, false, "")                                                      \
  X(hip_illegal_state, 401, hipErrorIllegalState, false, "")                                                        \
  X(hip_not_found, 500, hipErrorNotFound, false, "the library's code is not whole: install neurenix-backend-rocm again") \
  X(hip_not_ready, 600, hipErrorNotReady, false, "")                                                                \
  X(hip_illegal_address, 700, hipErrorIllegalAddress, true, "")                                                     \
  X(hip_launch_out_of_resources, 701, hipErrorLaunchOutOfResources, false,                                          \
    "other programs hold what the card has: end them, or choose another card by HIP_VISIBLE_DEVICES")               \
  X(hip_launch_timeout, 702, hipErrorLaunchTimeOut, true,                                                           \
    "a card that drives a screen ends kernels that take long: use another card, or fewer tasks a batch")            \
  X(hip_context_is_destroyed, 709, hipErrorContextIsDestroyed, true, "")                                            \
  X(hip_assert, 710, hipErrorAssert, true, "")                                                                      \
  X(hip_launch_failed, 719, hipErrorLaunchFailure, true, "`dmesg` says what the kernel's driver met")               \
  X(hip_not_supported, 801, hipErrorNotSupported, false, "this ROCm or card cannot do that: update ROCm")           \
  X(hip_capture_unsupported, 900, hipErrorStreamCaptureUnsupported, false, "")                                      \
  X(hip_capture_invalidated, 901, hipErrorStreamCaptureInvalidated, false, "")                                      \
  X(hip_capture_unmatched, 903, hipErrorStreamCaptureUnmatched, false, "")                                          \
  X(hip_capture_implicit, 906, hipErrorStreamCaptureImplicit, false, "")                                            \
  X(hip_capture_wrong_thread, 908, hipErrorStreamCaptureWrongThread, false, "")                                     \
  X(hip_unknown, 999, hipErrorUnknown, false, "`dmesg` says what the kernel's driver met")                          \
  X(hip_runtime_memory, 1052, hipErrorRuntimeMemory, false, "`dmesg` says what the kernel's driver met")            \
  X(hip_runtime_other, 1053, hipErrorRuntimeOther, false, "`dmesg` says what the kernel's driver met")
// clang-format on

namespace phynexus::hip {

enum HipResult : int {
  hip_success = 0,
#define X(name, number, vendors, lost, remedy) name = number,
  PHYNEXUS_HIP_ERRORS(X)
#undef X
};

struct HipError {
  HipResult number;
  const char* name;
  bool lost;
  const char* remedy;  // empty: nothing that is known
};
inline constexpr HipError hip_errors[] = {
#define X(name, number, vendors, lost, remedy) {name, #vendors, lost, remedy},
    PHYNEXUS_HIP_ERRORS(X)
#undef X
};

// Null for a number that is not among them.
inline const HipError* find_error(HipResult number) {
  for (const HipError& error : hip_errors)
    if (error.number == number) return &error;
  return nullptr;
}

}  // namespace phynexus::hip
