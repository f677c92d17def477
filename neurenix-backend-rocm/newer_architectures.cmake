# Code by a newer clang than that of the ROCm at hand, for architectures that came after it too: its device libraries
# serve, once they have a file that says the architecture's number. An old ROCm has the headers; what it lacks is that
# file. Code objects are of version 4, which every ROCm from 5.2 on loads.

find_path(PHYNEXUS_HIP_DEVICE_LIBRARIES ocml.bc HINTS ENV ROCM_PATH
  PATHS /opt/rocm /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} /usr/lib/x86_64-linux-gnu PATH_SUFFIXES amdgcn/bitcode)

set(amdgpu_layout "e-p:64:64-p1:64:64-p2:32:32-p3:32:32-p4:64:64-p5:32:32-p6:32:32-p7:160:256:256:32-p8:128:128")
string(APPEND amdgpu_layout "-p9:192:256:256:32-i64:64-v16:16-v24:32-v32:32-v48:64-v96:128-v192:256-v256:256-v512:512")
string(APPEND amdgpu_layout "-v1024:1024-v2048:2048-n32:64-S32-A5-G1-ni:7:8:9")

# The options of PHYNEXUS_HIP_CLANG for an architecture, whose libraries are put into a folder of the build.
function(newer_architecture_options architecture out)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/device-libraries")
  file(GLOB libraries "${PHYNEXUS_HIP_DEVICE_LIBRARIES}/*.bc")
  file(COPY ${libraries} DESTINATION "${folder}")
  # gfx1100 is 11000: major, minor and step, two digits each, the last two of the name in hexadecimal.
  string(REGEX REPLACE "^gfx([0-9]+)([0-9a-f])([0-9a-f])$" "\\1;\\2;\\3" parts "${architecture}")
  list(TRANSFORM parts REPLACE "^([a-f])$" "0x\\1")
  list(GET parts 0 major)
  list(GET parts 1 minor)
  list(GET parts 2 step)
  math(EXPR number "${major} * 1000 + ${minor} * 100 + ${step}")
  string(REPLACE "gfx" "" name "${architecture}")
  file(WRITE "${folder}/isa.ll"
    "target datalayout = \"${amdgpu_layout}\"\ntarget triple = \"amdgcn-amd-amdhsa\"\n"
    "@__oclc_ISA_version = linkonce_odr hidden addrspace(4) constant i32 ${number}, align 4\n")
  execute_process(COMMAND "${PHYNEXUS_HIP_CLANG}" -x ir --target=amdgcn-amd-amdhsa -nogpulib -emit-llvm -c "${folder}/isa.ll"
    -o "${folder}/oclc_isa_version_${name}.bc" OUTPUT_QUIET ERROR_QUIET)
  get_filename_component(rocm "${PHYNEXUS_HIPCC}" REALPATH)
  get_filename_component(rocm "${rocm}" DIRECTORY)
  get_filename_component(rocm "${rocm}" DIRECTORY)
  set(${out} --offload-arch=${architecture} --cuda-device-only -mcode-object-version=4
    "--rocm-path=${rocm}" "--rocm-device-lib-path=${folder}" PARENT_SCOPE)
endfunction()
