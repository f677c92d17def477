"""Code made at run time by hipRTC: the same bits as precompiled kernels, with
wavefronts of 64. hipRTC is a fake one, which calls g++; test_made_code.py has what CUDA
and ROCm share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import rocm_emulated
from made_code_place import Place, Ran

rocm_emulated.require_built()


@pytest.fixture(scope="module")
def precompiled(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    place = Place(tmp_path_factory.mktemp("precompiled"), "rocm")
    ran = place.run("0")
    assert place.compiled() == 0
    assert not ran.made
    assert len(ran.digests) == 1
    return ran


def test_it_takes_over_between_runs_and_is_kept(
    tmp_path: Path, precompiled: Ran
) -> None:
    place = Place(tmp_path, "rocm")
    ran = place.run("1", "wait")
    assert place.compiled() == 1
    assert ran.made
    assert ran.digests == precompiled.digests
    assert ran.notes == (
        f"code at run time by hipRTC 6.3, kept in {place.cache / 'rocm'}",
        "made code has taken over in 1 plan",
    )
    again = place.run("before")
    assert again.made
    assert again.digests == precompiled.digests
    assert place.compiled() == len(place.entries()) == 1


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("libhiprtc.so.7.0.70001", "7.0"),
        ("libhiprtc.so.6.2.41133", "6.2"),
        ("libhiprtc.so.7", "7"),
    ],
)
def test_hiprtc_whose_file_is_of_another_release(
    tmp_path: Path, precompiled: Ran, name: str, release: str
) -> None:
    (tmp_path / "rocm").mkdir()
    named = tmp_path / "rocm" / name
    shutil.copy(rocm_emulated.folder() / "libphynexus_fake_hiprtc.so", named)
    link = tmp_path / "rocm/libhiprtc.so"
    link.symlink_to(named)
    place = Place(tmp_path, "rocm")
    ran = place.run("before", NEURENIX_HIPRTC=str(link))
    assert ran.digests == precompiled.digests
    assert place.compiled() == 0
    found = f"hipRTC {release} is found, and the precompiled kernels are of 6.3"
    assert found in ran.notes[0]


def test_hiprtc_whose_file_is_of_the_release(tmp_path: Path, precompiled: Ran) -> None:
    named = tmp_path / "libhiprtc.so.6.3.60301"
    shutil.copy(rocm_emulated.folder() / "libphynexus_fake_hiprtc.so", named)
    ran = Place(tmp_path, "rocm").run("1", NEURENIX_HIPRTC=str(named))
    assert ran.digests == precompiled.digests
    assert "code at run time by hipRTC 6.3" in ran.notes[0]


def test_hiprtc_whose_file_says_nothing_is_the_runtimes(
    tmp_path: Path, precompiled: Ran
) -> None:
    place = Place(tmp_path, "rocm")
    ran = place.run("before", PHYNEXUS_FAKE_CUDA="version=70051831")
    assert ran.digests == precompiled.digests
    assert place.compiled() == 0
    assert "hipRTC 7.0 is found, and the precompiled kernels are of 6.3" in ran.notes[0]


def test_without_hiprtc(tmp_path: Path, precompiled: Ran) -> None:
    ran = Place(tmp_path, "rocm").run("before", NEURENIX_HIPRTC="/nowhere/hiprtc.so")
    assert ran.digests == precompiled.digests
    assert "/nowhere/hiprtc.so cannot be opened" in ran.notes[0]


def test_a_compiler_that_fails(tmp_path: Path, precompiled: Ran) -> None:
    ran = Place(tmp_path, "rocm").run("before", PHYNEXUS_FAKE_COMPILER="fail=1")
    assert ran.digests == precompiled.digests
    assert "this compiler fails, as it was told to" in ran.notes[1]
