"""The stages of scripts/gpu_check.sh, which says what they are for."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).resolve().parent))
import environment
from environment import ROOT
from stage import Stages, end_group

GPU = "benchmarks/gpu"
FIRST_USE = (
    "import sys, neurenix as nx; nx.ones(2, device=sys.argv[1]).numpy(); "
    "print('the device computes')"
)
SMALL_SUITE = "test_forward and dot and float32"  # of a rehearsal


class Both:
    """Prints, and keeps what was printed."""

    def __init__(self, *files: TextIO) -> None:
        self.files = files

    def write(self, text: str) -> int:
        for file in self.files:
            file.write(text)
        return len(text)

    def flush(self) -> None:
        for file in self.files:
            file.flush()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stages end with it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--type", default="cuda", help="or rocm")
    parser.add_argument("--carry", action="store_true", help="fetch what is needed")
    parser.add_argument("--installed", action="store_true", help="build nothing")
    parser.add_argument("--rehearse", action="store_true", help="without a GPU")
    parser.add_argument("--output", type=Path, help="a folder (build/cuda-check)")
    parser.add_argument("--only", help="of the cases, such as w1,w4")
    parser.add_argument("--long", action="store_true", help="and train for minutes")
    given = parser.parse_args()
    os.chdir(ROOT)
    if given.carry:
        return environment.carry(sys.executable)
    word = "rehearsal" if given.rehearse else "check"
    folder = (given.output or ROOT / "build" / f"{given.type}-{word}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept = folder.with_suffix(".txt")
    with open(kept, "w") as file, redirect_stdout(Both(sys.stdout, file)):
        check = Check(given, folder)
        try:
            check.all()
        finally:
            check.end(kept)
    return 0 if check.stages.passed else 1


class Check:
    """One run of all stages."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given, self.folder, self.type = given, folder, given.type
        # a rehearsal may share its processors, and shows that everything runs
        slack = 5.0 if given.rehearse else 1.0
        limit = float(os.environ.get("LIMIT", "470")) * slack
        self.stages = Stages(folder, limit, slack)
        self.python = sys.executable
        if not given.installed:
            self.python = str(folder / "venv" / "bin" / "python")
        self.device = f"{self.type}:0"
        self.env = self.environment()
        self.small = ["--small"] if given.rehearse else []
        self.only = ["--only", given.only] if given.only else []
        self.warming: subprocess.Popen[bytes] | None = None

    def environment(self) -> Mapping[str, str]:
        env = dict(os.environ)
        # what peers compile is kept until they are measured, and no longer
        env["JAX_COMPILATION_CACHE_DIR"] = str(self.folder / "jax")
        env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        env["TORCHINDUCTOR_CACHE_DIR"] = str(self.folder / "torch")
        env["NEURENIX_CACHE"] = str(self.folder / "cache")
        if self.given.rehearse:
            place = ROOT / "build" / f"{self.type}-emulated"
            driver = place / ("driver" if self.type == "cuda" else "runtime")
            env["NEURENIX_REHEARSAL"] = str(place)
            env["LD_LIBRARY_PATH"] = _first(driver, env.get("LD_LIBRARY_PATH"))
            env["PYTHONPATH"] = _first(
                ROOT / "scripts" / "rehearsal", env.get("PYTHONPATH")
            )
            compiler = "nvrtc" if self.type == "cuda" else "hiprtc"
            env[f"NEURENIX_{compiler.upper()}"] = str(
                place / f"libphynexus_fake_{compiler}.so"
            )
            env["PHYNEXUS_FAKE_COMPILER_FOLDER"] = str(self.folder)
            blas = "cublas" if self.type == "cuda" else "rocblas"
            env[f"NEURENIX_{blas.upper()}"] = str(place / f"libphynexus_fake_{blas}.so")
        elif self.type == "cuda":
            # these come with nvcc or with PyTorch, and the loader may not know them
            nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
            homes = [Path(nvcc).resolve().parents[1]] if nvcc else []
            for name in ("nvrtc", "cublas"):
                places = homes, [Path(folder) for folder in sys.path]
                if found := environment.nvidias(f"lib{name}.so.13", *places):
                    env.setdefault(f"NEURENIX_{name.upper()}", str(found))
        return env

    def all(self) -> None:
        self.machine()
        if not self.given.installed and not self.build():
            return
        run, python = self.stages.run, self.python
        without_code = {**self.env, "NEURENIX_GPU_CODE": "0"}
        doctor = [python, "-m", "neurenix", "doctor", self.type]
        # a card that the build has no machine code for compiles it now
        first = [python, "-c", FIRST_USE, self.device]
        usable = run("first use", 200, first, self.env)
        # which says why, where it is not; what follows would choose another device
        if not run("doctor", 40, doctor, self.env, shown=12) or not usable:
            return
        for name in ("maml", "prototypical"):
            program = [python, f"tests/quickstart/{name}.py"]
            run(f"quick start {name}", 40, program, self.env)
        self.suite(without_code)
        if self.type == "cuda":
            self.sanitizers({**without_code, "NEURENIX_GPU_GUARD": "1"})
        run(
            *("code made at run time", 60),
            [python, f"{GPU}/made_code.py", *self.cases()],
            *(self.env, 150),
        )
        products = [python, f"{GPU}/library_products.py", *self.small]
        run("large products", 60, [*products, "--device", self.device], self.env)
        self.end_warming()
        self.workloads()
        if self.type == "cuda":
            fault = [python, f"{GPU}/after_fault.py", "--device", self.device]
            run("after a fault", 30, fault, self.env)
        if self.given.long:
            self.long()

    def machine(self) -> None:
        commit = ["git", "rev-parse", "--short", "HEAD"]
        asked = ["rocminfo"]
        if self.type == "cuda":
            asked = ["nvidia-smi", "--format=csv,noheader"]
            asked += ["--query-gpu=name,driver_version,memory.total"]
        lines = [f"== {platform.platform()}, Python {platform.python_version()}"]
        lines[0] += f", {os.cpu_count()} cores, commit {_said(commit)}"
        said = _said(asked)
        if self.type == "rocm":
            said = "\n".join(
                line.strip()
                for line in said.splitlines()
                if "Marketing Name" in line or "gfx" in line
            )
        print("\n".join([*lines, said or f"{asked[0]} does not answer"]), flush=True)

    def build(self) -> bool:
        """The CPU's engine and the GPU's side by side; the peers begin to compile as
        soon as the first is there."""
        script = [sys.executable, "scripts/gpu_stages/environment.py", sys.executable]
        script.append(str(self.folder / "venv"))
        if not self.stages.run("environment", 60, script, self.env):
            return False
        gpu, cpu = (
            self.stages.begin(
                f"build {package}",
                most,
                [*script, f"neurenix-backend-{package}"],
                self.env,
            )
            for package, most in ((self.type, 270), ("cpu", 200))
        )
        ready = cpu is not None and self.stages.finish(cpu)
        if ready:
            self.warm()
        return gpu is not None and self.stages.finish(gpu) and ready

    def warm(self) -> None:
        """Lets the peers compile what they will run, beside the stages until then."""
        command = [self.python, f"{GPU}/prepare.py", str(self.folder / "cases")]
        with open(self.folder / "prepare.txt", "wb") as output:
            self.warming = subprocess.Popen(
                [*command, *self.small, *self.only, "--warm", *self.peers()],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def peers(self) -> list[str]:
        """Which interpreters the peers are run by."""
        pairs = (
            (peer, os.environ.get(f"{peer.upper()}_PYTHON", sys.executable))
            for peer in ("jax", "torch")
        )
        return [f"--python={peer}={python}" for peer, python in pairs]

    def cases(self) -> list[str]:
        return ["--device", self.device, *self.small, *self.only]

    def suite(self, env: Mapping[str, str]) -> None:
        """With the plugins that it needs: what others of the machine's do or warn of is
        none of ours."""
        env = {**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-p", "neurenix_pytest", "-o", "addopts="]
        command += ["-o", "filterwarnings=default"]
        if self.has("_hypothesis_pytestplugin"):
            command += ["-p", "_hypothesis_pytestplugin"]
        if self.has("xdist"):
            command += ["-p", "xdist", "-n", str(min(8, os.cpu_count() or 1))]
        command += ["--pyargs", "neurenix.testing.suite", "--nx-device", self.type]
        if self.given.rehearse:
            command += ["-k", SMALL_SUITE]
        self.stages.run("conformance suite", 120, command, env, keep=130)

    def has(self, module: str) -> bool:
        """Whether the environment has it."""
        found = (
            f"import importlib.util as u; print(u.find_spec({module!r}) is not None)"
        )
        return _said([self.python, "-c", found]) == "True"

    def sanitizers(self, env: Mapping[str, str]) -> None:
        """Of a small network, of convolutions, and of a product with each kind of tile;
        each tensor has memory of its own, so that what leaves it is seen."""
        device = ["--device", self.device]
        products = [f"{GPU}/products.py", *device]
        w1 = [f"{GPU}/ours.py", "w1", *device, "--seconds", "0"]
        w5s1 = [f"{GPU}/ours.py", "w5s1", "--small", *device, "--seconds", "0"]
        if self.given.rehearse:
            self.stages.run("products", 60, [self.python, *products], env)
            return
        found = shutil.which("compute-sanitizer") or shutil.which(
            "/usr/local/cuda/bin/compute-sanitizer"
        )
        for name, program in (
            ("memcheck w1", w1),
            ("memcheck w5s1", w5s1),
            ("memcheck products", products),
            ("racecheck w1", w1),
            ("racecheck products", products),
        ):
            if not found:
                self.stages.note(name, "not run: compute-sanitizer is not on the PATH")
                continue
            tool = name.split()[0]
            command = [found, "--tool", tool, "--error-exitcode", "1", self.python]
            self.stages.run(name, 45, [*command, *program], env, keep=140)

    def workloads(self) -> None:
        command = [self.python, "benchmarks/gpu_check.py", *self.cases()]
        command += ["--cases", str(self.folder / "cases"), *self.peers()]
        left = self.stages.left() - 20  # for what comes after it
        command += ["--limit", f"{left - 15:.0f}"]
        if self.given.rehearse:
            command += ["--seconds", "0.05"]
        self.stages.run("workloads", left - 5, command, self.env, shown=60)

    def long(self) -> None:
        """What takes minutes; the table so far is kept first."""
        print(self.stages.table(), flush=True)
        self.stages.end += 3600
        command = [self.python, "benchmarks/gpu/omniglot.py", "--device", self.device]
        command += ["--folder", str(self.folder / "omniglot")]
        command += ["--iterations", "2"] if self.given.rehearse else []
        self.stages.run("Omniglot by MAML", 3500, command, self.env)

    def end_warming(self) -> None:
        if self.warming is not None:
            end_group(self.warming)
            self.warming = None

    def end(self, kept: Path) -> None:
        self.end_warming()
        self.stages.end_begun()
        print(f"\n{self.stages.table()}")
        measured = self.folder / "workloads.txt"
        if measured.exists():
            lines = measured.read_text().splitlines()
            print("\n" + "\n".join(line for line in lines if line.startswith("|")))
        print(f"\n== all of this is {kept}, what stages wrote is {self.folder}/*.txt")


def _first(folder: Path, others: str | None) -> str:
    return os.pathsep.join([str(folder), *([others] if others else [])])


def _said(command: list[str]) -> str:
    """What a command prints; nothing where it is not there or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
