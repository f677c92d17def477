// The device's source as text, for compilers at run time. CMake makes the list of files from the folder `device`.
#pragma once

#include <string>

namespace phynexus::gpu {

struct DeviceFile {
  const char* name;  // from the folder `gpu`: "device/kernels.h"
  const char* text;
};
extern const DeviceFile device_files[];
extern const int device_file_count;

// The file of that name with every file of the list that it includes in its place, once. Includes of other files
// stay as they are, but for the system's, which no run-time compiler has.
std::string text_of(const std::string& name);

}  // namespace phynexus::gpu
