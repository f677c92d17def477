// Elementwise operations on registers: a block of values in an array of their dtype.

// Of values. Math computes in double precision; what is stored rounds or wraps.
const OF_VALUES = {
  abs: Math.abs, sign: Math.sign, floor: Math.floor, exp: Math.exp, log: Math.log,
  log1p: Math.log1p, sin: Math.sin, cos: Math.cos, tan: Math.tan, atan: Math.atan,
  tanh: Math.tanh, sqrt: Math.sqrt,
  neg: (x) => -x,
  rsqrt: (x) => 1 / Math.sqrt(x),
  is_finite: (x) => +Number.isFinite(x),
  logical_not: (x) => 1 - x,
  round: (x) => { // halves to the even neighbour
    const up = Math.round(x);
    return up - x === 0.5 && up % 2 ? up - 1 : up;
  },
  div: (x, y) => x / y,
  remainder: (x, y, _, letter) => {
    if (letter !== "f" && y === 0) return 0;
    const rest = x % y;
    return rest && rest < 0 !== y < 0 ? rest + y : rest;
  },
  pow: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
  atan2: (x, y) => Math.atan2(x, y),
  equal: (x, y) => +(x === y),
  not_equal: (x, y) => +(x !== y),
  less: (x, y) => +(x < y),
  less_equal: (x, y) => +(x <= y),
  greater_equal: (x, y) => +(x >= y),
  bitwise_and: (x, y) => x & y,
  bitwise_or: (x, y) => x | y,
  bitwise_xor: (x, y) => x ^ y,
  shift_left: (x, y, _, letter) => (y < bits(letter) ? x << y : 0),
  shift_right: (x, y, _, letter) => (y >= bits(letter) ? 0 : letter === "i" ? x >> y : x >>> y),
};
const bits = (letter) => (letter === "c" ? 8 : 32);

// Of n values of registers into o. The most frequent have loops of their own.
export const OPERATIONS = {
  add: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = a[i] + b[i]; },
  sub: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = a[i] - b[i]; },
  mul: (o, n, a, b, c, letter) => {
    if (letter === "f") for (let i = 0; i < n; i++) o[i] = a[i] * b[i];
    else for (let i = 0; i < n; i++) o[i] = Math.imul(a[i], b[i]);
  },
  greater: (o, n, a, b) => { for (let i = 0; i < n; i++) o[i] = +(a[i] > b[i]); },
  where: (o, n, a, b, c) => { for (let i = 0; i < n; i++) o[i] = a[i] ? b[i] : c[i]; },
  bitcast: (o, n, a) => o.set(new o.constructor(a.buffer, 0, n)),
  // What an integer cannot hold becomes the nearest that it can, and NaN 0.
  cast: (o, n, a, b, c, letter) => {
    const range = RANGES[letter];
    if (letter === "b") for (let i = 0; i < n; i++) o[i] = +(a[i] !== 0);
    else if (!range || !(a instanceof Float32Array)) o.set(a);
    else for (let i = 0; i < n; i++) o[i] = Math.min(Math.max(a[i], range[0]), range[1]);
  },
};
const RANGES = { i: [-(2 ** 31), 2 ** 31 - 1], u: [0, 2 ** 32 - 1], c: [0, 255] };

for (const [name, f] of Object.entries(OF_VALUES)) {
  OPERATIONS[name] = (o, n, a, b, c, letter) => {
    for (let i = 0; i < n; i++) o[i] = f(a[i], b[i], c, letter);
  };
}

// Where a reduction begins, and what it makes of two values.
export const REDUCTIONS = {
  sum: [0, (sum, x) => sum + x],
  prod: [1, (p, x, float) => (float ? p * x : Math.imul(p, x))],
  max: [-Infinity, (x, y) => Math.max(x, y)],
  min: [Infinity, (x, y) => Math.min(x, y)],
  any: [0, (x, y) => x | y],
  all: [1, (x, y) => x & y],
};
