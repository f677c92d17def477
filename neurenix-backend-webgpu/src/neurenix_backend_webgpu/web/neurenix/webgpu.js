// The WebGPU executor: an entry point's dispatches in one pass, and one submit.
import { wordCount } from "./views.js";

const ROW = 256; // bytes: the least step of a dynamic offset
const megabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;

export class WebGPU {
  device = "webgpu";

  async start({ memory, entries, modules, initial }, onProgress) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw Object.assign(new Error("there is no WebGPU here"), { absent: true });
    const { info: { description, vendor, architecture }, limits } = adapter;
    this.deviceName = description || `${vendor} ${architecture}`;
    const size = memory.gpu * 4, most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    if (size > most) {
      throw new Error(`the program needs ${megabytes(size)} in one buffer, and ${this.deviceName} `
        + `allows ${megabytes(most)}: export it with chunk=, or for smaller inputs`);
    }
    const requiredLimits = { maxStorageBufferBindingSize: size, maxBufferSize: size };
    const gpu = this.gpu = await adapter.requestDevice({ requiredLimits });
    this.lost = gpu.lost.then(({ message }) => {
      throw Object.assign(new Error(`the WebGPU device was lost: ${message}`), { lost: true });
    });
    this.lost.catch(() => {}); // those who wait hear of it
    this.memory = this.#buffer(size, GPUBufferUsage.STORAGE);
    const layout = gpu.createBindGroupLayout({ entries: [
      { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: ROW } },
      { binding: 1, visibility: 4, buffer: { type: "storage" } },
    ] });
    for (const entry of Object.values(entries)) {
      const rows = new Uint32Array((entry.dispatches.length || 1) * ROW / 4);
      entry.dispatches.forEach((row, k) => rows.set(row.slice(4), k * ROW / 4));
      const buffer = this.#buffer(rows.byteLength, GPUBufferUsage.UNIFORM);
      gpu.queue.writeBuffer(buffer, 0, rows);
      entry.group = gpu.createBindGroup({ layout, entries: [
        { binding: 0, resource: { buffer, size: ROW } },
        { binding: 1, resource: { buffer: this.memory } },
      ] });
    }
    let done = 0;
    const pipelineLayout = gpu.createPipelineLayout({ bindGroupLayouts: [layout] });
    this.pipelines = await Promise.race([this.lost, Promise.all(modules.map(async (code) => {
      const compute = { module: gpu.createShaderModule({ code }) };
      const made = await gpu.createComputePipelineAsync({ layout: pipelineLayout, compute });
      onProgress(0.2 + 0.7 * ++done / modules.length, "compiling kernels");
      return made;
    }))]);
    this.write(initial);
  }

  #buffer(size, usage) {
    const { COPY_DST, COPY_SRC } = GPUBufferUsage;
    return this.gpu.createBuffer({ size, usage: usage | COPY_DST | (usage & 1 ? 0 : COPY_SRC) });
  }

  write(pieces) {
    for (const [at, words] of pieces) this.gpu.queue.writeBuffer(this.memory, at * 4, words);
  }

  // As the interpreter's; what is kept comes as a buffer.
  async execute(entry, pieces, ports, kept = []) {
    const { gpu, memory } = this, encoder = gpu.createCommandEncoder(), isKept = ([, x]) => x instanceof GPUBuffer;
    this.write(pieces.filter((piece) => !isKept(piece)));
    for (const [at, buffer] of pieces.filter(isKept)) encoder.copyBufferToBuffer(buffer, 0, memory, at * 4, buffer.size);
    if (entry) {
      const pass = encoder.beginComputePass();
      entry.dispatches.forEach(([module, x, y, z], k) => {
        pass.setPipeline(this.pipelines[module]);
        pass.setBindGroup(0, entry.group, [ROW * k]);
        pass.dispatchWorkgroups(x, y, z);
      });
      pass.end();
    }
    const places = ports.map((port) => [port.at * 4, wordCount(port) * 4]);
    const buffers = places.map(([at, size], k) => {
      const out = this.#buffer(size || 4, kept[k] ? GPUBufferUsage.STORAGE : GPUBufferUsage.MAP_READ);
      encoder.copyBufferToBuffer(memory, at, out, 0, size);
      return out;
    });
    gpu.queue.submit([encoder.finish()]);
    return Promise.all(buffers.map((buffer, k) => (kept[k] ? buffer : this.#mapped(buffer, places[k][1]))));
  }

  async read(buffer) {
    const out = this.#buffer(buffer.size, GPUBufferUsage.MAP_READ), encoder = this.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, out, 0, buffer.size);
    this.gpu.queue.submit([encoder.finish()]);
    return this.#mapped(out);
  }

  async #mapped(out, size) {
    const nudge = setInterval(() => this.gpu.queue.submit([]), 4); // Firefox looks seldom
    await Promise.race([this.lost, out.mapAsync(GPUMapMode.READ).catch(() => this.lost)])
      .finally(() => clearInterval(nudge));
    const words = new Uint32Array(out.getMappedRange().slice(0, size));
    out.destroy();
    return words;
  }

  dispose() {
    this.gpu?.destroy();
  }
}
