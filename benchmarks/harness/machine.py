"""The machine and what it can do at most, measured in the same run."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib import metadata
from typing import Any

from .forms import Form
from .peers import Peers

Facts = dict[str, Any]
PACKAGES = {"jax": "jax", "torch": "torch", "mlx": "mlx"}


def cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(
                line.split(":", 1)[1].strip() for line in lines if "model name" in line
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    return round(os.getloadavg()[0], 2)


def peaks(program: str) -> Facts:
    """What peaks.cpp measures."""
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def higher(one: Facts, other: Facts) -> Facts:
    """The best of two measurements, for the machine may have been busy in either."""
    return {
        **one,
        **{k: max(one[k], other[k]) for k in ("gflops_one", "gflops_all")},
        "bandwidth": [
            [size, max(a, b)]
            for (size, a), (_, b) in zip(one["bandwidth"], other["bandwidth"])
        ],
    }


def bandwidth(measured: Facts, nbytes: int) -> float:
    """GB/s at the smallest size measured that holds so many bytes, else the largest."""
    for size, rate in measured["bandwidth"]:
        if size >= nbytes:
            return rate
    return measured["bandwidth"][-1][1]


def versions(peers: Peers | None) -> dict[str, str]:
    import neurenix

    found = {
        "neurenix": neurenix.__version__,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
    }
    for environment, package in PACKAGES.items() if peers else ():
        form = Form(environment, environment, "")
        if peers and peers.installed(form):
            code = f"import importlib.metadata as m; print(m.version({package!r}))"
            command = [peers.python(form), "-c", code]
            done = subprocess.run(command, capture_output=True, text=True)
            if not done.returncode:
                found[package] = done.stdout.strip()
    return found


def describe(peers: Peers | None, load_before: float) -> Facts:
    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M"),
        "load_before": load_before,
        "load_after": load(),
        "versions": versions(peers),
    }
