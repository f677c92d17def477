"""A plugin that hangs does not hang who asks for a device."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from neurenix.backends import BackendInfo, Broken, Discovery, plugins
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend
from neurenix.backends.time_limit import within
from neurenix.errors import BackendError


def test_a_probe_that_hangs_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    class Entry:
        name = "hangs"
        dist = None

        def load(self) -> Any:
            done.wait(30)

    discovery = Discovery()
    discovery._entries = {"hangs": [Entry()]}
    monkeypatch.setattr(discovery, "probe_limit", 0.05)
    monkeypatch.setattr(plugins, "_allowed", lambda name: True)
    try:
        state = discovery.state("hangs")
        assert isinstance(state, Broken)
        assert "its probe hung: no answer within 0.05 s (in " in state.reason
        name, skipped = discovery.best()
        assert name == "reference" and "its probe hung" in skipped[0]
        with pytest.raises(BackendError, match="its probe hung"):
            discovery.backend("hangs")
    finally:
        done.set()


def test_what_fails_in_time_fails_as_it_would() -> None:
    def leave() -> None:
        raise SystemExit("no licence")

    with pytest.raises(SystemExit, match="no licence"):
        within(5.0, "it", leave)
    assert within(None, "it", threading.current_thread) is threading.current_thread()


def test_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser: the call is made here, without a limit, and no backend is
    broken for it."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert within(5.0, "it", threading.current_thread) is threading.current_thread()
    with pytest.raises(OSError, match="no driver"):
        within(5.0, "it", lambda: (_ for _ in ()).throw(OSError("no driver")))
    found = Discovery()
    info = BackendInfo("alone", API_VERSION, "test", -300, lambda: 1, ReferenceBackend)
    found.add(info)
    assert isinstance(found.backend("alone"), ReferenceBackend)
