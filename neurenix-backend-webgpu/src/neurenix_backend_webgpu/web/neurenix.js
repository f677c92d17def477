// Runs a program that Neurenix exported, on WebGPU or the CPU.
import { readArtefact, stored } from "./neurenix/artefact.js";
import { Interpreter } from "./neurenix/interpreter.js";
import { fromWords, product, toWords } from "./neurenix/views.js";
import { WebGPU } from "./neurenix/webgpu.js";

export async function load(url, { device = "auto", onProgress = () => {} } = {}) {
  if (!["auto", "webgpu", "cpu"].includes(device)) {
    throw new Error(`device: expected "auto", "webgpu" or "cpu", not ${device}`);
  }
  const model = new Model(await readArtefact(url, onProgress), device === "auto");
  if (device === "cpu") model.useCpu();
  else await model.useWebGPU(onProgress);
  onProgress(1, "ready");
  return model;
}

class Model {
  reason = null; // why it is not WebGPU that computes
  #last = Promise.resolve();

  constructor(artefact, auto) {
    Object.assign(this, { artefact, auto });
  }

  get device() { return this.executor.device; }
  get deviceName() { return this.executor.deviceName; }

  useCpu() {
    this.executor = new Interpreter(this.artefact);
  }

  async useWebGPU(onProgress) {
    this.executor = new WebGPU();
    try {
      await this.executor.start(this.artefact, onProgress);
      onProgress(0.9, "checking");
      await this.check();
    } catch (error) {
      this.#fallBack(error);
    }
  }

  #fallBack(error) {
    this.executor.dispose();
    if (!this.auto) throw error;
    this.reason = error.message;
    if (!error.absent) console.warn(`Neurenix computes on the CPU: ${error.message}`);
    this.useCpu();
  }

  dispose() {
    this.executor.dispose();
    this.executor = { execute: async () => { throw new Error("the model was disposed of"); } };
  }

  // One after the other.
  #next(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  // run(inputs) of the only entry point, or run("entry", inputs).
  run(...given) {
    return this.#next(async () => {
      const { entries } = this.artefact, names = Object.keys(entries);
      const [name, inputs] = given.length < 2 && !names[1] ? [names[0], ...given] : given;
      const entry = entries[name];
      if (!entry) throw new Error(`no entry point ${name}: there are ${names.join(", ")}`);
      const call = [entry, packed(entry.inputs, inputs), entry.outputs];
      const words = await this.executor.execute(...call).catch((error) => {
        if (!error.lost || names.some((name) => entries[name].state[0])) throw error;
        this.#fallBack(error);
        return this.executor.execute(...call);
      });
      return Object.fromEntries(entry.outputs.map((port, k) => [port.name, fromWords(port, words[k])]));
    });
  }

  check() {
    return this.#next(() => this.#check());
  }

  // The largest difference from the examples, relative to a result's largest value.
  async #check() {
    const { entries, examples, weights, initial } = this.artefact;
    const kept = await this.executor.execute(null, [], weights);
    let worst = 0;
    for (const [name, entry] of Object.entries(entries)) {
      const example = (kind, port) => stored(port, examples[`${name}/${kind}/${port.name}`]);
      const given = entry.inputs.map((port) => [port.at, toWords(port, example("inputs", port))]);
      const ports = [...entry.outputs, ...weights.filter((port) => entry.state.includes(port.name))];
      const found = await this.executor.execute(entry, [...initial, ...given], ports);
      ports.forEach((port, k) => {
        const expected = example(entry.outputs[k] ? "outputs" : "state", port);
        worst = Math.max(worst, difference(fromWords(port, found[k]), expected));
      });
    }
    this.executor.write(weights.map(({ at }, k) => [at, kept[k]]));
    if (worst > 1e-3) throw new Error(`${this.deviceName} errs by ${worst} in the examples`);
    return worst;
  }
}

function difference(found, expected) {
  const scale = expected.reduce((most, x) => Math.max(most, Number.isFinite(x) && Math.abs(x)), 1);
  return found.reduce((most, x, i) => (x === expected[i] || Object.is(x, expected[i]) ? most
    : Math.max(most, Math.abs(x - expected[i]) / scale || Infinity)), 0);
}

function packed(ports, inputs = {}) {
  const refuse = (what) => {
    throw new Error(`${what}; expected ${ports.map((p) => `${p.name}: ${p.dtype}[${p.shape}]`)}`);
  };
  for (const name in inputs) {
    if (!ports.some((port) => port.name === name)) refuse(`there is no input ${name}`);
  }
  return ports.map((port) => {
    const { name, shape } = port, values = inputs[name] ?? refuse(`the input ${name} is missing`);
    if (values.length !== product(shape) || `${values.shape ?? shape}` !== `${shape}`) {
      refuse(`the input ${name} has ${values.length} values, or another shape`);
    }
    return [port.at, toWords(port, values)];
  });
}
