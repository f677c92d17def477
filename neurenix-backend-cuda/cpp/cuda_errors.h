// What libcuda's functions answer, as numbers, with what to do where something can be done. Those that only profilers,
// textures, graphics, peers and captures give are left out. tests/cuda_header_test.cpp holds the numbers against
// NVIDIA's.
#pragma once

#define PHYNEXUS_CUDA_MPS \
  "NVIDIA's multi-process service has failed: restart it, or unset CUDA_MPS_PIPE_DIRECTORY"
#define PHYNEXUS_CUDA_COMPUTE                                                                             \
  "another process may have the card to itself, or nobody may compute on it: `nvidia-smi -q -d COMPUTE` " \
  "says so"
#define PHYNEXUS_CUDA_FAULT                                                                                \
  "a kernel went wrong, of Neurenix or of another library of this process: NEURENIX_DEBUG=1 stops at the " \
  "operation"

// X(name, number, what NVIDIA calls it, whether all that was made on the device is gone, what to do)
// Others may be losses too, 400 and 999 among them: the engine sees whether the device still works.
// clang-format off
#define PHYNEXUS_CUDA_ERRORS(X)                                                                                     \
  X(cuda_invalid_value, 1, CUDA_ERROR_INVALID_VALUE, false, "")                                                     \
  X(cuda_out_of_memory, 2, CUDA_ERROR_OUT_OF_MEMORY, false, "")                                                     \
  X(cuda_not_initialized, 3, CUDA_ERROR_NOT_INITIALIZED, false, "`nvidia-smi` says whether the driver works")       \
  X(cuda_deinitialized, 4, CUDA_ERROR_DEINITIALIZED, true, "the process ends: use no GPU from what runs at its end") \
  X(cuda_stub_library, 34, CUDA_ERROR_STUB_LIBRARY, false,                                                          \
    "take the folder of CUDA's stubs out of LD_LIBRARY_PATH, and install the driver")                               \
  X(cuda_needs_newer_driver, 36, CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER, false, "update the driver")                 \
  X(cuda_device_unavailable, 46, CUDA_ERROR_DEVICE_UNAVAILABLE, false, PHYNEXUS_CUDA_COMPUTE)                       \
  X(cuda_no_device, 100, CUDA_ERROR_NO_DEVICE, false, "`nvidia-smi` lists what the driver sees")                    \
  X(cuda_invalid_device, 101, CUDA_ERROR_INVALID_DEVICE, false,                                                     \
    "CUDA_VISIBLE_DEVICES may leave fewer cards than there are, or a card is gone: `nvidia-smi -L` lists all")      \
  X(cuda_not_licensed, 102, CUDA_ERROR_DEVICE_NOT_LICENSED, false, "this virtual GPU needs a licence of NVIDIA's")  \
  X(cuda_invalid_image, 200, CUDA_ERROR_INVALID_IMAGE, false,                                                       \
    "the library's code is not whole: install neurenix-backend-cuda again")                                         \
  X(cuda_invalid_context, 201, CUDA_ERROR_INVALID_CONTEXT, true,                                                    \
    "another library of this process may have reset the device")                                                    \
  X(cuda_map_failed, 205, CUDA_ERROR_MAP_FAILED, false, "")                                                         \
  X(cuda_no_binary_for_gpu, 209, CUDA_ERROR_NO_BINARY_FOR_GPU, false,                                               \
    "the library has no code for this card: build neurenix-backend-cuda for it, with -DPHYNEXUS_CUDA_ARCHITECTURES") \
  X(cuda_uncorrectable_memory_error, 214, CUDA_ERROR_ECC_UNCORRECTABLE, true,                                       \
    "the card's memory has an error: reset the card or restart the machine; `nvidia-smi -q -d ECC` counts them")    \
  X(cuda_invalid_ptx, 218, CUDA_ERROR_INVALID_PTX, false,                                                           \
    "the driver cannot compile the library's PTX: update it, or build with -DPHYNEXUS_CUDA_ARCHITECTURES")          \
  X(cuda_nvlink_uncorrectable, 220, CUDA_ERROR_NVLINK_UNCORRECTABLE, true,                                          \
    "the link between cards has an error: restart the machine; `nvidia-smi nvlink -e` counts them")                 \
  X(cuda_no_jit, 221, CUDA_ERROR_JIT_COMPILER_NOT_FOUND, false,                                                     \
    "the driver lacks its compiler libnvidia-ptxjitcompiler.so.1: install the driver again, or in a container take " \
    "the host's")                                                                                                   \
  X(cuda_unsupported_ptx, 222, CUDA_ERROR_UNSUPPORTED_PTX_VERSION, false,                                           \
    "the library's PTX is newer than the driver: update the driver, or build neurenix-backend-cuda with "           \
    "-DPHYNEXUS_CUDA_ARCHITECTURES of this card")                                                                   \
  X(cuda_jit_disabled, 223, CUDA_ERROR_JIT_COMPILATION_DISABLED, false,                                             \
    "the library has only PTX for this card: unset CUDA_DISABLE_PTX_JIT, or build neurenix-backend-cuda with "      \
    "-DPHYNEXUS_CUDA_ARCHITECTURES of this card")                                                                   \
  X(cuda_contained, 226, CUDA_ERROR_CONTAINED, true, "`dmesg` has what the driver met, as Xid")                     \
  X(cuda_invalid_source, 300, CUDA_ERROR_INVALID_SOURCE, false, "")                                                 \
  X(cuda_file_not_found, 301, CUDA_ERROR_FILE_NOT_FOUND, false, "a part of the driver is missing: install it again") \
  X(cuda_symbol_not_found, 302, CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, false,                                   \
    "parts of several releases of the driver are mixed: install it again")                                          \
  X(cuda_shared_object_failed, 303, CUDA_ERROR_SHARED_OBJECT_INIT_FAILED, false,                                    \
    "parts of several releases of the driver are mixed: install it again")                                          \
  X(cuda_operating_system, 304, CUDA_ERROR_OPERATING_SYSTEM, false, "`dmesg` has what the driver met")              \
  X(cuda_invalid_handle, 400, CUDA_ERROR_INVALID_HANDLE, false, "")                                                 \
  X(cuda_illegal_state, 401, CUDA_ERROR_ILLEGAL_STATE, false, "")                                                   \
  X(cuda_not_found, 500, CUDA_ERROR_NOT_FOUND, false,                                                               \
    "the library's code is not whole: install neurenix-backend-cuda again")                                         \
  X(cuda_not_ready, 600, CUDA_ERROR_NOT_READY, false, "")                                                           \
  X(cuda_illegal_address, 700, CUDA_ERROR_ILLEGAL_ADDRESS, true, PHYNEXUS_CUDA_FAULT)                               \
  X(cuda_launch_out_of_resources, 701, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, false, "")                               \
  X(cuda_launch_timeout, 702, CUDA_ERROR_LAUNCH_TIMEOUT, true,                                                      \
    "a card that drives a screen ends kernels that take long: use another card, or fewer tasks a batch")            \
  X(cuda_context_is_destroyed, 709, CUDA_ERROR_CONTEXT_IS_DESTROYED, true,                                          \
    "another library of this process may have reset the device")                                                    \
  X(cuda_assert, 710, CUDA_ERROR_ASSERT, true, PHYNEXUS_CUDA_FAULT)                                                 \
  X(cuda_hardware_stack_error, 714, CUDA_ERROR_HARDWARE_STACK_ERROR, true, PHYNEXUS_CUDA_FAULT)                     \
  X(cuda_illegal_instruction, 715, CUDA_ERROR_ILLEGAL_INSTRUCTION, true, PHYNEXUS_CUDA_FAULT)                       \
  X(cuda_misaligned_address, 716, CUDA_ERROR_MISALIGNED_ADDRESS, true, PHYNEXUS_CUDA_FAULT)                         \
  X(cuda_invalid_address_space, 717, CUDA_ERROR_INVALID_ADDRESS_SPACE, true, PHYNEXUS_CUDA_FAULT)                   \
  X(cuda_invalid_program_counter, 718, CUDA_ERROR_INVALID_PC, true, PHYNEXUS_CUDA_FAULT)                            \
  X(cuda_launch_failed, 719, CUDA_ERROR_LAUNCH_FAILED, true, PHYNEXUS_CUDA_FAULT)                                   \
  X(cuda_tensor_memory_leak, 721, CUDA_ERROR_TENSOR_MEMORY_LEAK, true, PHYNEXUS_CUDA_FAULT)                         \
  X(cuda_not_permitted, 800, CUDA_ERROR_NOT_PERMITTED, false, "")                                                   \
  X(cuda_not_supported, 801, CUDA_ERROR_NOT_SUPPORTED, false, "this driver or card cannot do that: update the driver") \
  X(cuda_system_not_ready, 802, CUDA_ERROR_SYSTEM_NOT_READY, false,                                                 \
    "the driver is still starting, or its fabric manager does not run: wait, or start nvidia-fabricmanager")        \
  X(cuda_system_driver_mismatch, 803, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, false,                                     \
    "the kernel's module and the driver's library are of different releases: restart the machine, or in a "         \
    "container take the host's library")                                                                            \
  X(cuda_compatibility, 804, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, false,                                      \
    "take CUDA's compatibility libraries out of LD_LIBRARY_PATH, and update the driver")                            \
  X(cuda_mps_not_connected, 805, CUDA_ERROR_MPS_CONNECTION_FAILED, false, PHYNEXUS_CUDA_MPS)                        \
  X(cuda_mps_call_failed, 806, CUDA_ERROR_MPS_RPC_FAILURE, false, PHYNEXUS_CUDA_MPS)                                \
  X(cuda_mps_not_ready, 807, CUDA_ERROR_MPS_SERVER_NOT_READY, false, PHYNEXUS_CUDA_MPS)                             \
  X(cuda_mps_clients, 808, CUDA_ERROR_MPS_MAX_CLIENTS_REACHED, false,                                               \
    "NVIDIA's multi-process service serves no more processes: end others")                                          \
  X(cuda_mps_connections, 809, CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED, false,                                       \
    "NVIDIA's multi-process service serves no more processes: end others")                                          \
  X(cuda_mps_terminated, 810, CUDA_ERROR_MPS_CLIENT_TERMINATED, true, PHYNEXUS_CUDA_MPS)                            \
  X(cuda_external_device, 911, CUDA_ERROR_EXTERNAL_DEVICE, false, "`dmesg` has what the driver met")                \
  X(cuda_unknown, 999, CUDA_ERROR_UNKNOWN, false,                                                                   \
    PHYNEXUS_CUDA_COMPUTE "; `dmesg` has what the driver met; else restart the machine")
// clang-format on

namespace phynexus::cuda {

enum CuResult : int {
  cuda_success = 0,
#define X(name, number, vendors, lost, remedy) name = number,
  PHYNEXUS_CUDA_ERRORS(X)
#undef X
};

struct CudaError {
  CuResult number;
  const char* name;
  bool lost;
  const char* remedy;  // empty: nothing that is known
};
inline constexpr CudaError cuda_errors[] = {
#define X(name, number, vendors, lost, remedy) {name, #vendors, lost, remedy},
    PHYNEXUS_CUDA_ERRORS(X)
#undef X
};

// Null for a number that is not among them.
inline const CudaError* find_error(CuResult number) {
  for (const CudaError& error : cuda_errors)
    if (error.number == number) return &error;
  return nullptr;
}

}  // namespace phynexus::cuda
