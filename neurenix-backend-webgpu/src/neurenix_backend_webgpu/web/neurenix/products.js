// Products of matrices, whose rows and columns are loops over views.
import { ARRAYS, table } from "./views.js";

// Σ x[b, row, k] w[b, k, column], four rows at a time; floats in double precision.
export function dot({ x, y, batch, rows, columns, depth }, frame) {
  const [[left, l0], [right, r0], [out, o0]] = [...x, ...y].map((view) => frame.view(view));
  const [size, ...starts] = batch;
  const [ls, rs, os] = [l0, r0, o0].map((base, k) => table(size, starts[k], base));
  const [[fromRow, toRow], [fromColumn, toColumn], [across, down]] = [rows, columns, depth]
    .map(([shape, ...strides]) => strides.map((own) => table(shape, own)));
  const width = fromColumn.length, count = fromRow.length, letter = x[0][0];
  const packed = new ARRAYS[letter](width * down.length);
  const sums = [0, 1, 2, 3].map(() => new (letter === "f" ? Float64Array : ARRAYS[letter])(width));
  const [s0, s1, s2, s3] = sums;
  for (let b = 0; b < os.length; b++) {
    for (let k = 0, to = 0; k < down.length; k++) {
      const from = rs[b] + down[k];
      for (let c = 0; c < width; c++) packed[to++] = right[from + fromColumn[c]];
    }
    for (let row = 0; row < count; row += 4) {
      const [a0, a1, a2, a3] = sums.map((sum, r) => {
        sum.fill(0);
        return ls[b] + fromRow[Math.min(row + r, count - 1)];
      });
      for (let k = 0, w = 0; k < across.length; k++) {
        const at = across[k];
        const v0 = left[a0 + at], v1 = left[a1 + at], v2 = left[a2 + at], v3 = left[a3 + at];
        if (letter === "f") {
          for (let c = 0; c < width; c++, w++) {
            const v = packed[w];
            s0[c] += v0 * v;
            s1[c] += v1 * v;
            s2[c] += v2 * v;
            s3[c] += v3 * v;
          }
        } else {
          for (let c = 0; c < width; c++, w++) {
            [v0, v1, v2, v3].forEach((v, r) => { sums[r][c] += Math.imul(v, packed[w]); });
          }
        }
      }
      for (let r = 0; r < 4 && row + r < count; r++) {
        const to = os[b] + toRow[row + r];
        for (let c = 0; c < width; c++) out[to + toColumn[c]] = sums[r][c];
      }
    }
  }
}
