// Memory that the processor may execute: written while a program is prepared, sealed before it first runs, never
// writable and executable at once.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace phynexus {

class CodeMemory {
 public:
  CodeMemory() = default;
  CodeMemory(const CodeMemory&) = delete;
  CodeMemory& operator=(const CodeMemory&) = delete;
  ~CodeMemory();

  // Whether this machine lets a process execute what it wrote, and nobody asked for none of it.
  static bool usable();

  // Where the bytes will be executed, not before seal(); null where there is no memory for them. The same bytes
  // lie in one place, so that steps that do the same find them in the processor's cache.
  const void* add(const std::vector<uint8_t>& bytes);
  // False where the system refuses: then nothing that was added may be called.
  bool seal();

 private:
  struct Chunk {
    uint8_t* memory;
    int64_t size, used;
    bool sealed;
  };
  std::vector<Chunk> chunks_;
  std::unordered_map<std::string, const void*> known_;
};

}  // namespace phynexus
