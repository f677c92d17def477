"""w1 to w6 and larger cases on a GPU, beside the CPU, JAX and PyTorch, in one run.

    python benchmarks/gpu_check.py [--device cuda:0] [--seconds 1] [--limit 240]
        [--only w1,w4] [--peers jax,torch-eager] [--python jax=python3.12]

Prints one Markdown table, by how many bytes 10,000 steps fill the device's memory, and
what the slowest case spends its time on. Each step is waited for, on every side. Each
of our cases has a process of its own and each peer one, so that what fails or hangs is
in the table, and the others go on; after `limit` seconds the rest is marked so.
PyTorch's "reduce-overhead" compiles for the longest, and comes last. The exit status is
1 where losses differ from the CPU's by more than their bound, where a second run of the
same steps gives other bits, or where one of our cases failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent / "gpu"))
from asked import FORMS, Peer, applies, interpreters
from cases import CASES, bounds
from prepare import expected, write

OURS = Path(__file__).resolve().parent / "gpu" / "ours.py"
LATER = "torch-reduce"


class Check:
    def __init__(self, given):
        self.given = given
        self.end = perf_counter() + given.limit
        self.names = given.only.split(",") if given.only else CASES
        self.forms = [form for form in given.peers.split(",") if form]
        self.cells = {name: {} for name in self.names}
        self.best = {}  # milliseconds of the best peer
        self.ours = {}  # of ours
        self.failed = False

    def left(self):
        return self.end - perf_counter()

    def all(self):
        pythons = interpreters(self.forms, self.given.python)
        peers = {form: Peer(pythons[form], form) for form in self.forms}
        try:
            for name in self.names:
                file = self.file(name)
                self.measure(name, file)
                for form in self.forms:
                    if form != LATER:
                        self.ask(peers[form], form, name, file)
            for name in self.names if LATER in peers else ():
                self.ask(peers[LATER], LATER, name, self.file(name))
        finally:
            for peer in peers.values():
                peer.end()
            print(self.table(), flush=True)

    def file(self, name):
        folder = Path(self.given.cases)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.npz"
        return file if file.exists() else write(name, folder, self.given.small)

    def run(self, most, *arguments):
        """What a process of ours printed, or in a few words why there is nothing."""
        most = min(most * (5 if self.given.small else 1), self.left())
        if most < 2:
            return None, "no time left"
        command = [sys.executable, str(OURS), *arguments]
        command += ["--device", self.given.device]
        command += ["--small"] if self.given.small else []
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=most)
        except subprocess.TimeoutExpired:
            return None, f"over {most:.0f} s"
        lines = done.stderr.strip().splitlines()
        return done.stdout, lines[-1][:60] if done.returncode and lines else ""

    def measure(self, name, file):
        printed, wrong = self.run(60, name, "--seconds", str(self.given.seconds))
        cells = self.cells[name]
        if not (printed and printed.startswith("{")):
            cells["losses differ by"] = (wrong or "no answer").replace("|", "/")
            self.failed = True
            return
        told = json.loads(printed)
        off = differences(told["losses"], expected(file))
        first, later = bounds(name)
        near = off[0] <= first and max(off) <= later
        self.failed |= not (near and told["same"])
        words = f"{off[0]:.0e} to {max(off):.0e}"
        cells["losses differ by"] = words if near else f"{words} TOO MUCH"
        cells["bits twice"] = "same" if told["same"] else "DIFFER"
        cells["first call (s)"] = f"{told['first_s']:.2f}"
        if self.given.seconds:
            self.ours[name] = told["one_ms"]
            cells["step (ms)"] = f"{told['one_ms']:.3f}"
            cells["of 16 a call (ms)"] = f"{told['many_ms']:.3f}"

    def ask(self, peer, form, name, file):
        if not applies(form, name):
            return
        remaining, told = self.left(), "no time left"
        if remaining > 3:
            told = peer.ask(
                file,
                self.given.seconds,
                min(remaining, 300 if self.given.small else 60),
            )
        cell = f"{form} (ms)"
        if isinstance(told, str):
            self.cells[name][cell] = told
            return
        # the maths is the same if the first losses agree
        agrees = differences(told["losses"], expected(file))[0] < 1e-4
        other = "" if agrees else " (other loss)"
        self.cells[name][cell] = f"{told['median_ms']:.3f}{other}"
        if agrees:
            best = self.best.get(name, told["median_ms"])
            self.best[name] = min(best, told["median_ms"])

    def table(self):
        head = ["losses differ by", "bits twice", "first call (s)", "step (ms)"]
        head += ["of 16 a call (ms)", *(f"{form} (ms)" for form in self.forms)]
        rows = [f"| case | {' | '.join(head)} | times the best peer |"]
        rows.append("|---" * (len(head) + 2) + "|")
        for name, cells in self.cells.items():
            both = name in self.best and name in self.ours
            times = f"{self.best[name] / self.ours[name]:.2f}" if both else ""
            told = [cells.get(column, "") for column in head]
            rows.append(f"| {' | '.join([name, *told, times])} |")
        return "\n".join(rows)

    def more(self):
        """The device's memory over many steps, and what the slowest case does."""
        steps = 200 if self.given.small else 10_000
        for name in ("w1", "w5s1"):
            if name in self.names and self.left() > 5:
                printed, wrong = self.run(30, name, "--growth", str(steps))
                print(printed.strip() if printed else f"{name}'s memory: {wrong}")
                self.failed |= not printed or ": flat" not in printed
        if self.ours and self.left() > 5:
            slowest = max(self.ours, key=self.ours.get)
            printed, wrong = self.run(30, slowest, "--profile")
            print(f"One step of {slowest}:\n\n{printed or wrong}")


def differences(losses, wanted):
    """How far each lies from what it should be, relative to that."""
    return [abs(a - b) / abs(b) for a, b in zip(losses, wanted, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="for each figure; 0: losses and bits alone",
    )
    parser.add_argument("--limit", type=float, default=240.0, help="seconds in all")
    parser.add_argument("--only", help="cases, such as w1,w4")
    parser.add_argument("--peers", default=",".join(FORMS), help='"" for none')
    parser.add_argument("--cases", help="the folder that prepare.py has filled")
    parser.add_argument("--small", action="store_true", help="to try whether it runs")
    parser.add_argument(
        "--python", action="append", default=[], help="jax=PATH: a peer's interpreter"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given.cases = given.cases or folder
        check = Check(given)
        check.all()
        if given.seconds:
            check.more()
    agree = "not all is well" if check.failed else "losses and bits agree"
    slow = [n for n in check.ours if check.best.get(n, 1e9) < check.ours[n]]
    print(f"{agree}; slower than a peer: {', '.join(slow) or 'none'}")
    return int(check.failed)


if __name__ == "__main__":
    sys.exit(main())
