# What all engines share, as sources: after find_package(Phynexus REQUIRED),
#
#   target_link_libraries(my_engine PRIVATE Phynexus::engine)
#
# compiles them into my_engine, with its flags; Phynexus::api leaves out the steps that run in the host's memory, for
# engines of other devices. `python -m neurenix.phynexus --cmake-dir` says where this file lies.
get_filename_component(PHYNEXUS_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

include(CMakeFindDependencyMacro)
find_dependency(Threads)

if(NOT TARGET Phynexus::engine)
  file(GLOB_RECURSE phynexus_sources CONFIGURE_DEPENDS "${PHYNEXUS_INCLUDE_DIR}/engine/*.cpp")
  set(phynexus_steps ${phynexus_sources})
  list(FILTER phynexus_steps INCLUDE REGEX "/engine/run/(call|lowering|scan)\\.cpp$")
  list(REMOVE_ITEM phynexus_sources ${phynexus_steps})
  add_library(Phynexus::api INTERFACE IMPORTED)
  set_target_properties(Phynexus::api PROPERTIES
    INTERFACE_SOURCES "${phynexus_sources}"
    INTERFACE_INCLUDE_DIRECTORIES "${PHYNEXUS_INCLUDE_DIR}"
    INTERFACE_COMPILE_FEATURES cxx_std_20
    INTERFACE_LINK_LIBRARIES Threads::Threads
    # Of several engines in one process, each has functions of its own.
    INTERFACE_COMPILE_OPTIONS "-fvisibility=hidden;-fvisibility-inlines-hidden")
  add_library(Phynexus::engine INTERFACE IMPORTED)
  set_target_properties(Phynexus::engine PROPERTIES
    INTERFACE_SOURCES "${phynexus_steps}"
    INTERFACE_LINK_LIBRARIES Phynexus::api)
  unset(phynexus_sources)
  unset(phynexus_steps)
endif()
