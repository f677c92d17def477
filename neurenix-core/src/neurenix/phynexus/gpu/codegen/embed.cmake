# Writes the device's files as C++ strings: cmake -DFOLDER=.../gpu -DOUT=device_files.cpp -P embed.cmake
#
# In a CMakeLists.txt: include(.../gpu/codegen/embed.cmake), then phynexus_embed_device(files) sets `files` to a source
# that is written anew where a file of the device changes.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(phynexus_embed "${CMAKE_CURRENT_LIST_FILE}")
  function(phynexus_embed_device out)
    get_filename_component(folder "${phynexus_embed}/../.." ABSOLUTE)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS "${folder}/device/*.h")
    set(made "${CMAKE_CURRENT_BINARY_DIR}/device_files.cpp")
    add_custom_command(
      OUTPUT "${made}"
      COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DOUT=${made}" -P "${phynexus_embed}"
      DEPENDS ${files} "${phynexus_embed}")
    set(${out} "${made}" PARENT_SCOPE)
  endfunction()
  return()
endif()

file(GLOB_RECURSE files RELATIVE "${FOLDER}" "${FOLDER}/device/*.h")
list(SORT files)
set(text "// Written by embed.cmake.\n#include <gpu/codegen/device_text.h>\n\nnamespace phynexus::gpu {\n")
string(APPEND text "const DeviceFile device_files[] = {\n")
set(count 0)
foreach(file ${files})
  # As bytes: CMake reads brackets and semicolons in its own way.
  file(READ "${FOLDER}/${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  # A string of at most so many characters; and none goes on with what could be a digit.
  string(REGEX REPLACE "((\\\\x..)(\\\\x..)(\\\\x..)(\\\\x..)(\\\\x..)(\\\\x..)(\\\\x..)(\\\\x..))" "\\1\"\n\"" bytes "${bytes}")
  string(APPEND text "{\"${file}\",\n\"${bytes}\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND text "};\nconst int device_file_count = ${count};\n}  // namespace phynexus::gpu\n")
file(WRITE "${OUT}" "${text}")
