"""What a user is told of devices that are absent, broken, full or lost: small programs
over fake drivers. Each error says what, where, and what to do, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulated_engine import CUDA, ROCM, EmulatedEngine, run

# Asks for a device, and says how that ended; then works on another.
ASK = """
import sys, warnings
import neurenix as nx
before = nx.init({"device": "cpu"})
try:
    nx.init({"device": sys.argv[1]})
except nx.errors.DeviceError as error:
    print(type(error).__name__, error)
assert nx.current_device() is before and (nx.ones(2) + 1).tolist() == [2, 2]
assert nx.init({"device": "cpu"}) is before
"""

ABSENT, BROKEN = "DeviceError", "BackendError"
ASKED = {
    "no card is wanted": (
        CUDA,
        {"CUDA_VISIBLE_DEVICES": ""},
        (ABSENT, "no NVIDIA GPU is wanted: CUDA_VISIBLE_DEVICES=''", "unset it"),
    ),
    "no card is left": (
        CUDA,
        {"PHYNEXUS_FAKE_CUDA": "devices=0", "CUDA_VISIBLE_DEVICES": "4"},
        (BROKEN, "finds no GPU with CUDA_VISIBLE_DEVICES='4'", "-1 for none"),
    ),
    "an old driver": (
        CUDA,
        {"PHYNEXUS_FAKE_CUDA": "version=12040"},
        (BROKEN, "CUDA 12.4", "CUDA 13.0", "update the driver"),
    ),
    "an old card": (
        CUDA,
        {"PHYNEXUS_FAKE_CUDA": "architecture=75"},
        (BROKEN, "Emulated GPU 0", "7.5", "8.0", "CUDA_VISIBLE_DEVICES chooses"),
    ),
    "a count that fails": (
        CUDA,
        {"PHYNEXUS_FAKE_CUDA": "fail=cuDeviceGetCount:1:999"},
        (BROKEN, "cuDeviceGetCount gave", "(999)", "nvidia-smi"),
    ),
    "none of AMD's is left": (
        ROCM,
        {"PHYNEXUS_FAKE_CUDA": "devices=0", "HIP_VISIBLE_DEVICES": "7"},
        (BROKEN, "hipErrorInvalidDevice", "HIP_VISIBLE_DEVICES='7'", "-1 for none"),
    ),
    "none of AMD's is wanted": (
        ROCM,
        {"ROCR_VISIBLE_DEVICES": "-1"},
        (ABSENT, "no AMD GPU is wanted: ROCR_VISIBLE_DEVICES='-1'", "unset it"),
    ),
    "an old ROCm": (
        ROCM,
        {"PHYNEXUS_FAKE_CUDA": "version=50100000"},
        (BROKEN, "ROCm 5.1", "5.2 or newer", "update ROCm"),
    ),
    "an architecture that was not built": (
        ROCM,
        {"PHYNEXUS_FAKE_CUDA": "architecture=2307"},
        (BROKEN, "gfx903", "gfx90a", "-DPHYNEXUS_HIP_ARCHITECTURES=gfx903"),
    ),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_device_that_cannot_be_had(case: str, tmp_path: Path) -> None:
    engine, settings, told = ASKED[case]
    done = run(["-c", ASK, engine.name], tmp_path, engine, **settings)
    assert done.returncode == 0, done.stderr
    assert all(text in done.stdout for text in told), done.stdout


# Without nx.init: what is broken is said once, at the user's line.
CHOOSE = """
import warnings
import neurenix as nx
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    print(nx.ones(3).device)  # line 6
    nx.init()
    nx.get_device_count("cpu")
