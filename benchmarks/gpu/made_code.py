"""Whether code that is made at run time gives the bits of the precompiled kernels.

    python benchmarks/gpu/made_code.py [--device cuda:0] [--only w1,w4] [--small]

The same steps run twice, each in a process of its own, with NEURENIX_GPU_CODE=0 and
with =before; their weights must be equal. It prints what a step takes with either, or
why the check is not run; the status is 1 where bits differ, where code could not be
made or was refused, and where no plan took any.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

OURS = Path(__file__).resolve().parent / "ours.py"


def told(name, given, how):
    command = [sys.executable, str(OURS), name, "--device", given.device]
    command += ["--seconds", str(given.seconds), *(["--small"] if given.small else [])]
    env = {**os.environ, "NEURENIX_GPU_CODE": how}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} with NEURENIX_GPU_CODE={how}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def faults(notes):
    """What is wrong with made code, by the notes of the device that should run it."""
    wrong = [n for n in notes if "could not be made" in n or "refused made code" in n]
    if not any(n.startswith("made code has taken over") for n in notes):
        wrong.append("no plan has run made code")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--only", default="w1,w4,w5s1")
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--small", action="store_true", help="to try whether it runs")
    given = parser.parse_args()
    words, wrong = [], []
    for name in given.only.split(","):
        kernels, code = (told(name, given, how) for how in ("0", "before"))
        for note in code["notes"]:
            if note.startswith("no code"):
                print(f"not run: {note}")
                return 0
            print(f"{name}: {note}")
        wrong += [f"{name}: {fault}" for fault in faults(code["notes"])]
        if kernels["digest"] != code["digest"]:
            wrong.append(f"{name}: other bits")
        times = [told["one_ms"] for told in (kernels, code)]
        words.append(f"{name} {times[0]:.3f} -> {times[1]:.3f} ms")
    bits = "; ".join(wrong) if wrong else "the same bits"
    print(f"{bits}; precompiled -> made: {', '.join(words)}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
