// The WebGPU executor: an entry point's dispatches in one pass, and one submit.
import { must, wordCount } from "./views.js";

const ROW = 256; // bytes: the least step of a dynamic offset
const SCOPES = ["validation", "out-of-memory"];
const STORED = 140, UNIFORM = 72, MAPPED = 9; // GPUBufferUsage, copies too

export class Executor {
  async start({ memory: { gpu: words }, entries, modules }, onProgress) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    must(adapter, "there is no WebGPU here", { absent: true });
    const { info = { description: "a GPU" }, limits } = adapter, name = info.description || `${info.vendor} ${info.architecture}`;
    const size = words * 4, most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    must(size <= most, `the program needs ${size / 1e6} MB in one buffer, and ${name} allows `
      + `${most / 1e6} MB: export it with chunk=, or smaller inputs`);
    const requiredLimits = { maxStorageBufferBindingSize: size, maxBufferSize: size };
    const gpu = this.gpu = await adapter.requestDevice({ requiredLimits });
    this.lost = gpu.lost.then(({ message }) => must(0, `the WebGPU device was lost: ${message}`, { lost: true }));
    this.lost.catch(() => {});
    const memory = this.memory = gpu.createBuffer({ size, usage: STORED });
    const buffers = [{ type: "uniform", hasDynamicOffset: true }, { type: "storage" }];
    const layout = gpu.createBindGroupLayout({ entries: buffers.map((buffer, binding) => ({ binding, visibility: 4, buffer })) });
    const dispatches = Object.values(entries).flatMap((entry) => entry.dispatches);
    const rows = new Uint32Array((dispatches.length || 1) * ROW / 4);
    const buffer = gpu.createBuffer({ size: rows.byteLength, usage: UNIFORM });
    dispatches.forEach((row, k) => rows.set(row.splice(4, 64, k * ROW), k * ROW / 4)); // leaves its place
    gpu.queue.writeBuffer(buffer, 0, rows);
    const bound = [{ buffer, size: ROW }, { buffer: memory }];
    this.group = gpu.createBindGroup({ layout, entries: bound.map((resource, binding) => ({ binding, resource })) });
    let done = 0;
    const layouts = gpu.createPipelineLayout({ bindGroupLayouts: [layout] });
    this.pipelines = await Promise.race([this.lost, Promise.all(modules.map(async (code) => {
      const module = gpu.createShaderModule({ code });
      const made = await gpu.createComputePipelineAsync({ layout: layouts, compute: { module } });
      onProgress(0.2 + 0.7 * ++done / modules.length, "compiling kernels");
      return made;
    }))]);
    return name;
  }

  // As the CPU's; what is kept is a buffer.
  async execute(entry, pieces, ports, kept = []) {
    const { gpu, memory } = this, encoder = gpu.createCommandEncoder();
    for (const kind of SCOPES) gpu.pushErrorScope(kind);
    for (const [at, piece] of pieces) {
      if (piece.destroy) encoder.copyBufferToBuffer(piece, 0, memory, at * 4, piece.size);
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
      const [from, at, size] = port.destroy ? [port, 0, port.size] : [memory, port.at * 4, wordCount(port) * 4];
      const buffer = gpu.createBuffer({ size, usage: kept[k] ? STORED : MAPPED });
      encoder.copyBufferToBuffer(from, at, buffer, 0, size);
      return async () => {
        if (kept[k]) return buffer;
        const nudge = setInterval(() => gpu.queue.submit([]), 4); // Firefox looks seldom
        await Promise.race([this.lost, buffer.mapAsync(1)]).finally(() => clearInterval(nudge));
        const words = new Uint32Array(buffer.getMappedRange().slice(0, size));
        buffer.destroy();
        return words;
      };
    });
    gpu.queue.submit([encoder.finish()]);
    const sound = SCOPES.map(() => gpu.popErrorScope().then((error) => must(!error, `WebGPU: ${error?.message}`)));
    return Promise.all([...made.map((get) => get()), ...sound]).catch((error) => Promise.all([ // causes first
      ...sound, Promise.race([this.lost, new Promise((_, fail) => setTimeout(fail, 200, error))]),
    ]));
  }

  dispose() { this.gpu?.destroy(); }
}
