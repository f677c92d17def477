// Products of matrices, whose rows and columns are loops over views.
import { table } from "./views.js";

// Σ x[b, row, k] w[b, k, column], in double precision, four rows by two columns.
export function dot({ x, y, batch, rows, columns, depth }, frame) {
  const [[left, l0], [right, r0], [out, o0]] = [...x, ...y].map((view) => frame.view(view));
  const [size, ...starts] = batch;
  const [ls, rs, os] = [l0, r0, o0].map((base, k) => table(size, starts[k], base));
  const [[fromRow, toRow], [fromColumn, toColumn], [across, down]] = [rows, columns, depth]
    .map(([shape, ...strides]) => strides.map((own) => table(shape, own)));
  const width = fromColumn.length, count = fromRow.length, deep = across.length;
  const four = new Float64Array(4 * deep), packed = new Float64Array((width + 1) * deep);
  for (let b = 0; b < os.length; b++) {
    for (let c = 0; c < width; c++) {
      const from = rs[b] + fromColumn[c], to = (c & ~1) * deep + (c & 1);
      for (let k = 0; k < deep; k++) packed[to + 2 * k] = right[from + down[k]];
    }
    for (let row = 0; row < count; row += 4) {
      for (let r = 0; r < 4; r++) {
        const from = ls[b] + fromRow[Math.min(row + r, count - 1)];
        for (let k = 0; k < deep; k++) four[4 * k + r] = left[from + across[k]];
      }
      for (let c = 0; c < width; c += 2) {
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
        for (let k = 0, w = c * deep; k < 4 * deep; k += 4, w += 2) {
          const v0 = four[k], v1 = four[k + 1], v2 = four[k + 2], v3 = four[k + 3];
          const w0 = packed[w], w1 = packed[w + 1];
          s0 += v0 * w0;
          s1 += v0 * w1;
          s2 += v1 * w0;
          s3 += v1 * w1;
          s4 += v2 * w0;
          s5 += v2 * w1;
          s6 += v3 * w0;
          s7 += v3 * w1;
        }
        [s0, s1, s2, s3, s4, s5, s6, s7].forEach((sum, n) => {
          const r = row + (n >> 1), column = c + (n & 1);
          if (r < count && column < width) out[os[b] + toRow[r] + toColumn[column]] = sum;
        });
      }
    }
  }
}
