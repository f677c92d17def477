// The WebGPU executor: an entry point's dispatches in one pass, and one submit.
import { product } from "./views.js";

const ROW = 256; // bytes: the least step of a dynamic offset
const megabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;
const sizeOf = ({ shape }) => product(shape) * 4;

export class WebGPU {
  device = "webgpu";

  async start({ memory, entries, modules, head, initial }, onProgress) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw Object.assign(new Error("there is no WebGPU here"), { absent: true });
    const { description, vendor, architecture } = adapter.info ?? {};
    this.deviceName = description || `${vendor} ${architecture}`;
    const size = memory.gpu * 4, { limits } = adapter;
    const allowed = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    if (size > allowed) {
      throw new Error(`the program needs a binding of ${megabytes(size)}, and ${this.deviceName} `
        + `allows ${megabytes(allowed)}: export it with chunk=, or for fewer or smaller inputs`);
    }
    const gpu = this.gpu = await adapter.requestDevice({
      requiredLimits: { maxStorageBufferBindingSize: size, maxBufferSize: size },
    });
    this.lost = gpu.lost.then(({ message, reason }) => {
      throw Object.assign(new Error(`the WebGPU device was lost: ${message || reason}`), { lost: true });
    });
    this.lost.catch(() => {}); // who waits for it hears of it
    gpu.pushErrorScope("out-of-memory");
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    this.memory = gpu.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC });
    const layout = gpu.createBindGroupLayout({ entries: [
      { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: ROW } },
      { binding: 1, visibility: 4, buffer: { type: "storage" } },
    ] });
    this.groups = new Map(Object.values(entries).map((entry) => {
      const rows = new Uint32Array((entry.dispatches.length || 1) * ROW / 4);
      entry.dispatches.forEach(([, , , , ...row], k) => rows.set(row, k * ROW / 4));
      const buffer = gpu.createBuffer({ size: rows.byteLength, usage: UNIFORM | COPY_DST });
      gpu.queue.writeBuffer(buffer, 0, rows);
      return [entry, gpu.createBindGroup({ layout, entries: [
        { binding: 0, resource: { buffer, size: ROW } },
        { binding: 1, resource: { buffer: this.memory } },
      ] })];
    }));
    const error = await gpu.popErrorScope();
    if (error) throw new Error(`${this.deviceName} has no ${megabytes(size)} free: ${error.message}`);
    const pipelineLayout = gpu.createPipelineLayout({ bindGroupLayouts: [layout] });
    let done = 0;
    this.pipelines = await Promise.race([this.lost, Promise.all(modules.map(async (text) => {
      const module = gpu.createShaderModule({ code: head + text });
      const made = await gpu.createComputePipelineAsync({ layout: pipelineLayout, compute: { module } });
      onProgress(0.2 + 0.7 * ++done / modules.length, "compiling kernels");
      return made;
    }))]);
    this.write(initial);
  }

  write(pieces) {
    for (const [at, words] of pieces) this.gpu.queue.writeBuffer(this.memory, at * 4, words);
  }

  // Writes the pieces, runs the entry point, and gives the words of the ports.
  async execute(entry, pieces, ports) {
    const { gpu } = this, encoder = gpu.createCommandEncoder();
    this.write(pieces);
    if (entry) {
      const pass = encoder.beginComputePass();
      entry.dispatches.forEach(([module, ...groups], k) => {
        pass.setPipeline(this.pipelines[module]);
        pass.setBindGroup(0, this.groups.get(entry), [ROW * k]);
        pass.dispatchWorkgroups(...groups.slice(0, 3));
      });
      pass.end();
    }
    const size = ports.reduce((sum, port) => sum + sizeOf(port), 0) || 4;
    const out = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    let to = 0;
    for (const port of ports) {
      encoder.copyBufferToBuffer(this.memory, port.at * 4, out, to, sizeOf(port));
      to += sizeOf(port);
    }
    gpu.queue.submit([encoder.finish()]);
    const nudge = setInterval(() => gpu.queue.submit([]), 4); // Firefox looks seldom
    await Promise.race([this.lost, out.mapAsync(1).catch(() => this.lost)])
      .finally(() => clearInterval(nudge));
    const bytes = out.getMappedRange().slice(0);
    out.destroy();
    to = 0;
    return ports.map((port) => new Uint32Array(bytes.slice(to, to += sizeOf(port))));
  }

  dispose() {
    this.gpu?.destroy();
  }
}
