"""The self-check: it passes here, and names what a driver gets wrong."""

from __future__ import annotations

import pytest

from neurenix_backend_webgpu import self_check as checked
from neurenix_backend_webgpu.device import Device
from neurenix_backend_webgpu.lowering import library


def test_nothing_is_wrong_here(device: Device) -> None:
    assert checked.self_check(device) == ""


def test_what_is_wrong_is_named_once(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a compiler took exp for 2^x, and comparisons for those without NaN."""
    real = library.declarations()
    wrong = {
        **real,
        "exp_f": library.Declaration(
            "fn exp_f(a: u32) -> u32 { return w(exp2(f(a))); }", ("w", "f")
        ),
        "maximum_f": library.Declaration(
            "fn maximum_f(a: u32, b: u32) -> u32 { return w(max(f(a), f(b))); }",
            ("w", "f"),
        ),
    }
    monkeypatch.setattr(library, "declarations", lambda: wrong)
    text = checked.self_check(device)
    assert "exp_f(1) gives 2, not 2.71828" in text
    assert text.count("exp_f") == 1


def test_every_elementary_function_is_checked() -> None:
    """The functions of a word or two: what expressions are made of."""
    checked_ones = {case.function for case in checked.CASES}
    for name, declaration in library.declarations().items():
        numbers = declaration.text.startswith(f"fn {name}(a: u32")
        if numbers and name.endswith("_f"):
            assert name in checked_ones, name
