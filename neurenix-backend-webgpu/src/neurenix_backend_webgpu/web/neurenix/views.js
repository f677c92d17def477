// Views of memory: values by dtype, and where the elements of a loop lie.

// Arrays of values by the letter of a dtype. A uint8 lies in a byte, all else in a word.
export const ARRAYS = {
  f: Float32Array, i: Int32Array, u: Uint32Array, c: Uint8Array, b: Uint8Array,
};

export const product = (shape) => shape.reduce((count, n) => count * n, 1);

export const wordCount = ({ shape, letter }) => Math.ceil(product(shape) / (letter === "c" ? 4 : 1));

// No value may be changed by the dtype.
export function toWords(port, values) {
  const { name, dtype, letter } = port, buffer = new ArrayBuffer(wordCount(port) * 4);
  const typed = new ARRAYS[letter](buffer, 0, values.length);
  for (let k = 0; k < typed.length; k++) {
    const x = values[k], n = typed[k] = Number(x);
    const held = letter === "f" ? n : letter === "b" ? n & 1 : typed[k];
    if (x != held && !Object.is(x, held)) throw new Error(`${name}[${k}] is ${x}, no ${dtype}`);
  }
  return new Uint32Array(letter === "b" ? typed : buffer);
}

export function fromWords({ letter, shape }, words) {
  const values = letter === "b" ? Uint8Array.from(words) : new ARRAYS[letter](words.buffer);
  return Object.defineProperty(values.subarray(0, product(shape)), "shape", { value: shape });
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

export function table(shape, strides, base = 0) {
  const out = new Int32Array(product(shape));
  if (out.length) offsets(shape, strides, base, 0, out.length, out);
  return out;
}
