// Views of the memory: where the elements of a loop lie.

// The arrays of values of a dtype, by its letter; in memory each takes a word.
export const ARRAYS = {
  f: Float32Array, i: Int32Array, u: Uint32Array, c: Uint8Array, b: Uint8Array,
};

export const product = (shape) => shape.reduce((count, n) => count * n, 1);

export function contiguous(shape) {
  let step = 1;
  return shape.map((_, k) => {
    const n = shape.at(-1 - k);
    step *= n || 1;
    return step / (n || 1);
  }).reverse();
}

// 1 where the elements lie one after the other, 0 where all are the same one, else -1.
export function pace(shape, strides) {
  const dense = contiguous(shape);
  if (shape.every((n, a) => n < 2 || strides[a] === dense[a])) return 1;
  return shape.every((n, a) => n < 2 || strides[a] === 0) ? 0 : -1;
}

// Writes into `out` the offsets of `count` elements, from element `first` on.
export function offsets(shape, strides, base, first, count, out) {
  const last = shape.length - 1, index = [];
  let at = base;
  for (let a = last, rest = first; a >= 0; a--) {
    index[a] = rest % shape[a];
    rest = (rest - index[a]) / shape[a];
    at += index[a] * strides[a];
  }
  const length = shape[last] ?? 1, step = strides[last] ?? 0;
  for (let k = 0, left = length - (index[last] ?? 0); ; left = length) {
    for (const end = Math.min(k + left, count); k < end; at += step) out[k++] = at;
    if (k === count) return;
    at -= length * step;
    let a = last - 1;
    for (; ++index[a] === shape[a]; a--) {
      index[a] = 0;
      at -= (shape[a] - 1) * strides[a];
    }
    at += strides[a];
  }
}

// The offsets of all elements.
export function table(shape, strides, base = 0) {
  const out = new Int32Array(product(shape));
  if (out.length) offsets(shape, strides, base, 0, out.length, out);
  return out;
}
