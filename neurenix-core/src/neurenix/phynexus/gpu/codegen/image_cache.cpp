// A file for each image: a head, the key, the image. The key is in it, so that no two can be mistaken.
#include "image_cache.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

namespace phynexus::gpu {
namespace {

struct Head {
  char magic[8] = {'p', 'h', 'x', 'c', 'o', 'd', 'e', '1'};
  uint64_t key_bytes = 0;
  uint64_t image_bytes = 0;
  uint64_t sum = 0;  // of key and image
};

// FNV-1a, over eight bytes at a time: it finds damage, and names files; what is read is compared in full.
uint64_t sum_of(const char* bytes, size_t count, uint64_t sum = 14695981039346656037u) {
  for (size_t k = 0; k < count; k += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + k, std::min<size_t>(8, count - k));
    sum = (sum ^ word) * 1099511628211u;
    sum ^= sum >> 29;
  }
  return sum;
}

}  // namespace

std::filesystem::path ImageCache::path_of(const std::string& key) const {
  char name[40];
  const uint64_t first = sum_of(key.data(), key.size());
  std::snprintf(name, sizeof name, "%016llx%016llx.bin", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(sum_of(key.data(), key.size(), first)));
  return folder_ / name;
}

std::optional<std::vector<char>> ImageCache::find(const std::string& key) const {
  if (folder_.empty()) return std::nullopt;
  const std::filesystem::path path = path_of(key);
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  Head head, right;
  std::string its_key;
  std::vector<char> image;
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  file.read(reinterpret_cast<char*>(&head), sizeof head);
  const bool whole = file && !std::memcmp(head.magic, right.magic, sizeof head.magic) &&
                     head.key_bytes <= size && head.image_bytes <= size &&
                     sizeof head + head.key_bytes + head.image_bytes == size;
  if (whole) {
    its_key.resize(head.key_bytes);
    image.resize(head.image_bytes);
    file.read(its_key.data(), std::streamsize(its_key.size()));
    file.read(image.data(), std::streamsize(image.size()));
  }
  if (!whole || !file ||
      head.sum != sum_of(image.data(), image.size(), sum_of(its_key.data(), its_key.size()))) {
    std::filesystem::remove(path, ignored);
    return std::nullopt;
  }
  if (its_key != key) return std::nullopt;
  return image;
}

std::string ImageCache::unwritable() const {
  if (folder_.empty()) return "no folder is known for it: set NEURENIX_CACHE";
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return folder_.string() + " cannot be made: " + error.message();
  if (access(folder_.c_str(), W_OK | X_OK) != 0) return folder_.string() + " cannot be written to";
  return {};
}

void ImageCache::keep(const std::string& key, const std::vector<char>& image) const {
  if (!unwritable().empty()) return;
  const std::filesystem::path path = path_of(key);
  std::filesystem::path beside = path;
  beside += "." + std::to_string(std::random_device{}());
  Head head;
  head.key_bytes = key.size();
  head.image_bytes = image.size();
  head.sum = sum_of(image.data(), image.size(), sum_of(key.data(), key.size()));
  std::ofstream file(beside, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&head), sizeof head);
  file.write(key.data(), std::streamsize(key.size()));
  file.write(image.data(), std::streamsize(image.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(beside, path, error);
  if (!file || error) std::filesystem::remove(beside, error);
}

std::filesystem::path cache_folder(const char* name) {
  const auto set = [](const char* variable) {
    const char* value = std::getenv(variable);
    return std::filesystem::path(value ? value : "");
  };
  if (const auto own = set("NEURENIX_CACHE"); !own.empty()) return own / name;
  if (const auto common = set("XDG_CACHE_HOME"); common.is_absolute()) return common / "neurenix" / name;
  if (const auto home = set("HOME"); home.is_absolute()) return home / ".cache" / "neurenix" / name;
  return {};
}

}  // namespace phynexus::gpu
