"""Each docstring's example runs, on its own and without a compiled backend."""

import doctest
import importlib
import pkgutil

import pytest

import neurenix as nx

# The folders are listed: `neurenix.meta` is another distribution's.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([nx.__path__[0]], "neurenix.")
    if not module.name.startswith("neurenix.meta") and "__main__" not in module.name
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(autouse=True)
def on_the_reference_device() -> None:
    nx.init({"device": "reference"})


@pytest.mark.parametrize("name", ["neurenix", *MODULES])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.failed == 0, f"{result.failed} examples of {name} failed: see above"
