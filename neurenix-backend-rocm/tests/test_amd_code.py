"""What the build asks of AMD's compilers and header. Their code for all kernels, and
the library with it, which take minutes: test_rocm_product.py."""

from __future__ import annotations

import re
import shutil

import pytest
from rocm_build import NEWER_CLANG, ProductBuild
from vendor_compilers import needs_compilers

pytestmark = [
    pytest.mark.slow,
    needs_compilers("amd", "" if shutil.which("hipcc") else "there is no hipcc"),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> ProductBuild:
    return ProductBuild(tmp_path_factory.mktemp("rocm"))


def test_functions_and_errors_are_those_of_amds_header(build: ProductBuild) -> None:
    build.configure("gfx90a")
    build.make("hip_header_test")


@needs_compilers("amd", "" if NEWER_CLANG else "there is no clang 19")
def test_cmake_says_what_it_left_out(build: ProductBuild) -> None:
    said = build.configure("gfx90a", "gfx9999")
    assert "-- ROCm: code for gfx90a, by clang\n" in said
    (why,) = re.findall(r"^-- ROCm: no code for gfx9999:(.*)$", said, re.MULTILINE)
    assert "hipcc says error:" in why
    assert "clang says error:" in why
    assert (build.folder / "architectures.txt").read_text() == "gfx90a\n"
