"""The code that is made at run time is hipRTC's language: HIP, without the headers of C
and C++. A compiler of ROCm's kind reads it in hipRTC's way; nothing is linked or runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cuda_emulated
import pytest
from device_for_a_while import device_for_a_while
from vendor_compilers import needs_compilers

import neurenix as nx

# the text is the same for both vendors, and the helpers are the CUDA engine's
DEVICE = cuda_emulated.register()

from captured_plan import captured_plan, made_source  # noqa: E402

sys.path.insert(0, str(cuda_emulated.ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]  # noqa: E402

CLANG = next(filter(None, (shutil.which(f"clang++-{n}") for n in (15, 14, 13))), None)
HEADERS = Path(os.environ.get("ROCM_PATH", "/usr")) / "include/hip"


@pytest.mark.slow
@needs_compilers(
    "amd",
    ""
    if CLANG and HEADERS.exists()
    else f"HIP's headers in {HEADERS} and their clang are not there",
)
@pytest.mark.parametrize("architecture", ["gfx90a", "gfx1030"])
def test_hiprtc_would_read_it(tmp_path: Path, architecture: str) -> None:
    with device_for_a_while(DEVICE):
        workload = case("w1")
        batch = [nx.tensor(array) for array in workload.batch()]
        text = made_source(captured_plan(workload.step, batch))
    (tmp_path / "made.hip").write_text(text)
    (tmp_path / "include").mkdir()
    (tmp_path / "include/hip").symlink_to(HEADERS)
    command = [str(CLANG), "-x", "hip", "--cuda-device-only", "-fsyntax-only"]
    command += [f"--offload-arch={architecture}", "-std=c++20", "-ffp-contract=off"]
    # as hipRTC: its own headers are there before, and those of the system are not
    command += ["-D__HIPCC_RTC__", "-D__HIP_PLATFORM_AMD__", "-nogpulib", "-nogpuinc"]
    command += ["-nostdinc++", "-nostdlibinc", "-isystem", str(tmp_path / "include")]
    command += ["-include", "__clang_hip_runtime_wrapper.h"]
    command += ["-include", "hip/hip_runtime.h", "made.hip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
