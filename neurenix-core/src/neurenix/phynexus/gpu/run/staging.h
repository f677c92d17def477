// Pieces of pinned memory that copies go through, taken in turn.
#pragma once

#include <memory>
#include <vector>

#include "../driver/handles.h"

namespace phynexus::gpu {

struct StagingPiece {
  explicit StagingPiece(Driver& driver) : memory(driver, bytes), copied(driver, driver.make_event(false)) {}
  static constexpr int64_t bytes = int64_t(1) << 20;
  OwnedPinned memory;
  Owned<Event> copied;  // recorded behind the copy that uses it
};

class Staging {
 public:
  explicit Staging(size_t pieces) : pieces_(pieces) {}
  // The one that was used longest ago; made when it is first needed.
  StagingPiece& next(Driver& driver) {
    std::unique_ptr<StagingPiece>& piece = pieces_[turn_];
    if (!piece) piece = std::make_unique<StagingPiece>(driver);
    turn_ = (turn_ + 1) % pieces_.size();
    return *piece;
  }

 private:
  std::vector<std::unique_ptr<StagingPiece>> pieces_;
  size_t turn_ = 0;
};

}  // namespace phynexus::gpu
