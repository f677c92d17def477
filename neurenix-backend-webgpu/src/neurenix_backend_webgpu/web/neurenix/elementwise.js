// Elementwise operations on registers, which are arrays that round or wrap.
const OF_VALUES = {
  ...Object.fromEntries("abs floor exp log log1p sin cos tan atan tanh sqrt atan2".split(" ")
    .map((name) => [name, Math[name]])),
  maximum: Math.max, minimum: Math.min,
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
  less: (x, y) => x < y,
  bitwise_and: (x, y) => x & y,
  shift_right: (x, y) => (y < 32 ? (x < 0 ? x >> y : x >>> y) : 0),
};

// Of n values of registers into o.
export const OPERATIONS = {
  __proto__: null,
  greater: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = +(a[i] > b[i]); },
  add: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = a[i] + b[i]; },
  mul: (o, n, a, b) => {
    if (o instanceof Float32Array) for (let i = 0; i < n; i++) o[i] = a[i] * b[i];
    else for (let i = 0; i < n; i++) o[i] = Math.imul(a[i], b[i]);
  },
  where: (o, n, a, b, c) => { for (let i = 0; i < n; i++) o[i] = a[i] ? b[i] : c[i]; },
  bitcast: (o, n, a) => o.set(new o.constructor(a.buffer).subarray(0, n)),
  cast: (o, n, a) => {
    o.set(a);
    if (!(a instanceof Float32Array) || o instanceof Float32Array) return;
    // Beyond an integer's range: the nearest in it. NaN: 0.
    const [low, high] = o instanceof Int32Array ? [-(2 ** 31), 2 ** 31 - 1]
      : [0, 256 ** o.BYTES_PER_ELEMENT - 1];
    for (let i = 0; i < n; i++) o[i] = Math.min(Math.max(a[i], low), high);
  },
};

for (const [name, f] of Object.entries(OF_VALUES)) {
  OPERATIONS[name] = (o, n, a, b = a) => { for (let i = 0; i < n; i++) o[i] = f(a[i], b[i]); };
}

// Where a reduction begins, and what it makes of two values, if not their sum.
export const REDUCTIONS = {
  __proto__: null,
  sum: [0],
  max: [-Infinity, Math.max],
  min: [Infinity, Math.min],
};
