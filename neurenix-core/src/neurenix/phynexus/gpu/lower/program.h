// The bytes of a device's program, as they are written.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace phynexus::gpu {

class Program {
 public:
  // Where the bytes lie, aligned to 16; the same bytes lie there once.
  int64_t add(const void* bytes, int64_t size) {
    std::string content(static_cast<const char*>(bytes), size_t(size));
    const auto [found, is_new] = known_.try_emplace(std::move(content), 0);
    if (is_new) found->second = append(bytes, size, 16);
    return found->second;
  }
  template <class T>
  int64_t add(const std::vector<T>& items) {
    return add(items.data(), int64_t(items.size() * sizeof(T)));
  }
  int64_t append(const void* bytes, int64_t size, size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    const size_t at = bytes_.size();
    bytes_.resize(at + size_t(size));
    if (size) std::memcpy(bytes_.data() + at, bytes, size_t(size));
    return int64_t(at);
  }
  const char* at(int64_t place) const { return bytes_.data() + place; }
  std::vector<char> take() { return std::move(bytes_); }

 private:
  std::vector<char> bytes_;
  std::unordered_map<std::string, int64_t> known_;
};

}  // namespace phynexus::gpu
