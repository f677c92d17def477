// Memory of one device that is kept for reuse. Blocks are cut from segments, which are what the driver gives; a block
// that is given back goes to the next who asks, at once: work that still uses it lies before theirs in the compute
// stream. Whoever is not in that stream looks at the block's ticket.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "../driver/driver.h"

namespace phynexus::gpu {

class Allocator {
 public:
  // `unusable`: addresses that no block begins at, since the host still holds dead pointers that are the same.
  Allocator(Driver& driver, const std::unordered_set<const void*>& unusable)
      : driver_(driver), unusable_(unusable) {}
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator();

  // At most most_bytes; aligned to 512 bytes. Null: the driver has no more.
  char* take(int64_t bytes);
  // `ticket`: of the last run that may use it. False: it is no block of these that is in use.
  bool give(const char* pointer, int64_t ticket);
  // Gives segments back to the driver that nothing lies in; no work that used them is under way.
  void trim();

  // What is known of memory in use. `ticket`: of the last run that used it for somebody else.
  struct Use {
    int64_t ticket = 0;
    int64_t serial = 0;  // counts take() calls
    int64_t bytes = 0;   // from the pointer to the block's end
  };
  // Of the block that a pointer leads into; bytes 0: none.
  Use use_of(const char* pointer) const;
  std::vector<const void*> in_use() const;

  int64_t used_bytes() const { return used_; }
  int64_t reserved_bytes() const { return reserved_; }

 private:
  struct Block {
    int64_t bytes = 0;
    bool used = false, first = false, small = false;  // first: of its segment
    int64_t ticket = 0, serial = 0;
  };
  using Blocks = std::map<const char*, Block>;
  using Free = std::set<std::pair<int64_t, const char*>>;

  Blocks::iterator find_free(int64_t bytes, bool small);
  void cut(Blocks::iterator block, int64_t bytes);
  void join_with_next(Blocks::iterator block);
  Free& free_of(const Block& block) { return free_[block.small]; }
  bool is_whole_segment(Blocks::iterator block);

  Driver& driver_;
  const std::unordered_set<const void*>& unusable_;
  Blocks blocks_;
  Free free_[2];  // large and small, the smallest first
  int64_t used_ = 0, reserved_ = 0, serial_ = 0;
};

}  // namespace phynexus::gpu
