// The CPU executor: steps, one by one.
import { fused } from "./fused.js";
import { ARRAYS, counts, each, must, table, wordCount } from "./views.js";

export class Executor {
  async start({ memory, entries }) {
    const buffer = new ArrayBuffer(Math.ceil(memory.cpu / 2) * 8), as = this.as = { __proto__: null };
    for (const letter in ARRAYS) as[letter] = new ARRAYS[letter === "b" ? "u" : letter](buffer);
    for (const [name, entry] of Object.entries(entries)) {
      entry.linked = each(`program.json is damaged: ${name}.steps`, entry.steps, (step) => STEPS[step.op](step, bind));
    }
    return "JavaScript";

    function bind([letter, base, ...strides], shape) {
      let low = base, high = base;
      strides.forEach((stride, a) => {
        const far = stride * (shape[a] - 1);
        if (far < 0) low += far;
        else high += far;
      });
      must(counts(shape) && strides.length === shape.length && [base, ...strides].every(Number.isInteger)
        && (shape.some((n, a) => !n && strides[a]) || (low >= 0 && high < as[letter].length)), "a view leaves the memory");
      return { letter, memory: as[letter], base, strides };
    }
  }

  // Writes the pieces, runs the entry point, and gives the words of the ports.
  async execute(entry, pieces, ports) {
    for (const [at, words] of pieces) this.as.u.set(words, at);
    entry?.linked.forEach((step) => step());
    return ports.map((port) => port.slice?.() ?? this.as.u.slice(port.at, port.at + wordCount(port)));
  }

  dispose() {}
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

const STEPS = {
  __proto__: null,
  fused,
  dot_general: dot,
  gather: indexed((memory, at, row) => { memory[at] = memory[row]; }),
  scatter: indexed((memory, at, row) => { memory[row] = memory[at]; }),
  scatter_add: indexed((memory, at, row) => { memory[row] += memory[at]; }),
};
