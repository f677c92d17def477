// Reads an artefact, and refuses what is damaged, newer or none.
import { ARRAYS, toWords } from "./views.js";

const damaged = (file, what) => {
  throw new Error(`${file} is damaged: ${what}`);
};

async function bytesOf(file, folder) {
  const url = new URL(file, folder);
  if (url.protocol === "file:") { // in Node
    return new Uint8Array(await (await import("node:fs/promises")).readFile(url));
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`cannot read ${url}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

export async function readArtefact(url, onProgress) {
  const folder = new URL(url, globalThis.location?.href ?? `file://${process.cwd()}/`);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  onProgress(0, "reading the program");
  const file = "program.json", text = new TextDecoder().decode(await bytesOf(file, folder));
  const program = parsed(text, file), { checks = {} } = program;
  const bare = text.replace(`"program":"${checks.program}"`, '"program":""');
  verify(file, new TextEncoder().encode(bare), checks.program);
  onProgress(0.1, "reading the weights");
  const [weights, examples] = await Promise.all(["weights", "check"].map(async (name) => {
    const bytes = await bytesOf(`${name}.safetensors`, folder);
    verify(`${name}.safetensors`, bytes, checks[name]);
    return tensors(bytes);
  }));
  const initial = [
    ...program.weights.map((port) => [port.at, toWords(port, stored(port, weights[port.name]))]),
    ...program.constants.map(([at, base64]) =>
      [at, new Uint32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt()).buffer)]),
  ];
  return { ...program, initial, examples };
}

// By the CRC-32 of its bytes.
function verify(file, bytes, expected) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1));
  }
  if ((~crc >>> 0).toString(16).padStart(8, "0") !== expected) damaged(file, "its checksum is wrong");
}

function parsed(text, file) {
  let program;
  try {
    program = JSON.parse(text);
  } catch (error) {
    damaged(file, error.message);
  }
  if (program?.format !== "neurenix-web") throw new Error(`${file} is of another format`);
  const [major, minor] = program.version ?? [];
  if (major > 1) {
    throw new Error(`${file} was written by a newer Neurenix: its version is ${major}.${minor}, `
      + "this runner reads 1.x");
  }
  return program;
}

export const stored = ({ letter }, buffer) => new ARRAYS[letter](buffer);

// The bytes of a safetensors file's tensors.
function tensors(bytes) {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  return Object.fromEntries(Object.entries(header).map(([name, { data_offsets }]) =>
    [name, bytes.buffer.slice(...data_offsets.map((offset) => start + offset))]));
}
