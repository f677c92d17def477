"""Code made at run time: the same bits as precompiled kernels, in every state of the
compiler and of its cache. NVRTC is a fake one, which calls g++."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cuda_emulated
import pytest

cuda_emulated.require_built()
PROGRAM = Path(__file__).with_name("made_code.py")


@dataclass(frozen=True)
class Ran:
    digests: tuple[str, ...]
    made: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where the fake compiler and the cache put their files."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def compiled(self) -> int:
        return len(list(self.folder.glob("*.so")))

    def run(self, when: str, *arguments: str, **more: str) -> Ran:
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PHYNEXUS_FAKE_NVRTC_FOLDER": str(self.folder),
            "NEURENIX_CACHE": str(self.cache),
            "NEURENIX_GPU_CODE": when,
            **more,
        }
        done = subprocess.run(
            [sys.executable, str(PROGRAM), *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        return Ran(tuple(told["digests"]), told["made"], tuple(told["notes"]))


@pytest.fixture(scope="module")
def precompiled(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    place = Place(tmp_path_factory.mktemp("precompiled"))
    ran = place.run("0")
    assert place.compiled() == 0
    assert not ran.made
    assert len(ran.digests) == 1
    assert ran.notes == ("no code at run time: NEURENIX_GPU_CODE=0",)
    return ran


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, precompiled: Ran) -> Place:
    """A place where the program has run on made code, with the same bits."""
    place = Place(tmp_path_factory.mktemp("made"))
    ran = place.run("before")
    assert place.compiled() == 1
    assert ran.made
    assert ran.digests == precompiled.digests
    assert ran.notes == (
        f"code at run time by NVRTC 13.0, kept in {place.cache / 'cuda'}",
    )
    return place


def entries(place: Place) -> list[Path]:
    return list((place.cache / "cuda").iterdir())


def test_what_was_compiled_is_kept(made: Place, precompiled: Ran) -> None:
    before = made.compiled()
    ran = made.run("before")
    assert ran.made
    assert ran.digests == precompiled.digests
    assert made.compiled() == before
    assert len(entries(made)) == 1


def test_it_takes_over_between_runs(tmp_path: Path, precompiled: Ran) -> None:
    place = Place(tmp_path)
    ran = place.run("1", "wait")
    assert place.compiled() == 1
    assert ran.made
    assert ran.digests == precompiled.digests


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_entry_is_made_again(
    made: Place, precompiled: Ran, damage: str
) -> None:
    (entry,) = entries(made)
    whole = entry.read_bytes()
    if damage == "cut":
        entry.write_bytes(whole[:-9])
    else:
        entry.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    before = made.compiled()
    assert made.run("before").digests == precompiled.digests
    assert made.compiled() == before + 1
    (again,) = entries(made)
    assert len(again.read_bytes()) > 1000


def test_a_cache_that_cannot_be_written(made: Place, precompiled: Ran) -> None:
    blocked = made.folder / "a file"
    blocked.write_text("where the folder would be")
    ran = made.run("before", NEURENIX_CACHE=str(blocked))
    assert ran.digests == precompiled.digests
    assert "code is compiled anew in each process" in ran.notes[1]
    assert f"{blocked}/cuda cannot be made" in ran.notes[1]


def test_a_cache_that_others_may_write_to(made: Place, precompiled: Ran) -> None:
    folder = made.cache / "cuda"
    assert folder.stat().st_mode & 0o777 == 0o700
    (entry,) = entries(made)
    assert entry.stat().st_mode & 0o777 == 0o600
    before = made.compiled()
    folder.chmod(0o770)
    ran = made.run("before")
    folder.chmod(0o700)
    assert ran.digests == precompiled.digests
    assert made.compiled() == before + 1
    assert f"{folder} is another user's, or others may write to it" in ran.notes[1]
    # an entry that others may have written is made again
    entry.chmod(0o666)
    assert len(made.run("before").notes) == 1
    assert made.compiled() == before + 2
    (entry,) = entries(made)
    assert entry.stat().st_mode & 0o777 == 0o600


def test_nvrtc_of_another_version(made: Place, precompiled: Ran) -> None:
    before = made.compiled()
    ran = made.run("before", PHYNEXUS_FAKE_NVRTC="version=12080")
    assert ran.digests == precompiled.digests
    assert made.compiled() == before
    assert (
        "NVRTC 12.8 is found, and the precompiled kernels are of 13.0" in ran.notes[0]
    )


def test_without_nvrtc(made: Place, precompiled: Ran) -> None:
    ran = made.run("before", NEURENIX_NVRTC="/nowhere/libnvrtc.so")
    assert ran.digests == precompiled.digests
    assert "/nowhere/libnvrtc.so cannot be opened" in ran.notes[0]


def test_a_compiler_that_fails(tmp_path: Path, precompiled: Ran) -> None:
    ran = Place(tmp_path).run("before", PHYNEXUS_FAKE_NVRTC="fail=1")
    assert ran.digests == precompiled.digests
    assert "this compiler fails, as it was told to" in ran.notes[1]
