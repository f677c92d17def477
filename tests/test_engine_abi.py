"""phynexus.h: where its fields lie, what is generated from it, and what its document
shows."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from neurenix.phynexus import HEADER, INCLUDE_DIR
from neurenix.phynexus.plan.encode import INSTRUCTION, MAX_RANK, REGION, VALUE
from neurenix.phynexus.structs import structs

ROOT = Path(__file__).parents[1]
ASSERTIONS = ROOT / "neurenix-backend-cpu/cpp/tests/abi_test.cpp"


def maker() -> ModuleType:
    path = ROOT / "docs/make_engine_abi.py"
    spec = importlib.util.spec_from_file_location("make_engine_abi", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_shows_what_is() -> None:
    """After a change that is meant: python docs/make_engine_abi.py"""
    made = maker()
    assert made.PAGE.read_text("utf-8") == made.page()


def test_python_reads_the_layout_that_the_engine_asserts() -> None:
    text = ASSERTIONS.read_text("utf-8")
    asserted = {
        name: (
            int(size),
            {
                field: int(at)
                for field, at in re.findall(rf"FIELD\({name}, (\w+), (\d+)\);", text)
            },
        )
        for name, size in re.findall(r"SIZE\((\w+), (\d+)\);", text)
    }
    assert structs() == asserted


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("phx_value", VALUE), ("phx_instruction", INSTRUCTION), ("phx_region", REGION)],
)
def test_plans_are_encoded_in_that_layout(name: str, dtype: np.dtype) -> None:
    size, offsets = structs()[name]
    assert dtype.itemsize == size
    assert dtype.fields is not None
    assert {field: at for field, (_, at, *_) in dtype.fields.items()} == offsets
    assert f"#define PHX_MAX_RANK {MAX_RANK}\n" in HEADER.read_text("utf-8")


STANDARDS = {
    "c11": (("cc", "gcc", "clang"), ("-x", "c", "-std=c11", str(HEADER))),
    "c++20": (("c++", "g++", "clang++"), ("-std=c++20", str(ASSERTIONS))),
}


@pytest.mark.parametrize("standard", STANDARDS)
def test_compilers_agree(standard: str) -> None:
    """The header is plain C, and the engine's static assertions hold."""
    names, arguments = STANDARDS[standard]
    compiler = next((c for c in names if shutil.which(c)), None)
    if compiler is None:
        pytest.skip(f"no compiler for {standard}")
    warn = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only")
    done = subprocess.run(
        [compiler, *warn, f"-I{INCLUDE_DIR}", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_bindings_are_those_of_the_header() -> None:
    """After a change of the header: python -m neurenix.phynexus.bindings"""
    pytest.importorskip("pycparser", reason="cffi parses no header without pycparser")
    from neurenix.phynexus import bindings

    written = ast.parse(bindings.TARGET.read_text("utf-8"))
    assert ast.dump(ast.parse(bindings.generate())) == ast.dump(written)


def test_every_function_says_what_it_does() -> None:
    table = HEADER.read_text("utf-8").partition("typedef struct phx_api {")[2]
    table = table.partition("} phx_api;")[0]
    blocks = [b for b in re.split(r"\n\n", table) if "(*" in b]
    assert len(blocks) > 15
    bare = [b for b in blocks if not b.lstrip().startswith("/*")]
    assert not bare
    late = table.partition("(*run_count)")[2]
    assert late.count("From 1.2.") == late.count("(*")


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neurenix.phynexus", *arguments],
        capture_output=True,
        text=True,
    )


def test_the_command_says_where_the_header_is() -> None:
    found = ask("--include-dir")
    assert found.returncode == 0
    assert Path(found.stdout.strip(), "phynexus.h").read_bytes() == HEADER.read_bytes()
    package = ask("--cmake-dir")
    assert package.returncode == 0
    assert Path(package.stdout.strip(), "PhynexusConfig.cmake").is_file()
    refused = ask("--include")
    assert refused.returncode == 1 and "usage: " in refused.stderr
