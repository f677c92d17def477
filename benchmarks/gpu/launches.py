"""The launches of a compiled function, as the GPU engine's lowering makes them, with
operations and bytes of each instruction that they run."""

import ctypes
import os
import sys
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from neurenix.backends import discovery

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(
    0, str(Path(__file__).resolve().parents[2] / "neurenix-backend-cuda" / "tests")
)
from captured_plan import captured_plan
from emulated_engine import CUDA
from kernel_resources import Used, resources_of

__all__ = ["Counted", "Listing", "Used", "listed_on", "resources_of"]

ITEM = (4, 8, 2, 2, 4, 8, 1, 4, 1)  # bytes, by phx_dtype
FUSED, DOT, CONVOLUTIONS, INPUT_GRADIENT = 130, 80, (81, 82, 83), 82
CHAINS = {"fused", "fused_wide"}
THREADS = 256  # of a block
# Handlers of later phases, and of loops: what their instruction costs is counted once.
LATER = {
    "product_sum",
    "begin_loop",
    "advance_loop",
    "move_bytes",
    "sum_terms",
}


@dataclass
class Record:
    """A record: the instruction that it is of, how many tiles, how often a task runs
    it, through how many runs of elements a chain goes; of its instruction all products
    (multiply-adds), operations and bytes, divided among the records that the
    instruction has. In a tail: run by the last block of its launch."""

    handler: str
    instruction: int
    tiles: int
    barrier: bool
    times: int
    units: int
    in_tail: bool
    products: float = 0.0
    operations: float = 0.0
    bytes: float = 0.0


@dataclass
class Launch:
    kernel: str
    blocks: int
    threads: int
    shared_bytes: int
    level: int
    repeats: int
    iterations: int  # of a map's tasks; 0: none
    frame_is_shared: bool
    records: list[Record] = field(default_factory=list)

    @property
    def each(self):
        """How often its records run, over all tasks."""
        return self.repeats * max(self.iterations, 1)

    @property
    def products(self):
        return self.each * sum(r.products * r.times for r in self.records)

    @property
    def operations(self):
        return self.each * sum(r.operations * r.times for r in self.records)

    @property
    def bytes(self):
        return self.each * sum(r.bytes * r.times for r in self.records)

    @property
    def levels_of_task(self):
        """Barriers that a task meets, and its end."""
        if not self.iterations:
            return 0
        return 1 + sum(r.times for r in self.records if r.barrier)

    @property
    def tail(self):
        return [r for r in self.records if r.in_tail]


@dataclass
class Counted:
    launches: list[Launch]
    state_bytes: int  # of what goes in and out: weights, optimizer, batch
    scratch_bytes: int

    @property
    def products(self):
        return sum(launch.products for launch in self.launches)

    @property
    def operations(self):
        return sum(launch.operations for launch in self.launches)

    @property
    def bytes(self):
        return sum(launch.bytes for launch in self.launches)


class Listing:
    """Lists launches for a device of so many multiprocessors, in one process for one
    device: the fake driver says that it is that one, so that core chooses for it."""

    def __init__(self, device):
        numbers = f"multiprocessors={device.multiprocessors},shared={device.shared}"
        os.environ["PHYNEXUS_FAKE_CUDA"] = numbers
        self.device = CUDA.register()
        self.target = device
        backend = discovery.backend(self.device)
        declared = backend.capabilities(0)
        assert declared.tasks is not None
        # the emulator's blocks are of fewer threads
        tasks = replace(declared.tasks, lanes=THREADS)
        backend.capabilities = lambda index: replace(declared, tasks=tasks)
        self.function = ctypes.CDLL(str(CUDA.library())).phynexus_list_launches
        self.function.restype = ctypes.c_char_p
        self.function.argtypes = [ctypes.c_void_p] + 4 * [ctypes.c_int32]

    def of(self, compiled, batch):
        """The launches of a compiled function on these inputs; it is compiled, and does
        not run."""
        plan = captured_plan(compiled, batch)
        target = self.target
        text = self.function(
            plan.address, plan.state, target.multiprocessors, target.shared, 0
        )
        launches, scratch = read(text.decode())
        encoded = plan.encoded
        count(launches, encoded)
        moved = int(encoded.input_bytes.sum() + encoded.output_bytes.sum())
        return Counted(launches, moved, scratch)


