// Values by dtype, as words of memory and back.

// Arrays by the letter of a dtype. In memory a bool is a word.
export const ARRAYS = {
  __proto__: null, f: Float32Array, i: Int32Array, u: Uint32Array, c: Uint8Array, b: Uint8Array, d: Float64Array,
};

export const product = (shape) => shape.reduce((count, n) => count * n, 1);

export const wordCount = ({ shape, letter }) => Math.ceil(product(shape) * ({ c: 1 / 4, d: 2 }[letter] ?? 1));

export const counts = (list, most = 2 ** 29) => list.every((n) => Number.isInteger(n) && n >= 0 && n <= most);

export function must(right, what, more) {
  if (!right) throw Object.assign(new Error(what), more);
}

// Makes something; an error says where.
export function within(place, make) {
  try {
    return make();
  } catch (error) {
    throw new Error(`${place}: ${error.message}`);
  }
}

export function each(path, list, make) {
  must(Array.isArray(list), `${path} is no list`);
  return list.map((part, k) => within(`${path}[${k}] is wrong`, () => make(part, k)));
}

// No value may be changed by the dtype.
export function toWords(port, values) {
  const { name, dtype, letter } = port, buffer = new ArrayBuffer(wordCount(port) * 4);
  const typed = new ARRAYS[letter](buffer, 0, values.length);
  for (let k = 0; k < typed.length; k++) {
    const x = values[k], n = typed[k] = Number(x);
    const held = letter === "f" ? n : letter === "b" ? n & 1 : typed[k];
    if (x != held && !Object.is(x, held)) must(0, `${name}[${k}] is ${x}, no ${dtype}`);
  }
  return new Uint32Array(letter === "b" ? typed : buffer);
}

export function fromWords({ letter, shape }, words) {
  const values = letter === "b" ? Uint8Array.from(words) : new ARRAYS[letter](words.buffer);
  return Object.assign(values.subarray(0, product(shape)), { shape });
}
