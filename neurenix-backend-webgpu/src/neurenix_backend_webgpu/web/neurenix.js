// Runs a program that Neurenix exported, on WebGPU or the CPU.
import { readArtefact } from "./neurenix/artefact.js";
import { Executor as cpu } from "./neurenix/interpreter.js";
import { fromWords, must, product, toWords } from "./neurenix/views.js";
import { Executor as webgpu } from "./neurenix/webgpu.js";

const EXECUTORS = { __proto__: null, cpu, webgpu };

export async function load(url, { device = "auto", onProgress = () => {}, ...others } = {}) {
  for (const name in others) must(0, `load: no option ${name}`);
  const auto = device === "auto";
  must(auto || EXECUTORS[device], `device: expected "auto", "webgpu" or "cpu", not ${device}`);
  const model = Object.assign(new Model(), { auto, artefact: await readArtefact(url, onProgress) });
  await model.start(auto ? "webgpu" : device, onProgress);
  onProgress(1, "ready");
  return model;
}

// An output that stays on its device.
class Kept {
  constructor(executor, port, words) {
    Object.assign(this, { executor, port, words, shape: port.shape });
  }

  async read() {
    const [words] = await this.executor.execute(null, [], [this.held]);
    return fromWords(this.port, words);
  }

  get held() { return this.words ?? must(0, `the kept ${this.port.name} was disposed of`); }

  dispose() { this.words = this.words?.destroy?.(); }
}

class Model {
  reason = null; // not WebGPU
  #last = Promise.resolve();

  async start(device, onProgress) {
    this.device = device;
    const executor = this.executor = new EXECUTORS[device]();
    try {
      this.deviceName = await executor.start(this.artefact, onProgress);
      await executor.execute(null, this.artefact.initial, []);
      if (device === "cpu") return;
      onProgress(0.9, "checking");
      await this.check();
    } catch (error) {
      await this.#fallBack(error);
    }
  }

  async #fallBack(error) {
    this.executor.dispose();
    if (!this.auto || this.device === "cpu") throw error;
    this.reason = error.message;
    if (!error.absent) console.warn(`Neurenix computes on the CPU: ${error.message}`);
    await this.start("cpu");
  }

  dispose() { this.executor.dispose(); this.artefact = null; }

  // One after the other.
  #next(work) {
    const alive = () => must(this.artefact, "the model was disposed of");
    const done = this.#last.then(alive).then(work).finally(alive);
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
      const { outputs } = entry, own = outputs.map((port) => port.name), kept = keep === true ? own : keep;
      for (const name of kept) must(own.includes(name), `no output ${name} to keep`);
      const keeps = own.map((name) => kept.includes(name));
      const call = () => this.executor.execute(entry, this.#packed(entry.inputs, inputs), outputs, keeps);
      const words = await call().catch(async (error) => {
        if (!this.artefact || !error.lost || names.some((name) => entries[name].state[0])) throw error;
        await this.#fallBack(error);
        return call();
      });
      return Object.fromEntries(outputs.map((port, k) => [own[k],
        keeps[k] ? new Kept(this.executor, port, words[k]) : fromWords(port, words[k])]));
    });
  }

  #packed(ports, inputs = {}) {
    const refuse = (what) => must(0, `${what}; expected ${ports.map((p) => `${p.name}: ${p.dtype}[${p.shape}]`)}`);
    for (const name in inputs) ports.some((port) => port.name === name) || refuse(`there is no input ${name}`);
    return ports.map((port) => {
      const { name, shape, at, dtype } = port, values = inputs[name] ?? refuse(`the input ${name} is missing`);
      const kept = values instanceof Kept;
      if (`${values.shape ?? shape}` !== `${shape}` || (kept ? values.port.dtype !== dtype : values.length !== product(shape))) {
        refuse(`the input ${name} has ${values.length ?? "other"} values, or another shape`);
      }
      must(!kept || values.executor === this.executor, `the input ${name} was kept by another device`, { lost: true });
      return [at, kept ? values.held : toWords(port, values)];
    });
  }

  check() {
    return this.#next(async () => {
      const { executor, artefact: { entries, weights, initial } } = this, errors = [];
      const before = await executor.execute(null, [], weights);
      for (const entry of Object.values(entries)) {
        const { inputs, outputs, state, example } = entry, ports = [...outputs, ...state];
        const given = inputs.map((port, k) => [port.at, toWords(port, example[k])]);
        const found = await executor.execute(entry, [...initial, ...given], ports);
        errors.push(...ports.map((port, k) => difference(fromWords(port, found[k]), example[inputs.length + k])));
      }
      await executor.execute(null, weights.map(({ at }, k) => [at, before[k]]), []);
      const worst = Math.max(0, ...errors);
      must(worst <= 1e-3, `${this.deviceName} errs by ${worst} in the examples`);
      return worst;
    });
  }
}

function difference(found, right) {
  const scale = right.reduce((most, x) => Math.max(most, Number.isFinite(x) && Math.abs(x)), 1);
  return found.reduce((most, x, i) => (Object.is(x, right[i]) ? most : Math.max(most, Math.abs(x - right[i]) / scale)), 0);
}