def listed_on(device):
    return Listing(device)


def read(text):
    """The launches of a listing, and its bytes of scratch; see
    neurenix-backend-cuda/cpp/list_launches.cpp."""
    launches = []
    scratch = 0
    for line in text.splitlines():
        kind, name, *numbers = line.split()
        if kind == "error":
            raise RuntimeError(text)
        if kind == "scratch":
            scratch = int(name)
            continue
        numbers = [int(n) for n in numbers]
        if kind == "launch":
            *sizes, shared = numbers
            launches.append(Launch(name, *sizes, bool(shared)))
        else:
            instruction, tiles, barrier, times, units = numbers
            in_tail = kind == "tail"
            record = Record(
                name, instruction, tiles, bool(barrier), times, units, in_tail
            )
            launches[-1].records.append(record)
    return launches, scratch


def count(launches, encoded):
    """Fills in what the records cost. The passes of a chain (over what is reduced, over
    the sums of its parts) share by what they go through."""
    passes = {}
    for launch in launches:
        for r in launch.records:
            passes.setdefault(r.instruction, {})[r.handler, r.units] = r.units
    for launch in launches:
        for r in launch.records:
            if r.handler in LATER:
                continue
            share = 1 / records_of(encoded, r.instruction)
            if r.handler in CHAINS:
                share = r.units / sum(passes[r.instruction].values())
            products, operations, moved = cost_of(encoded, r.instruction)
            r.products = products * share
            r.operations = operations * share
            r.bytes = moved * share


def records_of(encoded, index):
    """How many records share what an instruction costs: of the gradient of a strided
    convolution there is one for each residue."""
    x = encoded.instructions[index]
    if int(x["opcode"]) != INPUT_GRADIENT:
        return 1
    _, down, right = encoded.params[x["first_param"] : x["first_param"] + 3]
    out = encoded.values[encoded.operands[x["first_operand"] + 2]]
    *_, height, width = shape(out)
    return max(1, min(int(down), height) * min(int(right), width))


def cost_of(encoded, index):
    """Multiply-adds, operations (two for each of those) and bytes of an instruction."""
    x = encoded.instructions[index]
    first, inputs, outputs = (int(x[n]) for n in ("first_operand", "inputs", "outputs"))
    operands = encoded.operands[first : first + inputs + outputs]
    values = [encoded.values[k] for k in operands if k >= 0]
    moved = sum(distinct(v) * ITEM[v["dtype"]] for v in values)
    params = encoded.params[x["first_param"] : x["first_param"] + x["params"]]
    opcode = int(x["opcode"])
    if opcode == DOT:
        batch, m = int(params[0]), int(params[1])
        terms = prod(shape(values[0])[batch + m :])
        products = prod(shape(values[2])) * terms
        return products, 2 * products, moved
    if opcode in CONVOLUTIONS:
        batch = int(params[0])
        weight = shape(values[2 if opcode == 83 else 1])
        out = shape(values[{81: 2, 82: 0, 83: 1}[opcode]])
        products = prod(out) * prod(weight[batch + 1 :])
        return products, 2 * products, moved
    if opcode == FUSED:
        rank = int(params[3])
        space = prod(int(n) for n in params[4 : 4 + rank])
        return 0, space * max(int(params[0]), 1), moved
    return 0, sum(prod(shape(v)) for v in values[:1]), moved


def shape(value):
    return [int(n) for n in value["shape"][: value["rank"]]]


def distinct(value):
    """Elements of a value that lie apart: an axis of stride 0 counts once."""
    rank = int(value["rank"])
    axes = zip(value["shape"][:rank], value["strides"][:rank], strict=True)
    return prod(int(n) if stride or not n else 1 for n, stride in axes)
