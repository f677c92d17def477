// Runs a program that Neurenix exported, on WebGPU or the CPU.
import { LETTERS, asWords, readArtefact } from "./neurenix/artefact.js";
import { Interpreter } from "./neurenix/interpreter.js";
import { ARRAYS, product } from "./neurenix/views.js";
import { WebGPU } from "./neurenix/webgpu.js";

export async function load(url, { device = "auto", onProgress = () => {} } = {}) {
  if (!["auto", "webgpu", "cpu"].includes(device)) {
    throw new Error(`device: expected "auto", "webgpu" or "cpu", not ${device}`);
  }
  const model = new Model(await readArtefact(url, onProgress), device === "auto");
  await (device === "cpu" ? model.useCpu() : model.useWebGPU(onProgress));
  onProgress(1, "ready");
  return model;
}

class Model {
  reason = null; // for which WebGPU does not compute, where it might have
  #last = Promise.resolve();

  constructor(artefact, auto) {
    Object.assign(this, { artefact, auto });
  }

  get device() { return this.executor.device; }
  get deviceName() { return this.executor.deviceName; }

  async useCpu() {
    this.executor = new Interpreter(this.artefact);
    this.executor.write(this.artefact.initial);
  }

  async useWebGPU(onProgress) {
    this.executor = new WebGPU();
    try {
      await this.executor.start(this.artefact, onProgress);
      onProgress(0.9, "checking");
      await this.check();
    } catch (error) {
      await this.#fallBack(error);
    }
  }

  async #fallBack(error) {
    this.executor.dispose();
    if (!this.auto) throw error;
    this.reason = error.message;
    if (!error.absent) console.warn(`Neurenix computes on the CPU: ${error.message}`);
    await this.useCpu();
  }

  dispose() {
    this.executor.dispose();
    this.executor = { execute: () => { throw new Error("this model was disposed of"); } };
  }

  // run(inputs) of the only entry point, or run("entry", inputs); one after the other.
  run(...given) {
    const run = this.#last.then(() => this.#run(...given));
    this.#last = run.catch(() => {});
    return run;
  }

  async #run(...given) {
    const { entries } = this.artefact, names = Object.keys(entries);
    const [name, inputs] = given.length < 2 && !names[1] ? [names[0], ...given] : given;
    const entry = entries[name];
    if (!entry) throw new Error(`no entry point ${name}: there are ${names.join(", ")}`);
    const call = [entry, packed(entry.inputs, inputs), entry.outputs];
    let words;
    try {
      words = await this.executor.execute(...call);
    } catch (error) {
      if (!error.lost || names.some((name) => entries[name].state.length)) throw error;
      await this.#fallBack(error);
      words = await this.executor.execute(...call);
    }
    return Object.fromEntries(entry.outputs.map((port, k) => [port.name, tensor(port, words[k])]));
  }

  // The largest difference from the examples' outputs and state, each relative to its
  // largest value. The state stays as it is.
  async check() {
    const { entries, examples, weights, initial } = this.artefact;
    const kept = await this.executor.execute(null, [], weights);
    let worst = 0;
    for (const [name, { inputs, outputs, state }] of Object.entries(entries)) {
      const example = (kind, port) => examples[`${name}/${kind}/${port.name}`];
      const given = Object.fromEntries(inputs.map((port) => [port.name, example("inputs", port)]));
      const ports = [...outputs, ...weights.filter((weight) => state.includes(weight.name))];
      const pieces = [...initial, ...packed(inputs, given)];
      const found = await this.executor.execute(entries[name], pieces, ports);
      ports.forEach((port, k) => {
        const expected = example(k < outputs.length ? "outputs" : "state", port);
        worst = Math.max(worst, difference(tensor(port, found[k]), expected));
      });
    }
    this.executor.write(weights.map(({ at }, k) => [at, kept[k]]));
    if (worst > 1e-3) throw new Error(`${this.deviceName} errs by ${worst} in the examples`);
    return worst;
  }
}

function difference(found, expected) {
  const scale = expected.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
  return found.reduce((most, x, i) => {
    if (Object.is(x, expected[i]) || x === expected[i]) return most;
    return Math.max(most, Math.abs(x - expected[i]) / scale || Infinity);
  }, 0);
}

const described = ({ name, dtype, shape }) => `${name}: ${dtype}[${shape.join(", ")}]`;

// Inputs as words and where they lie, after a look at all of them.
function packed(ports, inputs = {}) {
  const refuse = (what) => {
    throw new Error(`${what}; expected ${ports.map(described).join("; ")}`);
  };
  const strange = Object.keys(inputs).find((name) => !ports.some((port) => port.name === name));
  if (strange) refuse(`there is no input ${strange}`);
  return ports.map(({ name, dtype, shape, at }) => {
    const values = inputs[name], letter = LETTERS[dtype];
    if (!values) refuse(`the input ${name} is missing`);
    if (values.length !== product(shape) || String(values.shape ?? shape) !== String(shape)) {
      refuse(`the input ${name} has ${values.length} values, or another shape`);
    }
    return [at, asWords(ARRAYS[letter].from(values, (x) => (letter === "b" ? +!!x : x)))];
  });
}

function tensor({ dtype, shape }, words) {
  const array = ARRAYS[LETTERS[dtype]];
  const values = array === Uint8Array ? array.from(words) : new array(words.buffer);
  return Object.defineProperty(values, "shape", { value: shape });
}
