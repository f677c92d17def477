// The WebGPU executor: an entry point's dispatches in one pass, and one submit.
import { wordCount } from "./views.js";

const ROW = 256; // bytes: the least step of a dynamic offset
const megabytes = (bytes) => `${Math.ceil(bytes / 1e6)} MB`;
const bytesOf = (port) => wordCount(port) * 4;

export class WebGPU {
  device = "webgpu";

  async start({ memory, entries, modules, initial }, onProgress) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw Object.assign(new Error("there is no WebGPU here"), { absent: true });
    const { info: { description, vendor, architecture }, limits } = adapter;
    this.deviceName = description || `${vendor} ${architecture}`;
    const size = memory.gpu * 4, requiredLimits = {};
    for (const limit of ["maxStorageBufferBindingSize", "maxBufferSize"]) {
      requiredLimits[limit] = size;
      if (size <= limits[limit]) continue;
      throw new Error(`the program needs ${megabytes(size)} in one buffer, and ${this.deviceName} `
        + `allows ${megabytes(limits[limit])}: export it with chunk=, or for smaller inputs`);
    }
    const gpu = this.gpu = await adapter.requestDevice({ requiredLimits });
    this.lost = gpu.lost.then(({ message }) => {
      throw Object.assign(new Error(`the WebGPU device was lost: ${message}`), { lost: true });
    });
    this.lost.catch(() => {}); // those who wait hear of it
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    this.memory = gpu.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC });
    const layout = gpu.createBindGroupLayout({ entries: [
      { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: ROW } },
      { binding: 1, visibility: 4, buffer: { type: "storage" } },
    ] });
    for (const entry of Object.values(entries)) {
      const rows = new Uint32Array((entry.dispatches.length || 1) * ROW / 4);
      entry.dispatches.forEach(([, , , , ...row], k) => rows.set(row, k * ROW / 4));
      const buffer = gpu.createBuffer({ size: rows.byteLength, usage: UNIFORM | COPY_DST });
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

  write(pieces) {
    for (const [at, words] of pieces) this.gpu.queue.writeBuffer(this.memory, at * 4, words);
  }

  // As the interpreter's.
  async execute(entry, pieces, ports) {
    const { gpu } = this, encoder = gpu.createCommandEncoder();
    this.write(pieces);
    if (entry) {
      const pass = encoder.beginComputePass();
      entry.dispatches.forEach(([module, x, y, z], k) => {
        pass.setPipeline(this.pipelines[module]);
        pass.setBindGroup(0, entry.group, [ROW * k]);
        pass.dispatchWorkgroups(x, y, z);
      });
      pass.end();
    }
    const size = ports.reduce((sum, port) => sum + bytesOf(port), 0) || 4;
    const out = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    let to = 0;
    for (const port of ports) {
      encoder.copyBufferToBuffer(this.memory, port.at * 4, out, to, bytesOf(port));
      to += bytesOf(port);
    }
    gpu.queue.submit([encoder.finish()]);
    const nudge = setInterval(() => gpu.queue.submit([]), 4); // Firefox looks seldom
    await Promise.race([this.lost, out.mapAsync(GPUMapMode.READ).catch(() => this.lost)])
      .finally(() => clearInterval(nudge));
    const bytes = out.getMappedRange().slice(0);
    out.destroy();
    to = 0;
    return ports.map((port) => new Uint32Array(bytes.slice(to, to += bytesOf(port))));
  }

  dispose() {
    this.gpu?.destroy();
  }
}
