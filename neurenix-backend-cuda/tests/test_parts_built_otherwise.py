"""The C++ tests of the engine's parts as no release builds them: under sanitizers, and
with the 64 lanes of AMD's cards. By night, since each is a build of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cuda_emulated import ROOT

pytestmark = pytest.mark.nightly  # minutes each
SANITIZED = ("-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1")
KINDS = {
    # each thread of a block is one to it: a missing barrier is a race
    "races": ("-DPHYNEXUS_SANITIZE=thread", *SANITIZED),
    "addresses": ("-DPHYNEXUS_SANITIZE=address,undefined", *SANITIZED),
    "lanes-64": ("-DPHYNEXUS_LANES=64",),
}


@pytest.mark.parametrize("kind", KINDS)
def test_parts(kind: str) -> None:
    """The folder of the build stays: the next time only what has changed is built."""
    folder = ROOT / "build" / f"cuda-emulated-{kind}"
    tools = Path(sys.executable).parent
    paths = f"{tools}{os.pathsep}{os.environ['PATH']}"

    def run(tool: str, *words: str) -> None:
        done = subprocess.run(
            [shutil.which(tool, path=paths) or tool, *words],
            env={**os.environ, "PATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]

    product = ("-DPHYNEXUS_PRODUCT=OFF", "-DPHYNEXUS_TESTS=ON")
    source = str(ROOT / "neurenix-backend-cuda")
    run("cmake", "-S", source, "-B", str(folder), "-G", "Ninja", *product, *KINDS[kind])
    run("cmake", "--build", str(folder))
    run("ctest", "--test-dir", str(folder), "--output-on-failure")
