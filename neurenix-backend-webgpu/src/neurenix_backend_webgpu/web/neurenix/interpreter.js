// The CPU executor: runs the steps of an entry point in its memory, one by one.
import { fused } from "./fused.js";
import { dot } from "./products.js";
import { ARRAYS, product, table } from "./views.js";

export class Interpreter {
  device = "cpu";
  deviceName = "JavaScript";

  constructor({ memory }) {
    const buffer = new ArrayBuffer(memory.cpu * 4), words = new Uint32Array(buffer);
    this.as = { c: words, b: words };
    for (const letter of "fiu") this.as[letter] = new ARRAYS[letter](buffer);
  }

  write(pieces) {
    for (const [at, words] of pieces) this.as.u.set(words, at);
  }

  // Writes the pieces, runs the entry point, and gives the words of the ports.
  async execute(entry, pieces, ports) {
    this.write(pieces);
    entry && new Frame(this.as, entry.regions).inner(entry.regions.length - 1, entry.places);
    return ports.map(({ at, shape }) => this.as.u.slice(at, at + product(shape)));
  }

  dispose() {}
}

// A region while it runs, and where its places begin.
class Frame {
  constructor(as, regions, bases) {
    Object.assign(this, { as, regions, bases });
  }

  // The memory of a view, and where it begins there.
  view([letter, place, offset]) {
    return [this.as[letter], this.bases[place] + offset];
  }

  address(view) {
    return this.view(view)[1];
  }

  run(number) {
    for (const step of this.regions[number]) STEPS[step.op](step, this);
  }

  inner(region, places) {
    new Frame(this.as, this.regions, [0, ...places]).run(region);
  }
}

function copy({ shape, x: [x], y: [y] }, frame) {
  const words = frame.as.u, to = table(shape, y.slice(3), frame.address(y));
  table(shape, x.slice(3), frame.address(x)).forEach((at, i) => { words[to[i]] = words[at]; });
}

// Moves elements from or to rows that an index picks, within its axis. A scatter begins
// with a copy.
const indexed = (move) => ({ shape, size, stride, start, value, index, chosen }, frame) => {
  if (start) copy(start, frame);
  const [values, base] = frame.view(value), mask = value[0] === "c" ? 255 : -1;
  const at = table(shape, value.slice(3), base);
  const picks = table(shape, index.slice(3), frame.address(index));
  table(shape, chosen.slice(3), frame.address(chosen)).forEach((row, i) => {
    const pick = Math.min(Math.max(frame.as.i[picks[i]], 0), size - 1);
    move(values, at[i], row + pick * stride, mask);
  });
};

function iota({ shape, ramp, y: [y] }, frame) {
  const [values, base] = frame.view(y), numbers = table(shape, ramp);
  table(shape, y.slice(3), base).forEach((to, i) => {
    values[to] = y[0] === "c" ? numbers[i] & 255 : numbers[i];
  });
}

const STEPS = {
  fused, copy, iota,
  call: ({ region, scratch, views }, frame) => frame.inner(
    region, [frame.bases[1] + scratch, ...views.map((view) => frame.address(view))]),
  dot_general: dot,
  gather: indexed((v, to, from) => { v[to] = v[from]; }),
  scatter: indexed((v, from, to) => { v[to] = v[from]; }),
  scatter_add: indexed((v, from, to, mask) => {
    v[to] = mask < 0 ? v[to] + v[from] : (v[to] + v[from]) & mask;
  }),
};
