# Builds an engine for GPUs: all but the binding of a vendor's driver, and what its compiler makes.
#
# A backend's CMakeLists.txt includes it behind project(... LANGUAGES NONE), and sets before
#
#   phynexus_binding   the sources that bind the driver
#   PHYNEXUS_LANES     of the emulated engine, a cache variable
#
# With phynexus_add_engine() it makes its library; with PHYNEXUS_EMULATED the same over a fake driver, which
# phynexus_add_fake_driver() makes.
get_filename_component(gpu "${CMAKE_CURRENT_LIST_DIR}" ABSOLUTE)

include(CheckCXXCompilerFlag)
include(CheckLanguage)
check_language(CXX)
if(CMAKE_CXX_COMPILER)
  enable_language(CXX)
else()
  message(FATAL_ERROR "${PROJECT_NAME} needs a C++20 compiler: install g++ 11 or clang 14 or newer, or set CXX.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(PHYNEXUS_PRODUCT "the engine itself; needs the vendor's compiler" ON)
option(PHYNEXUS_EMULATED "the emulated engine and its fake driver, for tests; needs no compiler of a vendor's" OFF)
option(PHYNEXUS_TESTS "build the engine's C++ tests, which run on the emulated engine" OFF)
set(PHYNEXUS_SANITIZE "" CACHE STRING "sanitizers for the emulated engine: address,undefined or thread")

find_package(Threads REQUIRED)
find_package(Phynexus CONFIG REQUIRED PATHS "${gpu}/.." NO_DEFAULT_PATH)
include("${gpu}/codegen/embed.cmake")

set(common_flags -Wall -Wextra)
if(PHYNEXUS_SANITIZE)
  list(APPEND common_flags -fsanitize=${PHYNEXUS_SANITIZE} -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${PHYNEXUS_SANITIZE})
endif()

# The host's side, the same for the product and for the emulated engine. The device's source is compiled at run time
# too, where a compiler is found.
set(host_sources)
foreach(room driver run lower codegen)
  file(GLOB_RECURSE room_sources CONFIGURE_DEPENDS "${gpu}/${room}/*.cpp")
  list(APPEND host_sources ${room_sources})
endforeach()
phynexus_embed_device(device_text)
add_library(phynexus_host OBJECT EXCLUDE_FROM_ALL ${host_sources} ${device_text})
target_link_libraries(phynexus_host PRIVATE Phynexus::api)
target_compile_options(phynexus_host PRIVATE ${common_flags} -ffunction-sections $<$<CONFIG:Release>:-O2>)

# What the engine starts to compile at run time; it must lie beside the library.
add_executable(phynexus_compile EXCLUDE_FROM_ALL "${gpu}/compile/compile.cpp" "${gpu}/codegen/library_compiler.cpp")
target_include_directories(phynexus_compile PRIVATE "${PHYNEXUS_INCLUDE_DIR}")
target_compile_options(phynexus_compile PRIVATE ${common_flags})
target_link_libraries(phynexus_compile PRIVATE ${CMAKE_DL_LIBS})

# phynexus_add_engine(name SOURCES ... DEFINITIONS ... [OVER fake]): a library of the engine, with the device's code of
# its own in SOURCES; OVER a fake driver, which lies beside it.
function(phynexus_add_engine name)
  cmake_parse_arguments(engine "" "OVER" "SOURCES;DEFINITIONS" ${ARGN})
  add_library(${name}_binding OBJECT EXCLUDE_FROM_ALL ${phynexus_binding} ${engine_SOURCES})
  target_include_directories(${name}_binding PRIVATE cpp "${PHYNEXUS_INCLUDE_DIR}")
  target_compile_options(${name}_binding PRIVATE ${common_flags} $<$<CONFIG:Release>:-O2>)
  target_compile_definitions(${name}_binding PRIVATE PHYNEXUS_VERSION="0.1.0" ${engine_DEFINITIONS})
  add_library(${name} MODULE $<TARGET_OBJECTS:phynexus_host> $<TARGET_OBJECTS:${name}_binding>)
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  add_dependencies(${name} phynexus_compile)
  # Of what engines share, not all is needed; a function that is lacks nothing.
  target_link_options(${name} PRIVATE -Wl,--gc-sections)
  if(NOT PHYNEXUS_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  if(engine_OVER)
    set_target_properties(${name} PROPERTIES BUILD_RPATH "$ORIGIN")
    add_dependencies(${name} ${engine_OVER})
  endif()
endfunction()

# phynexus_add_fake_driver(name [LANES n] STANDS_FOR folder/library SOURCES ... INCLUDES ...): a driver that runs the
# kernels on the host. LD_LIBRARY_PATH with that folder of the build has it found in place of the vendor's, for tests of
# the product.
function(phynexus_add_fake_driver name)
  cmake_parse_arguments(fake "" "STANDS_FOR;LANES" "SOURCES;INCLUDES" ${ARGN})
  if(NOT fake_LANES)
    set(fake_LANES ${PHYNEXUS_LANES})
  endif()
  file(GLOB emulator_sources CONFIGURE_DEPENDS "${gpu}/emulator/*.cpp")
  add_library(${name} SHARED ${fake_SOURCES} ${emulator_sources} "${gpu}/device/kernels.cpp")
  target_include_directories(${name} PRIVATE cpp ${fake_INCLUDES} "${PHYNEXUS_INCLUDE_DIR}")
  target_compile_definitions(${name} PRIVATE PHYNEXUS_EMULATED PHYNEXUS_LANES=${fake_LANES})
  # As a GPU computes: integers wrap, nothing is contracted that the source does not contract.
  # A machine without an instruction that multiplies and adds would call a function for each.
  check_cxx_compiler_flag(-march=native PHYNEXUS_NATIVE)
  target_compile_options(${name} PRIVATE
    ${common_flags} -ffp-contract=off -fwrapv $<$<BOOL:${PHYNEXUS_NATIVE}>:-march=native> $<$<CONFIG:Release>:-O3>)
  # Code that a fake compiler makes uses the fibers of this library.
  set_source_files_properties(${emulator_sources} PROPERTIES COMPILE_OPTIONS -fvisibility=default)
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  get_filename_component(folder "${fake_STANDS_FOR}" DIRECTORY)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -E make_directory ${folder}
    COMMAND "${CMAKE_COMMAND}" -E copy "$<TARGET_FILE:${name}>" ${fake_STANDS_FOR}
    WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()

# phynexus_add_fake_library(name driver sources...): a vendor's library over that fake driver, for tests to name.
function(phynexus_add_fake_library name driver)
  add_library(${name} SHARED ${ARGN})
  target_include_directories(${name} PRIVATE cpp fake "${PHYNEXUS_INCLUDE_DIR}")
  target_compile_options(${name} PRIVATE ${common_flags} -ffp-contract=off $<$<CONFIG:Release>:-O2>)
  target_link_libraries(${name} PRIVATE ${driver})
  set_target_properties(${name} PROPERTIES BUILD_RPATH "$ORIGIN")
endfunction()

# phynexus_add_fake_compiler(name driver prefix code sources...): what compiles at run time for that fake driver; its
# functions are prefixVersion, ..., and prefixGetCode where `code` is Code.
function(phynexus_add_fake_compiler name driver prefix code)
  add_library(${name} SHARED ${ARGN})
  target_compile_definitions(${name} PRIVATE PHYNEXUS_FAKE_PREFIX=${prefix} PHYNEXUS_FAKE_CODE=${code}
    PHYNEXUS_FAKE_LANES="${PHYNEXUS_LANES}" PHYNEXUS_FAKE_DEVICE="${gpu}/device"
    PHYNEXUS_FAKE_DRIVER="$<TARGET_FILE:${driver}>")
  target_compile_options(${name} PRIVATE ${common_flags})
endfunction()
