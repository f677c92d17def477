// The CPU executor: steps, one by one.
import { ARRAYS, counts, each, must, product, wordCount } from "./views.js";

export class Executor {
  async start({ memory, entries }) {
    const buffer = new ArrayBuffer(Math.ceil(memory.cpu / 2) * 8), as = this.as = { __proto__: null };
    for (const letter in ARRAYS) as[letter] = new ARRAYS[letter === "b" ? "u" : letter](buffer);
    for (const [name, entry] of Object.entries(entries)) {
      entry.linked = each(`program.json is damaged: ${name}.steps`, entry.steps, (step) => STEPS[step.op](step, bind));
    }
    return "JavaScript";

    function bind([letter, base, ...strides], shape) {
      const end = (pick) => strides.reduce((at, stride, a) => at + pick(stride * (shape[a] - 1), 0), base);
      must(counts(shape) && strides.length === shape.length && [base, ...strides].every(Number.isInteger)
        && (shape.some((n, a) => !n && strides[a]) || (end(Math.min) >= 0 && end(Math.max) < as[letter].length)), "a view leaves the memory");
      return { letter, memory: as[letter], base, strides };
    }
  }

  // Writes pieces, runs the entry point, gives the words of ports.
  async execute(entry, pieces, ports) {
    for (const [at, words] of pieces) this.as.u.set(words, at);
    entry?.linked.forEach((step) => step());
    return ports.map((port) => port.slice?.() ?? this.as.u.slice(port.at, port.at + wordCount(port)));
  }

  dispose() { this.as = null; }
}

// Visits a loop by rows: elements k to end, at `at`, `at + step`, ...
function rows(shape, { base, strides }, first, count, visit) {
  const last = shape.length - 1, length = shape[last] ?? 1, step = strides[last] ?? 0;
  for (let k = 0, end; k < count; k = end) {
    let at = base, rest = first + k;
    end = Math.min(count, k + length - rest % length);
    for (let a = last; a >= 0; a--) {
      at += rest % shape[a] * strides[a];
      rest = Math.floor(rest / shape[a]);
    }
    visit(at, k, end, step);
  }
}

// Where all of a loop's elements lie.
function table(shape, strides, base = 0) {
  must(counts([product(shape)]), "a loop is too long");
  const out = new Int32Array(product(shape));
  rows(shape, { base, strides }, 0, out.length, (at, k, end, step) => {
    for (; k < end; at += step) out[k++] = at;
  });
  return out;
}

// Moves elements from or to rows, picked by an index along the last axis.
const indexed = (move) => ({ shape, x }, bind) => {
  const views = x.map((view) => bind(view, shape)), [{ memory }, index, chosen] = views;
  const [ats, picks, rows] = views.map(({ strides, base }) => table(shape.slice(0, -1), strides, base));
  const most = shape.at(-1) - 1, stride = chosen.strides.at(-1);
  must(most >= 0 && chosen.memory === memory && index.letter === "i", "nothing to pick");
  return () => ats.forEach((at, i) => {
    move(memory, at, rows[i] + stride * Math.min(Math.max(index.memory[picks[i]], 0), most));
  });
};

// Σ x[b, row, k] w[b, k, column], in double precision, four rows by two columns.
function dot({ shape, x, y }, bind) {
  const [left, right, out] = [...x, ...y].map(([letter, base, ...strides]) => ({
    ...bind([letter, base, ...strides.flat()], shape.flat()),
    along: shape.map((sizes, k) => table(sizes, strides[k], k ? 0 : base)),
  }));
  const [lefts, fromRow, , across] = left.along, [rights, , fromColumn, down] = right.along;
  const [outs, toRow, toColumn] = out.along, deep = across.length;
  return () => outs.forEach((to, b) => {
    const packed = pack(right.memory, rights[b], fromColumn, down, 2);
    for (let row = 0; row < toRow.length; row += 4) {
      const four = pack(left.memory, lefts[b], fromRow.subarray(row, row + 4), across, 4);
      for (let c = 0; c < toColumn.length; c += 2) {
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
          const at = to + toRow[row + (n >> 1)] + toColumn[c + (n & 1)]; // NaN beyond the edges
          if (at >= 0) out.memory[at] = sum;
        });
      }
    }
  });
}

// Lines of a matrix, side by side in groups.
function pack(memory, base, lines, along, group) {
  const deep = along.length, out = new Float64Array(Math.ceil(lines.length / group) * group * deep);
  lines.forEach((line, n) => {
    const to = n % group + (n - n % group) * deep;
    for (let k = 0; k < deep; k++) out[to + group * k] = memory[base + line + along[k]];
  });
  return out;
}

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
  greater: (x, y) => x > y,
  store: (_, x) => x,
  sum: (y, x) => y + x,
  bitwise_and: (x, y) => x & y,
  shift_right: (x, y) => (y < 32 ? (x < 0 ? x >> y : x >>> y) : 0),
};

// Of n values of registers, which round or wrap, into o.
const OPERATIONS = {
  __proto__: null,
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

function ofValues(name) {
  const f = OF_VALUES[name] ?? Math[Object.hasOwn(Math, name) && name];
  return f?.length ? f : must(0, `no ${name}`);
}

const looped = (f) => (o, n, a, b = a) => { for (let i = 0; i < n; i++) o[i] = f(a[i], b[i]); };

const BLOCK = 1024;

// An expression on each element of a loop, stored or reduced.
function fused({ shape, x, y, ops, ends }, bind) {
  const total = product(shape), registers = new Map();
  const register = (letter) => {
    const made = new ARRAYS[letter](Math.min(total, BLOCK));
    registers.set(registers.size, made);
    return made;
  };
  const chosen = (r) => registers.get(r) ?? must(0, `no register ${r}`);
  const inputs = x.map((view) => loaded(bind(view, shape), register(view[0])));
  const calls = ops.map(([name, letter, ...from]) => {
    const given = from.map(chosen), into = register(letter), f = OPERATIONS[name] ?? looped(ofValues(name));
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
  const { memory } = view, combine = ofValues(how);
  return { ...view, visit(at, k, end, step) {
    if (how === "store" && step === 1) memory.set(from.subarray(k, end), at);
    else if (how === "sum") for (; k < end; at += step) memory[at] += from[k++];
    else for (; k < end; at += step) memory[at] = combine(memory[at], from[k++]);
  } };
}

const STEPS = {
  __proto__: null,
  fused,
  dot_general: dot,
  gather: indexed((memory, at, row) => { memory[at] = memory[row]; }),
  scatter: indexed((memory, at, row) => { memory[row] = memory[at]; }),
  scatter_add: indexed((memory, at, row) => { memory[row] += memory[at]; }),
};
