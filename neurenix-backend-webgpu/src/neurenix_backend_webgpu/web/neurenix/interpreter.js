// The CPU executor: an entry point's steps, one by one.
import { fused } from "./fused.js";
import { dot } from "./products.js";
import { ARRAYS, counts, each, must, product, table, wordCount } from "./views.js";

export class Interpreter {
  device = "cpu";
  deviceName = "JavaScript";

  constructor({ memory, entries, initial = [] }) {
    const buffer = new ArrayBuffer(memory.cpu * 4), as = this.as = { __proto__: null, b: new Uint32Array(buffer) };
    for (const letter of "fiuc") as[letter] = new ARRAYS[letter](buffer);
    for (const [name, entry] of Object.entries(entries)) {
      entry.linked = each(`program.json is damaged: ${name}.steps`, entry.steps, (step) => STEPS[step.op](step, bind));
    }
    this.write(initial);

    function bind([letter, base, ...strides], shape) {
      const dense = !strides.length, far = strides.map((stride, a) => stride * (shape[a] - 1));
      const low = far.reduce((at, n) => at + Math.min(n, 0), base);
      const high = far.reduce((at, n) => at + Math.max(n, 0), base + (dense && product(shape) - 1));
      must(counts(shape) && [base, ...strides].every(Number.isInteger) && (dense || far.length === shape.length)
        && (shape.some((n, a) => !n && strides[a]) || (low >= 0 && high < as[letter].length)), "a view leaves the memory");
      return { letter, memory: as[letter], base, strides };
    }
  }

  write(pieces) {
    for (const [at, words] of pieces) this.as.u.set(words, at);
  }

  // Writes the pieces, runs the entry point, and gives the words of the ports.
  async execute(entry, pieces, ports) {
    this.write(pieces);
    entry?.linked.forEach((step) => step());
    return ports.map((port) => this.as.u.slice(port.at, port.at + wordCount(port)));
  }

  read = async (words) => words.slice();
  dispose() {}
}

// Moves elements from or to rows that an index picks along the last axis.
const indexed = (move) => ({ shape, x }, bind) => {
  const [value, index, chosen] = x.map((view) => bind(view, shape)), { memory } = value;
  const loop = shape.slice(0, -1), most = shape.at(-1) - 1, stride = chosen.strides.at(-1);
  must(most >= 0 && chosen.memory === memory && index.letter === "i" && product(loop) <= memory.length, "nothing to pick");
  return () => {
    const [ats, picks, rows] = [value, index, chosen].map(({ strides, base }) => table(loop, strides, base));
    ats.forEach((at, i) => {
      const pick = Math.min(Math.max(index.memory[picks[i]], 0), most);
      move(memory, at, rows[i] + pick * stride);
    });
  };
};

const STEPS = {
  __proto__: null,
  fused,
  dot_general: dot,
  gather: indexed((memory, at, row) => { memory[at] = memory[row]; }),
  scatter: indexed((memory, at, row) => { memory[row] = memory[at]; }),
  scatter_add: indexed((memory, at, row) => { memory[row] += memory[at]; }),
};
