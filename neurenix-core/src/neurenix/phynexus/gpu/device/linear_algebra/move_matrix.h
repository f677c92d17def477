// Moves matrices into the dtype that they are computed in, and back; the last step of Cholesky in blocks.
#pragma once

#include "matrices.h"

namespace phynexus::gpu {

struct MoveMatrix {
  const MoveMatrixParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    using Work = Computed<T>;
    const int pieces = (p.rows - 1) / p.tile_rows + 1, first = int(tile % pieces) * p.tile_rows;
    const Matrix from = matrix_at(p.from, p.shape, p.rank, bases, tile / pieces),
                 to = matrix_at(p.to, p.shape, p.rank, bases, tile / pieces);
    const int last = p.rows - 1, end = p.rows - first < p.tile_rows ? p.rows : first + p.tile_rows;
    // Nobody writes the last element where it lies in its place: all tiles read it.
    const Work corner = p.is_factor ? from.get<Work>(last, last) : Work(0);
    const bool is_nan = corner != corner;
    ONE_BY_ONE
    for (int i = first; i < end; i++) {
      ONE_BY_ONE
      for (int j = group.thread; j < p.columns; j += group.threads) {
        if (p.widens) {
          to.put<Work>(i, j, from.get<T>(i, j));
        } else if (!p.is_factor) {
          to.put<T>(i, j, from.get<Work>(i, j));
        } else if (!p.in_place || i != last || j != last) {
          to.put<T>(i, j, is_nan ? Work(NAN) : j <= i ? from.get<Work>(i, j) : Work(0));
        }
      }
    }
  }
};

DEVICE_CALL void move_matrix(const MoveMatrixParams& p, char* const* bases, int64_t tile,
                             const Group& group) {
  with_float_type(p.dtype, MoveMatrix{p, bases, tile, group});
}

}  // namespace phynexus::gpu
