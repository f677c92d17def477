// A pool of items that runs reuse, each for one run at a time: an executable that is entered twice takes a second item.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../lock.h"

namespace phynexus {

// Holds an item of a pool, and gives it back, also where a step throws.
template <class Pool>
class Lease {
 public:
  template <class Needs>
  Lease(Pool& pool, const Needs& needs) : pool_(pool), item_(pool.take(needs)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { pool_.give(std::move(item_)); }
  typename Pool::Item& operator*() const { return *item_; }
  typename Pool::Item* operator->() const { return item_.get(); }

 private:
  Pool& pool_;
  std::unique_ptr<typename Pool::Item> item_;
};

// Items that are all alike.
template <class T>
class Pool {
 public:
  using Item = T;

  // An idle one, else what `make` returns, a std::unique_ptr.
  template <class Make>
  std::unique_ptr<T> take(const Make& make) {
    {
      std::lock_guard lock(engine_lock());
      if (!idle_.empty()) {
        std::unique_ptr<T> item = std::move(idle_.back());
        idle_.pop_back();
        return item;
      }
    }
    return make();
  }
  void give(std::unique_ptr<T> item) {
    std::lock_guard lock(engine_lock());
    idle_.push_back(std::move(item));
  }

 private:
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace phynexus
