"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import neurenix_backend_webgpu

MODULES = [
    module.name
    for module in pkgutil.walk_packages(
        neurenix_backend_webgpu.__path__, "neurenix_backend_webgpu."
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0
