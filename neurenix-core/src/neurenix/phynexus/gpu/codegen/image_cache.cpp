// A file for each image: a head, the key, the image. The key is in it, so that no two can be mistaken.
#include "image_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
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

struct Close {
  void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, Close>;

// What is read here runs with all that this user may do: nobody else may have written it.
bool is_own(const struct stat& facts) {
  return facts.st_uid == geteuid() && !(facts.st_mode & (S_IWGRP | S_IWOTH));
}

bool is_own_folder(const std::filesystem::path& folder) {
  struct stat facts;
  return stat(folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && is_own(facts);
}

// Null: there is none, or somebody else's.
File open_own(const std::filesystem::path& path, uint64_t& size) {
  const int number = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0) return nullptr;
  File file(fdopen(number, "rb"));
  struct stat facts;
  if (!file || fstat(number, &facts) != 0 || !S_ISREG(facts.st_mode) || !is_own(facts)) return nullptr;
  size = uint64_t(facts.st_size);
  return file;
}

bool read(FILE* file, void* to, size_t bytes) { return std::fread(to, 1, bytes, file) == bytes; }
bool write(FILE* file, const void* from, size_t bytes) { return std::fwrite(from, 1, bytes, file) == bytes; }

}  // namespace

std::filesystem::path ImageCache::path_of(const std::string& key) const {
  char name[40];
  const uint64_t first = sum_of(key.data(), key.size());
  std::snprintf(name, sizeof name, "%016llx%016llx.bin", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(sum_of(key.data(), key.size(), first)));
  return folder_ / name;
}

std::optional<std::vector<char>> ImageCache::find(const std::string& key) const {
  if (folder_.empty() || !is_own_folder(folder_)) return std::nullopt;
  const std::filesystem::path path = path_of(key);
  uint64_t size = 0;
  const File file = open_own(path, size);
  if (!file) return std::nullopt;
  Head head, right;
  std::string its_key;
  std::vector<char> image;
  bool whole = read(file.get(), &head, sizeof head) &&
               !std::memcmp(head.magic, right.magic, sizeof head.magic) && head.key_bytes <= size &&
               head.image_bytes <= size && sizeof head + head.key_bytes + head.image_bytes == size;
  if (whole) {
    its_key.resize(head.key_bytes);
    image.resize(head.image_bytes);
    whole = read(file.get(), its_key.data(), its_key.size()) && read(file.get(), image.data(), image.size());
  }
  if (!whole || head.sum != sum_of(image.data(), image.size(), sum_of(its_key.data(), its_key.size()))) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return std::nullopt;
  }
  if (its_key != key) return std::nullopt;
  return image;
}

std::string ImageCache::unwritable() const {
  if (folder_.empty()) return "no folder is known for it: set NEURENIX_CACHE";
  std::error_code error;
  std::filesystem::create_directories(folder_.parent_path(), error);
  if (!error && mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
    error = std::error_code(errno, std::generic_category());
  if (!error && !std::filesystem::is_directory(folder_, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (error) return folder_.string() + " cannot be made: " + error.message();
  if (!is_own_folder(folder_))
    return folder_.string() +
           " is another user's, or others may write to it: make it yours alone (chmod 700), or set "
           "NEURENIX_CACHE";
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
  const int number = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (number < 0) return;
  FILE* file = fdopen(number, "wb");
  bool written = file && write(file, &head, sizeof head) && write(file, key.data(), key.size()) &&
                 write(file, image.data(), image.size());
  written = file && std::fclose(file) == 0 && written;
  std::error_code error;
  if (written) std::filesystem::rename(beside, path, error);
  if (!written || error) std::filesystem::remove(beside, error);
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
