"""What the web's tests need is skipped where it lacks, and never where it must be."""

import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec

import pytest
import web_needs


@pytest.mark.parametrize("need", [web_needs.node, web_needs.needs_browser])
def test_what_is_absent(
    need: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(shutil, "which", nowhere)
    monkeypatch.setattr(web_needs, "find_spec", nowhere)
    monkeypatch.delenv("NEURENIX_REQUIRE_WEBGPU", raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no"):
        need()
    monkeypatch.setenv("NEURENIX_REQUIRE_WEBGPU", "1")
    with pytest.raises(pytest.fail.Exception, match="is set, and there is no"):
        need()
