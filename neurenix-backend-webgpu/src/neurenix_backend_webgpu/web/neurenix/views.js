// Views of memory: values by dtype, and where the elements of a loop lie.

// Arrays of values by the letter of a dtype. In memory a uint8 is a byte, all else a word.
export const ARRAYS = {
  __proto__: null, f: Float32Array, i: Int32Array, u: Uint32Array, c: Uint8Array, b: Uint8Array,
};

export const product = (shape) => shape.reduce((count, n) => count * n, 1);

export const wordCount = ({ shape, letter }) => Math.ceil(product(shape) / (letter === "c" ? 4 : 1));

export function must(right, what) {
  if (!right) throw new Error(what);
}

// Makes something of each part of a file; an error says of which.
export function each(path, list, make) {
  must(Array.isArray(list), `${path} is no list`);
  return list.map((part, k) => {
    try {
      return make(part);
    } catch (error) {
      throw new Error(`${path}[${k}] is wrong: ${error.message}`);
    }
  });
}

export const counts = (list, most = 2 ** 29) => list.every((n) => Number.isInteger(n) && n >= 0 && n <= most);

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

// Writes into `out` where `count` elements lie, from element `first` on.
export function offsets(shape, strides, base, first, count, out) {
  const last = shape.length - 1, length = shape[last] ?? 1, step = strides[last] ?? 0;
  for (let k = 0; k < count;) {
    const end = Math.min(count, k + length - (first + k) % length);
    let at = base;
    for (let a = last, rest = first + k; a >= 0; a--) {
      at += rest % shape[a] * strides[a];
      rest = Math.floor(rest / shape[a]);
    }
    for (; k < end; at += step) out[k++] = at;
  }
}

export function table(shape, strides, base = 0) {
  const out = new Int32Array(product(shape));
  offsets(shape, strides, base, 0, out.length, out);
  return out;
}
