"""The time of launches on a device, by its numbers; what they rest on stands beside.

None of them was measured here. Data sheets give the cards' peaks and bandwidths; of the
latter some 80 % is reached (H100 SXM: 3.35 TB/s on the sheet; A100: 1.56 to 2.0).
Latencies are of arXiv:2208.11174 (A100: shared memory 23 cycles, second cache 200,
memory 290) and arXiv:2402.13499 (H100: 29, 260, 480). The first measurement on a card
replaces what it contradicts: scripts/gpu_check.sh prints the times.
"""

from dataclasses import dataclass
from math import ceil

from launches import Used

# Seconds between two kernels of a graph that wait for each other: what is commonly
# reported for graphs since CUDA 12, 0.8 to 1.6 µs.
LAUNCH = 1.0e-6
# Of a kernel: three loads that wait for each other (arguments, record, operand), and
# the writes at its end, at the latency of memory.
BEGIN = 1.3e-6
# Of a task: a barrier (some 30 cycles for eight warps), the record's loads from the
# second cache, the operands' from shared memory, and an accumulation that waits for
# itself; 0.5 to 0.8 µs.
LEVEL = 0.6e-6
# To find out which block of a launch is the last: an atomic, and the wait for it.
LAST = 0.7e-6
# Of a small chain, behind another one in the same block.
TILE = 0.3e-6
# Multiply-adds a cycle of a multiprocessor's 128 lanes, where a kernel fills it: by the
# loads and multiply-adds of its inner loop in machine code (test_machine_code.py).
RATE = {
    "phynexus_level_product_large": 90,
    "phynexus_level_product_medium": 80,
    "phynexus_level_product_small": 55,
    "phynexus_level_product_tensor": 350,
}
UNKNOWN = Used(128, 0, 0)  # of a kernel that was not compiled
DIRECT = 24  # the same where operands are read where they lie


@dataclass(frozen=True)
class Device:
    """A card's data sheet: multiprocessors; clock in Hz; shared bytes of a block; bytes
    a second of memory and of the second cache; bytes that this holds; shared bytes of a
    multiprocessor."""

    name: str
    multiprocessors: int
    clock: float
    shared: int
    memory: float
    cache: float
    cache_bytes: float
    shared_in_all: int

    @property
    def peak(self):
        """Multiply-adds a second, float32."""
        return self.multiprocessors * 128 * self.clock / (2 if self.is_a100 else 1)

    @property
    def is_a100(self):
        return self.multiprocessors == 108  # 64 lanes for float32 in a multiprocessor

    def floor(self, products, moved):
        return max(products / self.peak, moved / self.memory)

    def blocks_at_once(self, launch, resources):
        """On one multiprocessor: by registers, shared memory and threads."""
        used = resources.get(launch.kernel, UNKNOWN)
        by_registers = 65536 // (ceil(used.registers / 8) * 8 * launch.threads)
        shared = launch.shared_bytes + used.shared_bytes + 1024
        by_memory = self.shared_in_all // shared
        return max(1, min(by_registers, by_memory, 2048 // launch.threads))

    def launch_time(self, launch, resources):
        at_once = self.blocks_at_once(launch, resources)
        if launch.iterations:
            return launch.repeats * self._task_time(launch, at_once)
        return launch.repeats * (BEGIN + self._level_time(launch, at_once))

    def _task_time(self, launch, at_once):
        """A task after the other in each place; of one, its levels and its work."""
        lanes = 128 / (2 if self.is_a100 else 1)
        work = sum(r.operations * r.times for r in launch.records) / 2
        shared = min(at_once, ceil(launch.iterations / self.multiprocessors))
        one = launch.levels_of_task * LEVEL + shared * work / (lanes / 4 * self.clock)
        rounds = ceil(launch.iterations / (self.multiprocessors * at_once))
        moved = 0 if launch.frame_is_shared else launch.bytes / self.cache
        return BEGIN + max(rounds * one, moved)

    def _level_time(self, launch, at_once):
        tiles = sum(r.tiles for r in launch.records if not r.in_tail)
        used = min(1.0, tiles / self.multiprocessors)
        rate = RATE.get(launch.kernel, DIRECT) / (2 if self.is_a100 else 1)
        compute = (
            launch.products
            / launch.repeats
            / (self.multiprocessors * used * rate * self.clock)
        )
        rounds = tiles / (self.multiprocessors * at_once)
        compute *= max(1.0, ceil(rounds) / rounds) if rounds > 1 else 1.0
        others = (launch.operations - 2 * launch.products) / launch.repeats
        compute += others / (self.multiprocessors * used * 32 * self.clock)
        moved = launch.bytes / launch.repeats
        speed = self.cache if moved < self.cache_bytes else self.memory
        whole = max(compute, moved / (speed * max(used, 1 / self.multiprocessors)))
        return whole + self._tail_time(launch)

    def _tail_time(self, launch):
        """Which block is the last, then its levels and tiles one after the other."""
        tail = launch.tail
        if not tail:
            return 0.0
        levels = 1 + sum(r.barrier for r in tail)
        tiles = sum(r.tiles for r in tail) - levels
        return LAST + levels * LEVEL + tiles * TILE


H100 = Device("H100", 132, 1.755e9, 227 << 10, 2.6e12, 4.5e12, 40e6, 228 << 10)
A100 = Device("A100", 108, 1.41e9, 163 << 10, 1.4e12, 3.0e12, 32e6, 164 << 10)


def time_of(plan, device, resources):
    """Of a step: launches of a level side by side, levels one after the other."""
    levels = {}
    for launch in plan.launches:
        levels.setdefault(launch.level, []).append(launch)
    total = 0.0
    for launches in levels.values():
        times = [device.launch_time(x, resources) for x in launches]
        # side by side, but they share the device
        total += LAUNCH * max(x.repeats for x in launches)
        total += max(max(times), sum(times) - BEGIN * (len(times) - 1))
    return total