print([(w.filename, w.lineno) for w in said])
print(*(w.message for w in said))
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"PHYNEXUS_FAKE_CUDA": "version=12040"}, ("12.4", "update the driver")),
        (
            {"PHYNEXUS_FAKE_CUDA": "devices=0", "CUDA_VISIBLE_DEVICES": "4"},
            ("CUDA_VISIBLE_DEVICES='4'", "nvidia-smi -L"),
        ),
        (
            {"PHYNEXUS_FAKE_CUDA": "fail=cuDevicePrimaryCtxRetain:1:46,stays=1"},
            ("does not open", "UNAVAILABLE (46)", "`nvidia-smi -q -d COMPUTE`"),
        ),
    ],
)
def test_what_is_broken_is_said_once(
    settings: dict[str, str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(["-c", CHOOSE], tmp_path, CUDA, **settings)
    assert done.returncode == 0, done.stderr
    device, places, told = done.stdout.splitlines()
    assert (device, places) == ("cpu:0", "[('<string>', 6)]")
    for text in ("using cpu; passed over cuda", *expected, "doctor"):
        assert text in told
    assert "rocm" not in told or list(Path("/sys/class/drm").glob("renderD*"))


@pytest.mark.parametrize("value", ["", "-1"])
def test_what_is_not_wanted_is_not_spoken_of(value: str, tmp_path: Path) -> None:
    names = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
    done = run(["-c", CHOOSE], tmp_path, CUDA, **dict.fromkeys(names, value))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["cpu:0", "[]"]


# A day's work, on two devices of 256 MiB each.
WORK = """
import ctypes, sys
import neurenix as nx
from neurenix.errors import BackendError, DeviceError, NeurenixError, OutOfMemoryError

name, fake = sys.argv[1:]
def fails(kind, f, *told):
    try:
        f()
    except kind as error:
        missing = [text for text in told if text not in str(error)]
        assert not missing, (missing, str(error))
    else:
        raise AssertionError(told)

home = nx.init({"device": name})
fails(DeviceError, lambda: nx.init({"device": f"{name}:7"}),
      f"no device {name}:7", "has 2 (0 to 1)")
assert nx.current_device() is home
other = nx.ones(2, device=nx.Device(name, 1))
fails(DeviceError, lambda: nx.ones(2) + other, f"{name}:0 and {name}:1", ".to()")

kept = nx.ones(1 << 20)
fails(OutOfMemoryError, lambda: nx.zeros(1 << 30), "Emulated GPU 0",
      "4294967296 bytes", "of its 268435456 bytes", "are free",
      "4194304 are in use", "smaller", "chunk=", "nx.memory_stats")
outer = nx.compile(lambda x: nx.sort(x.reshape(-1, 1) * x)[0].sum())
fails(OutOfMemoryError, lambda: outer(nx.ones(1 << 14)), "needs", "Emulated GPU 0",
      "in use here", "smaller")
assert (kept + 1).numpy().sum() == 2 << 20
assert nx.memory_stats()["allocated"] >= 4 << 20
assert nx.memory_stats(f"{name}:1")["allocated"] < 1 << 20

nx.manual_seed(3)
drawn = nx.rand(2).numpy()
ctypes.CDLL(fake).phynexus_fake_fault(2, 700)
fails(BackendError, lambda: (kept * 2).numpy(), "Emulated GPU 0 was lost",
      "instruction 0 (fused mul)", "call nx.init", "a new process", "checkpoint")
fails(NeurenixError, lambda: kept * 2, "gone", "make it again")
nx.init({"device": name})
nx.manual_seed(3)
assert (nx.rand(2).numpy() == drawn).all()
assert (other + 1).tolist() == [2, 2]  # on the other device
print("done")
"""


@pytest.mark.parametrize("engine", [CUDA, ROCM], ids=lambda engine: engine.name)
def test_a_day_of_trouble(engine: EmulatedEngine, tmp_path: Path) -> None:
    engine.require_built()
    (fake,) = (engine.folder() / engine.drivers).iterdir()  # found as the vendor's
    done = run(
        ["-c", WORK, engine.name, str(fake)],
        tmp_path,
        engine,
        PHYNEXUS_FAKE_CUDA="devices=2,memory=268435456",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
