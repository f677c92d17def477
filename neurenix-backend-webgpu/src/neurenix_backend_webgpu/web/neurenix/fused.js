// Fused steps: an expression on each element of a loop, stored or reduced.
import { OPERATIONS, REDUCTIONS } from "./elementwise.js";
import { ARRAYS, offsets, product, table } from "./views.js";

const BLOCK = 1024;
const places = new Int32Array(BLOCK);

// Registers, and sums of what is reduced: made once for a step.
const prepared = ({ x, ops, ends }) => ({
  registers: [...x.map((view) => view[0]), ...ops.map((op) => op[1])]
    .map((letter) => new ARRAYS[letter](BLOCK)),
  sums: ends.map(([, name, left]) => name && new Float64Array(product(left))),
});

export function fused(step, frame) {
  const { shape, x, y, ops, ends } = step, total = product(shape);
  const { registers, sums } = (step.ready ??= prepared(step));
  sums.forEach((sum, k) => sum?.fill(REDUCTIONS[ends[k][1]][0]));
  for (let first = 0; first < total; first += BLOCK) {
    const n = Math.min(BLOCK, total - first);
    x.forEach((view, k) => {
      const [memory, base] = frame.view(view), [, , , ...strides] = view, into = registers[k];
      if (!strides.length) into.set(memory.subarray(base + first, base + first + n));
      else if (strides.length < shape.length || !strides.some(Boolean)) into.fill(memory[base]);
      else {
        offsets(shape, strides, base, first, n, places);
        for (let i = 0; i < n; i++) into[i] = memory[places[i]];
      }
    });
    ops.forEach(([name, , ...from], k) =>
      OPERATIONS[name](registers[x.length + k], n, ...from.map((r) => registers[r])));
    ends.forEach(([value, name, , within], k) => {
      const from = registers[value], [memory, base] = frame.view(y[k]), strides = y[k].slice(3);
      if (name) {
        offsets(shape, within, 0, first, n, places);
        reduce(from, n, name, sums[k]);
      } else if (!strides.length) memory.set(from.subarray(0, n), base + first);
      else {
        offsets(shape, strides, base, first, n, places);
        for (let i = 0; i < n; i++) memory[places[i]] = from[i];
      }
    });
  }
  ends.forEach(([value, name, left, , strides], k) => {
    if (!name) return;
    const [memory, base] = frame.view(y[k]), wrapped = registers[value].constructor.from(sums[k]);
    table(left, strides, base).forEach((at, i) => { memory[at] = wrapped[i]; });
  });
}

function reduce(from, n, name, sum) {
  const wraps = name === "prod" && !(from instanceof Float32Array);
  const combine = wraps ? Math.imul : REDUCTIONS[name][1];
  if (name === "sum") for (let i = 0; i < n; i++) sum[places[i]] += from[i];
  else for (let i = 0; i < n; i++) sum[places[i]] = combine(sum[places[i]], from[i]);
}
