// Runs a program that Neurenix exported, on WebGPU or the CPU.
import { readArtefact } from "./neurenix/artefact.js";
import { fromWords, must, product, toWords } from "./neurenix/views.js";

const CPU = "./neurenix/interpreter.js", GPU = "./neurenix/webgpu.js";

export async function load(url, { device = "auto", onProgress = () => {} } = {}) {
  must(["auto", "webgpu", "cpu"].includes(device), `device: expected "auto", "webgpu" or "cpu", not ${device}`);
  import(device === "cpu" || !globalThis.navigator?.gpu ? CPU : GPU); // while files are read
  const model = new Model(await readArtefact(url, onProgress), device === "auto");
  await (device === "cpu" ? model.useCpu() : model.useWebGPU(onProgress));
  onProgress(1, "ready");
  return model;
}

// An output that stays where it was computed.
class Kept {
  constructor(executor, port, words) {
    Object.assign(this, { executor, port, words, shape: port.shape });
  }

  async read() {
    return fromWords(this.port, await this.executor.read(this.words));
  }

  dispose() { this.words.destroy?.(); }
}

class Model {
  reason = null; // why not WebGPU
  #last = Promise.resolve();

  constructor(artefact, auto) {
    Object.assign(this, { artefact, auto });
  }

  get device() { return this.executor.device; }
  get deviceName() { return this.executor.deviceName; }

  async useCpu() {
    const { Interpreter } = await import(CPU);
    this.executor = new Interpreter(this.artefact);
  }

  async useWebGPU(onProgress) {
    const { WebGPU } = await import(GPU);
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
    this.executor = { execute: async () => must(false, "the model was disposed of") };
  }

  // One after the other.
  #next(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  // run("entry", inputs, options); an only entry point needs no name.
  run(...given) {
    return this.#next(async () => {
      const { entries } = this.artefact, names = Object.keys(entries);
      if (!names[1] && typeof given[0] !== "string") given.unshift(names[0]);
      const [name, inputs, { keep = [] } = {}] = given, entry = entries[name];
      must(entry, `no entry point ${name}: there are ${names.join(", ")}`);
      const { outputs } = entry, kept = keep === true ? outputs.map((port) => port.name) : keep;
      for (const k of kept) must(outputs.some((port) => port.name === k), `no output ${k} to keep`);
      const call = () => this.executor.execute(
        entry, this.#packed(entry.inputs, inputs), outputs, outputs.map((port) => kept.includes(port.name)));
      const words = await call().catch(async (error) => {
        if (!error.lost || names.some((name) => entries[name].state[0])) throw error;
        await this.#fallBack(error);
        return call();
      });
      return Object.fromEntries(outputs.map((port, k) => [port.name, kept.includes(port.name)
        ? new Kept(this.executor, port, words[k]) : fromWords(port, words[k])]));
    });
  }

  #packed(ports, inputs = {}) {
    const all = ports.map((p) => `${p.name}: ${p.dtype}[${p.shape}]`);
    const refuse = (what) => must(false, `${what}; expected ${all}`);
    for (const name in inputs) {
      if (!ports.some((port) => port.name === name)) refuse(`there is no input ${name}`);
    }
    return ports.map((port) => {
      const { name, shape, at, dtype } = port, values = inputs[name] ?? refuse(`the input ${name} is missing`);
      const kept = values instanceof Kept;
      if (`${values.shape ?? shape}` !== `${shape}` || (kept ? values.port.dtype !== dtype : values.length !== product(shape))) {
        refuse(`the input ${name} has ${values.length ?? "other"} values, or another shape`);
      }
      if (kept && values.executor !== this.executor) {
        throw Object.assign(new Error(`the input ${name} was kept by another device`), { lost: true });
      }
      return [at, kept ? values.words : toWords(port, values)];
    });
  }

  check() {
    return this.#next(() => this.#check());
  }

  // The largest difference from the examples, relative to a result's largest value.
  async #check() {
    const { executor, artefact: { entries, weights, initial } } = this;
    const kept = await executor.execute(null, [], weights);
    let worst = 0;
    for (const entry of Object.values(entries)) {
      const { inputs, outputs, cells, example } = entry, ports = [...outputs, ...cells];
      const given = inputs.map((port, k) => [port.at, toWords(port, example[0][k])]);
      const found = await executor.execute(entry, [...initial, ...given], ports);
      ports.forEach((port, k) => {
        worst = Math.max(worst, difference(fromWords(port, found[k]), example[1][k]));
      });
    }
    executor.write(weights.map(({ at }, k) => [at, kept[k]]));
    must(!(worst > 1e-3), `${this.deviceName} errs by ${worst} in the examples`);
    return worst;
  }
}

function difference(found, expected) {
  const scale = expected.reduce((most, x) => Math.max(most, Number.isFinite(x) && Math.abs(x)), 1);
  return found.reduce((most, x, i) => (x === expected[i] || Object.is(x, expected[i]) ? most
    : Math.max(most, Math.abs(x - expected[i]) / scale || Infinity)), 0);
}
