"""Errors name arguments as the user wrote them, and those that may be meant."""

from __future__ import annotations

import pytest

import neurenix as nx
from neurenix.errors import CallError, InvalidArgumentError


def test_a_check_of_arguments_is_not_named() -> None:
    """Modules that say not what is public have what they define, not what they use."""
    with pytest.raises(InvalidArgumentError) as caught:
        nx.Device("cuda", -1)
    assert str(caught.value) == "Device: index=-1; expected an int of 0 or more"


def test_misspelt_keywords_are_asked_about() -> None:
    calls: list[tuple[str, object]] = [
        ("rand", lambda: nx.rand(2, genrator=nx.Generator(0))),  # type: ignore[call-arg]
        ("normal", lambda: nx.normal((2,), genrator=None)),  # type: ignore[call-arg]
        ("randint", lambda: nx.randint(0, 2, (2,), genrator=None)),  # type: ignore[call-arg]
        ("permutation", lambda: nx.permutation(nx.ones(2), genrator=None)),  # type: ignore[call-arg]
    ]
    for name, call in calls:
        said = f"{name}: there is no argument 'genrator'; did you mean 'generator'"
        with pytest.raises(CallError, match=said):
            call()  # type: ignore[operator]
    with pytest.raises(CallError, match=r"export: .* 'traget'; did you mean 'target'"):
        nx.export(nx.exp, (nx.ones(2),), "never", traget="onnx")  # type: ignore[call-arg]
