"""Wavefronts of 32, which AMD's cards for screens have, through the HIP binding: some
of the suite, in a process of its own: a fake runtime has one number of lanes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rocm_emulated import folder, require_built

require_built()
HERE = Path(__file__).parent
NARROW = folder() / "narrow"


@pytest.mark.slow
@pytest.mark.skipif(
    not NARROW.exists(), reason="the build is for another number of lanes"
)
@pytest.mark.parametrize(
    ("file", "chosen"),
    [
        ("test_rocm_conformance_programs.py", "conduct or basis"),
        (
            "test_rocm_conformance_values.py",
            "float32 and (sum or sort or dot_general or argmax)",
        ),
    ],
)
def test_it_conforms(file: str, chosen: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "", str(HERE / file)]
    done = subprocess.run(
        [*command, "-k", chosen, "-p", "no:cacheprovider"],
        env={**os.environ, "NEURENIX_ROCM_EMULATED": str(NARROW)},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
