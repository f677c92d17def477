// Fused steps: an expression on each element of a loop, whose values are stored or
// reduced.
import { OPERATIONS, REDUCTIONS } from "./elementwise.js";
import { ARRAYS, contiguous, offsets, pace, product, table } from "./views.js";

const BLOCK = 1024;
const places = new Int32Array(BLOCK);

// Made once for a step: registers, how views run, and the reduced values.
function prepared({ shape, x, y, ops, ends }) {
  const letters = [...x, ...ops.map((op) => op[1])].map(([letter]) => letter);
  return {
    letters,
    registers: letters.map((letter) => new ARRAYS[letter](BLOCK)),
    paces: [...x, ...y].map((view) => pace(shape, view.slice(3))),
    sums: ends.map(([, name], k) => {
      if (!name) return null;
      const reduced = y[k].slice(3).map((stride) => stride === 0);
      const kept = shape.map((n, a) => (reduced[a] ? 1 : n));
      const dense = contiguous(kept).map((s, a) => (reduced[a] ? 0 : s));
      return { kept, dense, values: new Float64Array(product(kept)) };
    }),
  };
}

export function fused(step, frame) {
  const { shape, x, y, ops, ends } = step;
  const { letters, registers, paces, sums } = (step.ready ??= prepared(step));
  sums.forEach((sum, k) => sum?.values.fill(REDUCTIONS[ends[k][1]][0]));
  const total = product(shape);
  for (let first = 0; first < total; first += BLOCK) {
    const n = Math.min(BLOCK, total - first);
    x.forEach((view, k) => {
      const [memory, base] = frame.view(view), into = registers[k];
      if (paces[k] > 0) into.set(memory.subarray(base + first, base + first + n));
      else if (paces[k] === 0) into.fill(memory[base]);
      else {
        offsets(shape, view.slice(3), base, first, n, places);
        for (let i = 0; i < n; i++) into[i] = memory[places[i]];
      }
    });
    ops.forEach(([name, letter, ...from], k) => {
      const [a, b = a, c = a] = from.map((register) => registers[register]);
      OPERATIONS[name](registers[x.length + k], n, a, b, c, letter);
    });
    ends.forEach(([value, name], k) => {
      const from = registers[value];
      if (name) return reduce(from, n, name, sums[k], shape, first);
      const [memory, base] = frame.view(y[k]);
      if (paces[x.length + k] > 0) return memory.set(from.subarray(0, n), base + first);
      offsets(shape, y[k].slice(3), base, first, n, places);
      for (let i = 0; i < n; i++) memory[places[i]] = from[i];
    });
  }
  sums.forEach((sum, k) => {
    if (!sum) return;
    const [memory, base] = frame.view(y[k]);
    const wrapped = ARRAYS[letters[ends[k][0]]].from(sum.values);
    table(sum.kept, y[k].slice(3), base).forEach((at, i) => { memory[at] = wrapped[i]; });
  });
}

function reduce(from, n, name, { dense, values }, shape, first) {
  offsets(shape, dense, 0, first, n, places);
  const float = from instanceof Float32Array, combine = REDUCTIONS[name][1];
  if (name === "sum") for (let i = 0; i < n; i++) values[places[i]] += from[i];
  else for (let i = 0; i < n; i++) values[places[i]] = combine(values[places[i]], from[i], float);
}
