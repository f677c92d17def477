// Reads an artefact, and refuses what is damaged, newer or none.
import { ARRAYS, counts, each, must, product, toWords, within, wordCount } from "./views.js";

async function bytesOf(file, folder) {
  const url = new URL(file, folder), reader = { "file:": "node:fs/promises" }[url.protocol]; // so no bundler looks
  if (reader) return new Uint8Array(await (await import(/* webpackIgnore: true */ reader)).readFile(url));
  const answer = await fetch(url);
  must(answer.ok, `cannot read ${url}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

export async function readArtefact(url, onProgress) {
  const folder = new URL(url, globalThis.location?.href ?? `file://${process.cwd()}/`);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  onProgress(0, "reading");
  const files = ["program.json", "weights.safetensors", "check.safetensors"], [file, ...others] = files;
  const reads = files.map((name) => bytesOf(name, folder));
  Promise.all(reads).catch(() => {}); // whoever waits hears of it
  const bytes = await reads[0], damaged = `${file} is damaged`;
  const program = within(damaged, () => JSON.parse(new TextDecoder().decode(bytes)));
  must(program?.format === "neurenix-web", `${file} is of another format`);
  const { version: [major, minor] = [], check, checks = [] } = program;
  must(major < 2, `${file} was written by a newer Neurenix: its version is ${major}.${minor}, this runner reads 1.x`);
  within(damaged, () => verify(bytes.subarray(20), check)); // behind {"check":1234567890,
  const values = await Promise.all(others.map(async (other, k) => {
    const bytes = await reads[k + 1];
    within(`${other} is damaged`, () => verify(bytes, checks[k]));
    return ({ letter, shape }, from) => {
      const size = product(shape) * ARRAYS[letter].BYTES_PER_ELEMENT;
      must(counts([from], bytes.length - size), `${other} is too short`);
      return new ARRAYS[letter](bytes.buffer.slice(from, from + size));
    };
  }));
  within(damaged, () => checkProgram(program, ...values));
  return program;
}

// By CRC-32.
function verify(bytes, sum) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1));
  }
  must(~crc >>> 0 === sum, "its checksum is wrong");
}

// All but the steps, which the interpreter checks.
function checkProgram(program, weight, value) {
  const { memory: { cpu, gpu }, weights, modules, entries } = program;
  must(counts([cpu, gpu]), "no memory");
  const checked = (port) => {
    const { name, shape, letter, at } = port;
    must(typeof name === "string" && ARRAYS[letter] && counts(shape), "no name, dtype or shape");
    must(counts([at]) && at + wordCount(port) <= Math.min(cpu, gpu), "it leaves the memory");
    return port;
  };
  program.initial = each("weights", weights, (port) => [port.at, toWords(checked(port), weight(port, port.from))]);
  each("modules", modules, (code) => must(typeof code === "string", "it is no text"));
  for (const [name, entry] of Object.entries(entries)) {
    const ports = ["inputs", "outputs", "state"].flatMap((kind) => each(`${name}.${kind}`, entry[kind], checked));
    entry.example = each(`${name}.example`, ports, (port, k) => value(port, entry.example[k]));
    each(`${name}.dispatches`, entry.dispatches, (row) => must(counts(row, 2 ** 32 - 1) && modules[row[0]]
      && row[3] && row.length < 67 && row.slice(1, 4).every((n) => n && n < 65536), "no such module or workgroups"));
  }
}
