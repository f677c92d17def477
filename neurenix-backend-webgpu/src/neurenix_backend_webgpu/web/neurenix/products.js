// Products of matrices: batches, rows, columns and terms are axes of a loop.
import { counts, must, product, table } from "./views.js";

// Σ x[b, row, k] w[b, k, column], in double precision, four rows by two columns.
export function dot({ shape, axes, x, y }, bind) {
  const [l, r, o] = [...x, ...y].map((view) => bind(view, shape)), bounds = [...axes, shape.length];
  must(counts(bounds) && bounds.length === 5 && bounds.every((a, k) => a >= (bounds[k - 1] ?? 0))
    && [l, r, o].every(({ strides }) => strides.length === shape.length), "these are no factors");
  const part = (list, k, end = k + 1) => list.slice(bounds[k], bounds[end]);
  const most = l.memory.buffer.byteLength, parts = [part(shape, 0), part(shape, 1), part(shape, 2, 4)];
  must(parts.every((axes) => product(axes) <= most), "a loop is too long");
  return () => multiply(l, r, o, (k, { strides }, base) => table(part(shape, k), part(strides, k), base));
}

function multiply(l, r, o, along) {
  const [left, right, out] = [l.memory, r.memory, o.memory];
  const [ls, rs, os] = [l, r, o].map((view) => along(0, view, view.base));
  const fromRow = along(1, l), toRow = along(1, o), fromColumn = along(2, r), toColumn = along(2, o);
  const across = along(3, l), down = along(3, r);
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
          s0 += v0 * w0; s1 += v0 * w1;
          s2 += v1 * w0; s3 += v1 * w1;
          s4 += v2 * w0; s5 += v2 * w1;
          s6 += v3 * w0; s7 += v3 * w1;
        }
        [s0, s1, s2, s3, s4, s5, s6, s7].forEach((sum, n) => {
          const r = row + (n >> 1), column = c + (n & 1);
          if (r < count && column < width) out[os[b] + toRow[r] + toColumn[column]] = sum;
        });
      }
    }
  }
}
