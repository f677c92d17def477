// Fused steps: an expression on each element of a loop, stored or reduced.
import { ARRAYS, must, product, rows } from "./views.js";

// What Math has not.
const OF_VALUES = {
  __proto__: null,
  neg: (x) => -x,
  rsqrt: (x) => 1 / Math.sqrt(x),
  logical_not: (x) => 1 - x,
  to_bool: (x) => x !== 0,
  sub: (x, y) => x - y,
  div: (x, y) => x / y,
  remainder: (x, y) => {
    const rest = x % y;
    return rest && rest < 0 !== y < 0 ? rest + y : rest;
  },
  pow: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
  equal: (x, y) => x === y,
  bitwise_and: (x, y) => x & y,
  shift_right: (x, y) => (y < 32 ? (x < 0 ? x >> y : x >>> y) : 0),
};

// Of n values of registers, which round or wrap, into o.
const OPERATIONS = {
  __proto__: null,
  greater: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = +(a[i] > b[i]); },
  add: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = a[i] + b[i]; },
  mul: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = a[i] * b[i]; },
  where: (o, n, a, b, c) => { for (let i = 0; i < n; i++) o[i] = a[i] ? b[i] : c[i]; },
  bitcast: (o, n, a) => o.set(new o.constructor(a.buffer).subarray(0, n)),
  cast: (o, n, a) => { // beyond an integer's range: the nearest in it; NaN: 0
    const count = 256 ** o.BYTES_PER_ELEMENT, low = o instanceof Int32Array ? -count / 2 : 0;
    if (!(a instanceof Float32Array) || o instanceof Float32Array) o.set(a);
    else for (let i = 0; i < n; i++) o[i] = Math.min(Math.max(a[i], low), low + count - 1);
  },
};

function operation(name) {
  if (OPERATIONS[name]) return OPERATIONS[name];
  const f = OF_VALUES[name] ?? Math[Object.hasOwn(Math, name) && name];
  return f.length && ((o, n, a, b = a) => { for (let i = 0; i < n; i++) o[i] = f(a[i], b[i]); });
}

const BLOCK = 1024;

export function fused({ shape, x, y, ops, ends }, bind) {
  const total = product(shape), registers = new Map();
  const register = (letter) => {
    const made = new ARRAYS[letter](Math.min(total, BLOCK));
    registers.set(registers.size, made);
    return made;
  };
  const chosen = (r) => registers.get(r) ?? must(false, `no register ${r}`);
  const inputs = x.map((view) => loaded(bind(view, shape), register(view[0])));
  const calls = ops.map(([name, letter, ...from]) => {
    const given = from.map(chosen), into = register(letter), f = operation(name);
    must(given.length >= f.length - 2, `${name} lacks an operand`);
    return (n) => f(into, n, ...given);
  });
  const outputs = ends.map(([r, end], k) => stored(bind(y[k], shape), chosen(r), end));
  return () => {
    for (let first = 0; first < total; first += BLOCK) {
      const n = Math.min(BLOCK, total - first), move = (view) => rows(shape, view, first, n, view.visit);
      inputs.forEach(move);
      for (const call of calls) call(n);
      outputs.forEach(move);
    }
  };
}

const loaded = (view, into) => ({ ...view, visit(at, k, end, step) {
  if (step === 1) into.set(view.memory.subarray(at, at + end - k), k);
  else for (; k < end; at += step) into[k++] = view.memory[at];
} });

function stored(view, from, how) {
  const { memory } = view, combine = Math[how];
  must(["store", "sum", "max", "min"].includes(how), `no end ${how}`);
  return { ...view, visit(at, k, end, step) {
    if (how === "store" && step === 1) memory.set(from.subarray(k, end), at);
    else if (how === "sum") for (; k < end; at += step) memory[at] += from[k++];
    else if (combine) for (; k < end; at += step) memory[at] = combine(memory[at], from[k++]);
    else for (; k < end; at += step) memory[at] = from[k++];
  } };
}
