// The WebGPU executor: an entry point's dispatches in one pass, and one submit.
import { must, wordCount } from "./views.js";

const ROW = 256; // bytes: the least step of a dynamic offset

export class Executor {
  async start({ memory, entries, modules }, onProgress) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    must(adapter, "there is no WebGPU here", { absent: true });
    const { info, limits } = adapter, name = info.description || `${info.vendor} ${info.architecture}`;
    const size = memory.gpu * 4, most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    must(size <= most, `the program needs ${size / 1e6} MB in one buffer, and ${name} allows `
      + `${most / 1e6} MB: export it with chunk=, or for smaller inputs`);
    const requiredLimits = { maxStorageBufferBindingSize: size, maxBufferSize: size };
    const gpu = this.gpu = await adapter.requestDevice({ requiredLimits });
    this.lost = gpu.lost.then(({ message }) => must(false, `the WebGPU device was lost: ${message}`, { lost: true }));
    this.lost.catch(() => {}); // those who wait hear of it
    this.memory = this.#buffer(size, "STORAGE");
    const layout = gpu.createBindGroupLayout({ entries: [
      { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true } },
      { binding: 1, visibility: 4, buffer: { type: "storage" } },
    ] });
    const dispatches = Object.values(entries).flatMap((entry) => entry.dispatches);
    const rows = new Uint32Array((dispatches.length || 1) * ROW / 4), buffer = this.#buffer(rows.byteLength, "UNIFORM");
    dispatches.forEach((row, k) => rows.set(row.splice(4, 64, k * ROW), k * ROW / 4)); // leaves its place
    gpu.queue.writeBuffer(buffer, 0, rows);
    this.group = gpu.createBindGroup({ layout, entries: [
      { binding: 0, resource: { buffer, size: ROW } },
      { binding: 1, resource: { buffer: this.memory } },
    ] });
    let done = 0;
    const layouts = gpu.createPipelineLayout({ bindGroupLayouts: [layout] });
    this.pipelines = await Promise.race([this.lost, Promise.all(modules.map(async (code) => {
      const compute = { module: gpu.createShaderModule({ code }) };
      const made = await gpu.createComputePipelineAsync({ layout: layouts, compute });
      onProgress(0.2 + 0.7 * ++done / modules.length, "compiling kernels");
      return made;
    }))]);
    return name;
  }

  #buffer(size, usage) {
    const copied = usage === "MAP_READ" ? 8 : 12; // to, but for what is mapped also from
    return this.gpu.createBuffer({ size, usage: GPUBufferUsage[usage] | copied });
  }

  // As the interpreter's; what is kept comes as a buffer.
  async execute(entry, pieces, ports, kept = []) {
    const { gpu, memory } = this, encoder = gpu.createCommandEncoder();
    for (const [at, piece] of pieces) {
      if (piece instanceof GPUBuffer) encoder.copyBufferToBuffer(piece, 0, memory, at * 4, piece.size);
      else gpu.queue.writeBuffer(memory, at * 4, piece);
    }
    if (entry) {
      const pass = encoder.beginComputePass();
      for (const [module, x, y, z, row] of entry.dispatches) {
        pass.setPipeline(this.pipelines[module]);
        pass.setBindGroup(0, this.group, [row]);
        pass.dispatchWorkgroups(x, y, z);
      }
      pass.end();
    }
    const made = ports.map((port, k) => {
      const [from, at, size] = port.size ? [port, 0, port.size] : [memory, port.at * 4, wordCount(port) * 4];
      const buffer = this.#buffer(size || 4, kept[k] ? "STORAGE" : "MAP_READ");
      encoder.copyBufferToBuffer(from, at, buffer, 0, size);
      return () => (kept[k] ? buffer : this.#mapped(buffer, size));
    });
    gpu.queue.submit([encoder.finish()]);
    return Promise.all(made.map((get) => get()));
  }

  async #mapped(buffer, size) {
    const nudge = setInterval(() => this.gpu.queue.submit([]), 4); // Firefox looks seldom
    await Promise.race([this.lost, buffer.mapAsync(GPUMapMode.READ).catch(() => this.lost)])
      .finally(() => clearInterval(nudge));
    const words = new Uint32Array(buffer.getMappedRange().slice(0, size));
    buffer.destroy();
    return words;
  }

  dispose() {
    this.gpu?.destroy();
  }
}
