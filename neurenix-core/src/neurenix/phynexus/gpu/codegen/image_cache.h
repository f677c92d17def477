// What a compiler has made, kept on disk between processes, by its content: in a folder that is the user's alone, since
// it is run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace phynexus::gpu {

class ImageCache {
 public:
  // An empty folder: nothing is kept.
  explicit ImageCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // What was kept under that very text; nothing where there is none, or where the file is damaged: then it is removed.
  std::optional<std::vector<char>> find(const std::string& key) const;
  // Writes a file beside its place and renames it, where that is possible.
  void keep(const std::string& key, const std::vector<char>& image) const;
  // Why nothing can be kept; empty where it can.
  std::string unwritable() const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path path_of(const std::string& key) const;
  std::filesystem::path folder_;
};

// NEURENIX_CACHE, else $XDG_CACHE_HOME/neurenix, else ~/.cache/neurenix, and in it the folder `name`; empty where none
// of these is known.
std::filesystem::path cache_folder(const char* name);

}  // namespace phynexus::gpu
