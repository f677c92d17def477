"""Code made at run time: the same bits as precompiled kernels, in every state of the
compiler and of its cache. NVRTC is a fake one, which calls g++."""

from __future__ import annotations

from pathlib import Path

import cuda_emulated
import pytest
from made_code_place import Place, Ran

cuda_emulated.require_built()


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
        "made code has taken over in 1 plan",
    )
    return place


def test_what_was_compiled_is_kept(made: Place, precompiled: Ran) -> None:
    before = made.compiled()
    ran = made.run("before")
    assert ran.made
    assert ran.digests == precompiled.digests
    assert made.compiled() == before
    assert len(made.entries()) == 1


def test_it_takes_over_between_runs(tmp_path: Path, precompiled: Ran) -> None:
    place = Place(tmp_path)
    ran = place.run("1", "wait")
    assert place.compiled() == 1
    assert ran.made
    assert ran.digests == precompiled.digests


def test_a_damaged_entry_is_made_again(made: Place, precompiled: Ran) -> None:
    (entry,) = made.entries()  # code_test.cpp damages each part of it
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    before = made.compiled()
    assert made.run("before").digests == precompiled.digests
    assert made.compiled() == before + 1
    (again,) = made.entries()
    assert len(again.read_bytes()) > 1000


def test_two_processes_fill_one_cache(tmp_path: Path, precompiled: Ran) -> None:
    place = Place(tmp_path)
    both = [place.start("before") for _ in range(2)]
    assert all(place.ran(one).digests == precompiled.digests for one in both)
    assert len(place.entries()) == 1


def compilers(place: Place) -> list[str]:
    """The processes that compile there now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text()
            environment = (process / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if (
            name.startswith("phynexus_comp")
            and str(place.folder).encode() in environment
        ):
            found.append(process.name)
    return found


def test_the_end_waits_for_no_compiler(tmp_path: Path, precompiled: Ran) -> None:
    place = Place(tmp_path)
    # longer than the test waits for the process
    ran = place.run("1", "leave", PHYNEXUS_FAKE_COMPILER="seconds=86400")
    assert ran.digests == precompiled.digests
    assert not ran.made
    assert not compilers(place)


def test_a_compiler_that_crashes(tmp_path: Path, precompiled: Ran) -> None:
    ran = Place(tmp_path).run("before", PHYNEXUS_FAKE_COMPILER="crash=1")
    assert ran.digests == precompiled.digests
    assert "NVRTC 13.0 crashed" in ran.notes[1]


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
    (entry,) = made.entries()
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
    assert len(made.run("before").notes) == 2  # who compiles, and that it took over
    assert made.compiled() == before + 2
    (entry,) = made.entries()
    assert entry.stat().st_mode & 0o777 == 0o600


def test_nvrtc_of_another_version(made: Place, precompiled: Ran) -> None:
    before = made.compiled()
    ran = made.run("before", PHYNEXUS_FAKE_COMPILER="version=12080")
    assert ran.digests == precompiled.digests
    assert made.compiled() == before
    assert (
        "NVRTC 12.8 is found, and the precompiled kernels are of 13.0" in ran.notes[0]
    )


def test_without_nvrtc(made: Place, precompiled: Ran) -> None:
    ran = made.run("before", NEURENIX_NVRTC="/nowhere/libnvrtc.so")
    assert ran.digests == precompiled.digests
    assert "/nowhere/libnvrtc.so cannot be opened" in ran.notes[0]
    assert 'pip install "nvidia-cuda-nvrtc==13.0.*"' in ran.notes[0]


def test_a_compiler_that_fails(tmp_path: Path, precompiled: Ran) -> None:
    ran = Place(tmp_path).run("before", PHYNEXUS_FAKE_COMPILER="fail=1")
    assert ran.digests == precompiled.digests
    assert "this compiler fails, as it was told to" in ran.notes[1]
    assert not any("taken over" in note for note in ran.notes)
