// Memory of one device that is kept for reuse. Blocks are cut from segments, which are what the driver gives; a block
// that is given back goes to the next who asks, at once: work that still uses it lies before theirs in the compute
// stream. Whoever is not in that stream looks at the block's ticket.
//
// With NEURENIX_GPU_GUARD=1 each block is what the driver gives for just as many bytes, and goes back to it without
// being used again, so that a checker of the driver's memory sees a kernel that leaves one.
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
  Allocator(Driver& driver, const std::unordered_set<const void*>& unusable);
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator();

  // At most most_bytes; aligned to 512 bytes. Null: the driver has no more. `ticket`: of the latest run; `hosts`: the
  // host holds the pointer.
  char* take(int64_t bytes, int64_t ticket, bool hosts);
  // `ticket`: of the last run that may use it. False: it is no block of these that is in use.
  bool give(const char* pointer, int64_t ticket);
  // Gives segments back to the driver that nothing lies in; no work that used them is under way.
  void trim();

  struct Use {
    int64_t free_since = 0;  // the ticket of the last run that may have used it for somebody else
    int64_t taken = 0;       // the ticket that was the latest when it was taken
    int64_t bytes = 0;       // from the pointer to the block's end
  };
  // Of the block in use that a pointer leads into; bytes 0: there is none.
  Use use_of(const char* pointer) const;
  std::vector<const void*> held_by_host() const;

  int64_t used_bytes() const { return used_; }
  int64_t host_bytes() const { return hosts_; }  // of them those that the host holds
  int64_t reserved_bytes() const { return reserved_; }
  // What waits to go back to the driver is more than may wait: time for trim().
  bool is_due() const { return guards_ && reserved_ - used_ > most_waiting; }

 private:
  struct Block {
    int64_t bytes = 0;
    bool used = false, hosts = false;
    bool first = false, small = false;  // of its segment; of the small ones
    int64_t free_since = 0, taken = 0;
  };
  using Blocks = std::map<const char*, Block>;
  using Free = std::set<std::pair<int64_t, const char*>>;

  static constexpr int64_t most_waiting = 64 << 20;

  Blocks::iterator find_free(int64_t bytes, bool small);
  Blocks::iterator find_guarded(int64_t bytes);
  void cut(Blocks::iterator block, int64_t bytes);
  void join_with_next(Blocks::iterator block);
  Free& free_of(const Block& block) { return free_[block.small]; }
  bool is_whole_segment(Blocks::iterator block);

  Driver& driver_;
  const std::unordered_set<const void*>& unusable_;
  const bool guards_;
  Blocks blocks_;
  Free free_[2];  // large and small, the smallest first
  int64_t used_ = 0, hosts_ = 0, reserved_ = 0;
};

}  // namespace phynexus::gpu
