// Maps memory for code, and asks once whether what is written here may run.
#include "code_memory.h"

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#if defined(__x86_64__) && !defined(_WIN32)
#define PHYNEXUS_WRITES_CODE 1
#include <sys/mman.h>
#endif

namespace phynexus {

#if PHYNEXUS_WRITES_CODE

namespace {

constexpr int64_t chunk_bytes = 64 * 1024, alignment = 64;

bool returns_from_written_code() {
  CodeMemory memory;
  const void* code = memory.add({0xc3});  // ret
  if (!code || !memory.seal()) return false;
  reinterpret_cast<void (*)()>(const_cast<void*>(code))();
  return true;
}

}  // namespace

CodeMemory::~CodeMemory() {
  for (const Chunk& chunk : chunks_) munmap(chunk.memory, size_t(chunk.size));
}

bool CodeMemory::usable() {
  static const bool found = [] {
    const char* wish = std::getenv("NEURENIX_CPU_CODE");
    if (wish && std::string_view(wish) == "0") return false;
    return returns_from_written_code();
  }();
  return found;
}

const void* CodeMemory::add(const std::vector<uint8_t>& bytes) {
  std::string name(bytes.begin(), bytes.end());
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  const int64_t size = int64_t(bytes.size());
  if (chunks_.empty() || chunks_.back().sealed || chunks_.back().size - chunks_.back().used < size) {
    const int64_t whole = (size + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
    void* memory = mmap(nullptr, size_t(whole), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    chunks_.push_back({static_cast<uint8_t*>(memory), whole, 0, false});
  }
  Chunk& chunk = chunks_.back();
  uint8_t* to = chunk.memory + chunk.used;
  std::memcpy(to, bytes.data(), bytes.size());
  chunk.used = (chunk.used + size + alignment - 1) / alignment * alignment;
  known_.emplace(std::move(name), to);
  return to;
}

bool CodeMemory::seal() {
  for (Chunk& chunk : chunks_) {
    if (chunk.sealed) continue;
    if (mprotect(chunk.memory, size_t(chunk.size), PROT_READ | PROT_EXEC)) return false;
    chunk.sealed = true;
  }
  return true;
}

#else

CodeMemory::~CodeMemory() = default;
bool CodeMemory::usable() { return false; }
const void* CodeMemory::add(const std::vector<uint8_t>&) { return nullptr; }
bool CodeMemory::seal() { return true; }

#endif

}  // namespace phynexus
