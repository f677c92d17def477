// Reads an artefact, and refuses what is damaged, newer or none.
import { ARRAYS, counts, each, must, product, toWords, wordCount } from "./views.js";

async function bytesOf(file, folder) {
  const url = new URL(file, folder);
  if (url.protocol === "file:") { // in Node
    return new Uint8Array(await (await import("node:fs/promises")).readFile(url));
  }
  const answer = await fetch(url);
  must(answer.ok, `cannot read ${url}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

export async function readArtefact(url, onProgress) {
  const folder = new URL(url, globalThis.location?.href ?? `file://${process.cwd()}/`);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  onProgress(0, "reading");
  const [file, ...others] = ["program.json", "weights.safetensors", "check.safetensors"];
  const reads = [file, ...others].map((name) => bytesOf(name, folder));
  reads.forEach((read) => read.catch(() => {})); // whoever waits hears of it
  const text = new TextDecoder().decode(await reads[0]);
  const program = within(file, () => JSON.parse(text));
  must(program?.format === "neurenix-web", `${file} is of another format`);
  const [major, minor] = program.version ?? [], { checks = {} } = program;
  must(major < 2, `${file} was written by a newer Neurenix: its version is ${major}.${minor}, this runner reads 1.x`);
  const bare = text.replace(`"program":"${checks.program}"`, '"program":""');
  within(file, () => verify(new TextEncoder().encode(bare), checks.program));
  const [weight, example] = await Promise.all(others.map(async (file, k) => {
    const bytes = await reads[k + 1];
    return within(file, () => {
      verify(bytes, [checks.weights, checks.check][k]);
      return tensors(file, bytes);
    });
  }));
  within(file, () => checkProgram(program));
  const { weights, entries, initial } = program;
  initial.push(...weights.map((port) => [port.at, toWords(port, weight(port.name, port))]));
  for (const [name, entry] of Object.entries(entries)) {
    entry.cells = weights.filter((port) => entry.state.includes(port.name));
    const of = (kind, ports) => ports.map((port) => example(`${name}/${kind}/${port.name}`, port));
    const { inputs, outputs, cells } = entry;
    entry.example = [of("inputs", inputs), [...of("outputs", outputs), ...of("state", cells)]];
  }
  return program;
}

function within(file, read) {
  try {
    return read();
  } catch (error) {
    throw new Error(`${file} is damaged: ${error.message}`);
  }
}

// By the CRC-32 of its bytes.
function verify(bytes, expected) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1));
  }
  must((~crc >>> 0).toString(16).padStart(8, "0") === expected, "its checksum is wrong");
}

// All but the steps, which the interpreter checks.
function checkProgram(program) {
  const { memory: { cpu, gpu }, weights, constants, modules, entries } = program;
  const lies = (at, count) => must(counts([cpu, gpu, at, count]) && at + count <= Math.min(cpu, gpu), "it leaves the memory");
  const port = ({ name, shape, letter, at }) => {
    must(typeof name === "string" && ARRAYS[letter] && counts(shape), "no name, dtype or shape");
    lies(at, wordCount({ shape, letter }));
  };
  each("weights", weights, port);
  program.initial = each("constants", constants, ([at, base64]) => {
    const words = new Uint32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt()).buffer);
    lies(at, words.length);
    return [at, words];
  });
  each("modules", modules, (code) => must(typeof code === "string", "it is no text"));
  for (const [name, { state, inputs, outputs, dispatches }] of Object.entries(entries)) {
    each(`${name}.inputs`, inputs, port);
    each(`${name}.outputs`, outputs, port);
    each(`${name}.state`, state, (cell) => must(weights.some((port) => port.name === cell), "no such weight"));
    each(`${name}.dispatches`, dispatches, (row) => must(counts(row, 2 ** 32 - 1) && modules[row[0]] && row.length < 67
      && row[3] && row.slice(1, 4).every((n) => n && n < 65536), "no such module or workgroups"));
  }
}

// A safetensors file, as a function that gives a port's values.
function tensors(file, bytes) {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  return (name, { letter, shape }) => within(file, () => {
    const { dtype, shape: own, data_offsets: ends } = header[name] ?? must(false, `it has no ${name}`);
    const [from, to] = ends, kinds = { f: "F32", i: "I32", u: "U32", c: "U8", b: "BOOL" };
    const size = product(shape) * ARRAYS[letter].BYTES_PER_ELEMENT;
    must(dtype === kinds[letter] && `${own}` === `${shape}` && counts(ends, bytes.length - start) && to - from === size,
      `${name} is ${dtype}[${own}] of bytes ${ends}`);
    return new ARRAYS[letter](bytes.buffer.slice(start + from, start + to));
  });
}
