"""What an artefact says of itself: TypeScript's types of its inputs and outputs, and
how to call it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from neurenix.exporting import EntryPoint, Exported, Port

_ARRAYS = {
    "float32": "Float32Array",
    "int32": "Int32Array",
    "uint32": "Uint32Array",
    "uint8": "Uint8Array",
    "bool": "Uint8Array",
}

_TYPES = """\
/** Row-major. */
export type Tensor<Values, Shape> = Values & {{ readonly shape: Shape }};
/** An output kept on the device. */
export interface Kept<T> {{
  readonly shape: readonly number[];
  read(): Promise<T>;
  dispose(): void;
}}
type Given<I> = {{ [P in keyof I]: I[P] | Kept<unknown> }};
type Made<O, K> = {{ [P in keyof O]: P extends K ? Kept<O[P]> : O[P] }};
interface Options<K> {{ keep?: true | readonly K[] }}
export interface Inputs {{
{inputs}
}}
export interface Outputs {{
{outputs}
}}
export interface Model {{
{run}
  readonly device: "webgpu" | "cpu";
  readonly deviceName: string;
  /** Why not WebGPU. */
  readonly reason: string | null;
  /** The largest relative error in the examples. */
  check(): Promise<number>;
  dispose(): void;
}}
export function load(url: string | URL, options?: {{
  device?: "auto" | "webgpu" | "cpu";
  onProgress?: (done: number, what: string) => void;
}}): Promise<Model>;
"""

_READ_ME = """\
# A program of Neurenix, for browsers and Node

This folder needs nothing else. Serve it with the page, and call it:

```js
import {{ load }} from "./neurenix.js";
const model = await load(new URL("./", import.meta.url));
{calls}
```

Inputs are typed arrays, or lists, in row-major order; outputs are typed arrays with a
`shape`. Elements of dtype bool are 0 or 1. An argument more, `{{ keep: true }}` or
`{{ keep: ["name"] }}`, leaves outputs on the device, as inputs of other calls.

{tables}
`model.device` says whether WebGPU or the CPU computes; `load(url, {{ device: "cpu" }})`
chooses. `await model.check()` compares it with Neurenix in Python on an example.
Made by {device}.
"""


def declarations(entries: tuple[EntryPoint, ...]) -> str:
    """neurenix.d.ts."""
    return _TYPES.format(
        inputs="\n".join(_interface(e, e.inputs, True) for e in entries),
        outputs="\n".join(_interface(e, e.outputs, False) for e in entries),
        run="\n".join(_run_types(entries)),
    )


def _interface(entry: EntryPoint, ports: Iterable[Port], given: bool) -> str:
    lines = [f"  {entry.name}: {{"]
    for port in ports:
        shape = list(port.type.shape)
        array = _ARRAYS[port.type.dtype.name]
        kind = "ArrayLike<number>" if given else f"Tensor<{array}, {json.dumps(shape)}>"
        lines.append(f"    /** {port.type.dtype.name}{shape} */")
        lines.append(f"    {json.dumps(port.name)}: {kind};")
    return "\n".join([*lines, "  };"])


def _run_types(entries: tuple[EntryPoint, ...]) -> Iterable[str]:
    if len(entries) == 1:
        yield from _run_type(json.dumps(entries[0].name), "")
    yield from _run_type("N", "entry: N, ")


def _run_type(name: str, first: str) -> Iterable[str]:
    """run without options, and with outputs that are kept."""
    of_entry = "N extends keyof Inputs" if first else ""
    generic = f"<{of_entry}>" if first else ""
    yield f"  run{generic}({first}inputs: Given<Inputs[{name}]>):"
    yield f"    Promise<Outputs[{name}]>;"
    both = ", ".join(filter(None, (of_entry, f"K extends keyof Outputs[{name}]")))
    yield f"  run<{both}>({first}inputs: Given<Inputs[{name}]>, options: Options<K>):"
    yield f"    Promise<Made<Outputs[{name}], K>>;"


def read_me(exported: Exported) -> str:
    """README.md."""
    entries = exported.entry_points
    return _READ_ME.format(
        calls="\n".join(_call(e, len(entries) > 1) for e in entries),
        tables="\n".join(_table(e) for e in entries),
        device=f"Neurenix on {exported.device}",
    )


def _call(entry: EntryPoint, several: bool) -> str:
    inputs = ", ".join(json.dumps(p.name) + ": …" for p in entry.inputs)
    name = f"{json.dumps(entry.name)}, " if several else ""
    return f"const {entry.name}Results = await model.run({name}{{ {inputs} }});"


def _table(entry: EntryPoint) -> str:
    rows = [
        *((p, "input") for p in entry.inputs),
        *((p, "output") for p in entry.outputs),
    ]
    return "\n".join(
        [
            f"`{entry.name}`",
            "",
            "| name | | dtype | shape |",
            "|---|---|---|---|",
            *(
                f"| `{p.name}` | {what} | {p.type.dtype.name} | {list(p.type.shape)} |"
                for p, what in rows
            ),
            "",
        ]
    )
