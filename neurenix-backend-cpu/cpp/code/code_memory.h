// Memory that the processor may execute: written while a program is prepared, sealed before it first runs, never
// writable and executable at once.
#pragma once

#include <cstdint>
#include <vector>

namespace phynexus {

class CodeMemory {
 public:
  CodeMemory() = default;
  CodeMemory(const CodeMemory&) = delete;
  CodeMemory& operator=(const CodeMemory&) = delete;
  ~CodeMemory();

  // Whether this machine has the instructions that are written here, and lets a process execute what it wrote.
  static bool usable();

  // Where the bytes will be executed, not before seal(); null where there is no memory for them.
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
};

}  // namespace phynexus
