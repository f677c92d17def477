// Puts included files in their places.
#include "device_text.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

namespace phynexus::gpu {
namespace {

// "device/contract/../group.h" is "device/group.h".
std::string joined(const std::string& from, std::string_view to) {
  std::vector<std::string> parts;
  const std::string path = from.substr(0, from.rfind('/') + 1) + std::string(to);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (part == ".." && !parts.empty()) parts.pop_back();
    else parts.push_back(part);
    begin = end + 1;
  }
  std::string name = parts[0];
  for (size_t k = 1; k < parts.size(); k++) name += "/" + parts[k];
  return name;
}

const char* find(const std::string& name) {
  for (int k = 0; k < device_file_count; k++)
    if (name == device_files[k].name) return device_files[k].text;
  return nullptr;
}

void add(std::string& out, const std::string& name, std::string_view text, std::set<std::string>& there) {
  constexpr std::string_view include = "#include \"", once = "#pragma once", of_system = "#include <";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(once) || line.starts_with(of_system)) continue;
    if (line.starts_with(include)) {
      const std::string_view rest = line.substr(include.size());
      const std::string other = joined(name, rest.substr(0, rest.find('"')));
      if (const char* found = find(other)) {
        if (there.insert(other).second) add(out, other, found, there);
        continue;
      }
    }
    out += line;
    out += '\n';
  }
}

}  // namespace

std::string text_of(const std::string& name) {
  std::string out;
  std::set<std::string> there{name};
  if (const char* text = find(name)) add(out, name, text, there);
  return out;
}

}  // namespace phynexus::gpu
