// Fused steps: an expression on each element of a loop, stored or reduced.
import { OPERATIONS, REDUCTIONS } from "./elementwise.js";
import { ARRAYS, counts, must, offsets, product, table } from "./views.js";

const BLOCK = 1024;
const places = new Int32Array(BLOCK);
const pool = []; // of registers

export function fused({ shape, x, y, ops, ends }, bind) {
  const total = product(shape), inputs = x.map((view) => bind(view, shape));
  const registers = inputs.map(({ letter }, k) => register(letter, k));
  const chosen = (r) => (counts([r]) && registers[r]) || must(false, `no register ${r}`);
  const calls = ops.map(([name, letter, ...from]) => {
    const given = from.map(chosen), into = register(letter, registers.length);
    const f = OPERATIONS[name];
    must(given.length >= f.length - 2, `${name} lacks an operand`);
    registers.push(into);
    return (n) => f(into, n, ...given);
  });
  const outputs = ends.map(([value, reduction], k) => {
    const view = bind(y[k], shape), from = chosen(value);
    return { ...view, from, sum: reduction === undefined ? null : summed(REDUCTIONS[reduction], view, shape) };
  });
  return () => {
    for (const { sum } of outputs) sum?.values.fill(sum.start);
    for (let first = 0; first < total; first += BLOCK) {
      const n = Math.min(BLOCK, total - first);
      inputs.forEach(({ memory, base, strides }, k) => {
        const into = registers[k];
        if (!strides.length) into.set(memory.subarray(base + first, base + first + n));
        else if (!strides.some(Boolean)) into.fill(memory[base]);
        else {
          offsets(shape, strides, base, first, n, places);
          for (let i = 0; i < n; i++) into[i] = memory[places[i]];
        }
      });
      for (const call of calls) call(n);
      for (const { memory, base, strides, from, sum } of outputs) {
        if (!sum && !strides.length) {
          memory.set(from.subarray(0, n), base + first);
          continue;
        }
        offsets(shape, sum?.within ?? strides, sum ? 0 : base, first, n, places);
        if (sum) sum.add(from, n);
        else for (let i = 0; i < n; i++) memory[places[i]] = from[i];
      }
    }
    for (const { memory, base, strides, from, sum } of outputs) {
      if (!sum) continue;
      const wrapped = from.constructor.from(sum.values);
      table(sum.left, strides, base).forEach((at, i) => { memory[at] = wrapped[i]; });
    }
  };
}

function register(letter, k) {
  const made = (pool[k] ??= {});
  return (made[letter] ??= new ARRAYS[letter](BLOCK));
}

// Where a reduction adds up: its values, and the strides of the loop in them.
function summed([start, combine], { strides, memory }, shape) {
  const left = shape.map((n, a) => (strides[a] ? n : 1));
  const within = left.map((n, a) => strides[a] && product(left.slice(a + 1)));
  must(strides.length === shape.length && product(left) <= memory.length, "no such reduction");
  const values = new Float64Array(product(left));
  const add = combine ? (from, n) => {
    for (let i = 0; i < n; i++) values[places[i]] = combine(values[places[i]], from[i]);
  } : (from, n) => {
    for (let i = 0; i < n; i++) values[places[i]] += from[i];
  };
  return { start, left, within, values, add };
}
