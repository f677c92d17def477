// The CPU executor: an entry point's steps in its memory, one by one.
import { fused } from "./fused.js";
import { dot } from "./products.js";
import { ARRAYS, table, wordCount } from "./views.js";

export class Interpreter {
  device = "cpu";
  deviceName = "JavaScript";

  constructor({ memory, initial = [] }) {
    const buffer = new ArrayBuffer(memory.cpu * 4);
    this.as = { b: new Uint32Array(buffer) };
    for (const letter of "fiuc") this.as[letter] = new ARRAYS[letter](buffer);
    this.write(initial);
  }

  write(pieces) {
    for (const [at, words] of pieces) this.as.u.set(words, at);
  }

  // Writes the pieces, runs the entry point, and gives the words of the ports.
  async execute(entry, pieces, ports) {
    this.write(pieces);
    if (entry) {
      const places = entry.places.map((at) => at * 4);
      new Frame(this.as, entry.regions, places).run(entry.regions.length - 1);
    }
    return ports.map((port) => this.as.u.slice(port.at, port.at + wordCount(port)));
  }

  dispose() {}
}

// A region while it runs; its scratch, inputs and outputs begin at these bytes.
class Frame {
  constructor(as, regions, places) {
    Object.assign(this, { as, regions, places: [0, ...places] });
  }

  // The memory of a view, and its first element there.
  view([letter, place, offset]) {
    return [this.as[letter], this.places[place] / this.as[letter].BYTES_PER_ELEMENT + offset];
  }

  run(region) {
    for (const step of this.regions[region]) STEPS[step.op](step, this);
  }
}

// Moves elements from or to rows that an index picks; a scatter starts with a copy.
const indexed = (move) => ({ shape, size, stride, start, value, index, chosen }, frame) => {
  if (start) fused(start, frame);
  const [memory] = frame.view(value);
  const [ats, picks, rows] = [value, index, chosen].map((view) =>
    table(shape, view.slice(3), frame.view(view)[1]));
  ats.forEach((at, i) => {
    const pick = Math.min(Math.max(frame.as.i[picks[i]], 0), size - 1);
    move(memory, at, rows[i] + pick * stride);
  });
};

const STEPS = {
  fused,
  dot_general: dot,
  gather: indexed((memory, at, row) => { memory[at] = memory[row]; }),
  scatter: indexed((memory, at, row) => { memory[row] = memory[at]; }),
  scatter_add: indexed((memory, at, row) => { memory[row] += memory[at]; }),
  call: ({ region, scratch, views }, frame) => {
    const places = views.map((view) => frame.view(view))
      .map(([memory, at]) => at * memory.BYTES_PER_ELEMENT);
    new Frame(frame.as, frame.regions, [frame.places[1] + scratch, ...places]).run(region);
  },
};
