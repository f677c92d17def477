"""Which device type is taken where nobody names one, and what is asked for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from neurenix import settings
from neurenix.backends import Absent, Available, BackendInfo, Broken, Discovery, plugins
from neurenix.backends.hookspecs import hookimpl
from neurenix.backends.protocol import API_VERSION, Capabilities
from neurenix.backends.reference import ReferenceBackend
from neurenix.cli import probe
from neurenix.cli.report import Report, automatic
from neurenix.errors import BackendError, DeviceError


class Plugins:
    """A discovery of made-up plugins, and which of them were probed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.discovery = Discovery()
        self.discovery._entries = {}
        self.probed: list[str] = []
        monkeypatch.setattr(plugins, "_allowed", lambda name: True)

    def add(
        self,
        name: str,
        priority: int,
        count: Callable[[], int] = lambda: 1,
        passed_over: str = "",
        create: Callable[[], ReferenceBackend] = ReferenceBackend,
    ) -> None:
        def probed() -> int:
            self.probed.append(name)
            return count()

        info = BackendInfo(
            name,
            API_VERSION,
            f"fake-{name}",
            priority,
            probed,
            create,
            lambda: passed_over,
        )

        class Module:
            @hookimpl
            def neurenix_backend(self) -> BackendInfo:
                return info

        entry: Any = SimpleNamespace(name=name, dist=None, load=Module)
        assert self.discovery._entries is not None
        self.discovery._entries[name] = [entry]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


def fail(error: Exception) -> Callable[[], int]:
    def probe() -> int:
        raise error

    return probe


def test_those_below_what_is_taken_are_not_probed(made: Plugins) -> None:
    made.add("low", 5, fail(OSError("its driver is old")))
    made.add("middle", 10)
    made.add("high", 20, fail(OSError("it hangs")))
    name, skipped = made.discovery.best()
    assert name == "middle" and made.probed == ["high", "middle"]
    assert len(skipped) == 1 and skipped[0].startswith("high: ")
    assert made.discovery.best() == (name, skipped)  # now that states are known
    assert isinstance(made.discovery.state("low"), Broken)
    assert made.discovery.best() == (name, skipped)


@pytest.mark.parametrize("error", [None, DeviceError("no driver")])
def test_absent_ones_are_no_news(made: Plugins, error: Exception | None) -> None:
    made.add("middle", 10)
    made.add("high", 20, fail(error) if error else lambda: 0)
    assert made.discovery.best() == ("middle", [])


def test_broken_ones_are_said_once(
    made: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.add("middle", 10)
    made.add("high", 20, fail(BackendError("too old: update the driver")))
    monkeypatch.setattr(settings, "discovery", made.discovery)
    told = (
        r"using middle; passed over high: .*broken: .*update the driver .*doctor.*"
        r"nx\.init"
    )
    with pytest.warns(RuntimeWarning, match=told) as said:
        assert str(settings._automatic()) == "middle:0"
        assert str(settings._automatic()) == "middle:0"
    assert len(said) == 1


def test_a_device_that_does_not_open_is_passed_over_and_tried_again(
    made: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [True]

    class Exclusive(ReferenceBackend):
        def capabilities(self, index: int) -> Capabilities:
            if taken:
                raise BackendError("another process has the card to itself")
            return super().capabilities(index)

    made.add("middle", 10)
    made.add("high", 20, create=Exclusive)
    monkeypatch.setattr(settings, "discovery", made.discovery)
    told = r"using middle; passed over high: .*does not open: .*the card to itself"
    with pytest.warns(RuntimeWarning, match=told):
        assert str(settings._automatic()) == "middle:0"
    taken.clear()
    assert str(settings._automatic()) == "high:0"


def test_what_asks_to_be_passed_over_is(made: Plugins) -> None:
    made.add("soft", 5, passed_over="it is software")
    assert made.discovery.best() == ("reference", ["soft: it is software"])
    assert isinstance(made.discovery.state("soft"), Available)


def test_a_probe_may_say_why_there_are_none(made: Plugins) -> None:
    made.add("none", 5, fail(DeviceError("no adapter: install a driver")))
    state = made.discovery.state("none")
    assert isinstance(state, Absent)
    assert state.reason.endswith("no adapter: install a driver")
    with pytest.raises(DeviceError, match=r"'none' is absent: .* install a driver"):
        made.discovery.backend("none")


@pytest.mark.parametrize(
    ("wrong", "check"), [("", "passed"), ("exp(1) gives 2", "exp(1) gives 2")]
)
def test_the_doctor_asks_for_the_self_check(
    monkeypatch: pytest.MonkeyPatch, wrong: str, check: str
) -> None:
    monkeypatch.setattr(ReferenceBackend, "self_check", lambda self, index: wrong)
    report = probe.look("reference")
    assert [d.check for d in report.devices] == [check]
    assert report.state == ("broken" if wrong else "available")


def test_the_doctor_says_what_would_be_taken() -> None:
    def reports(*known: tuple[str, int, str]) -> Sequence[Report]:
        return [
            Report(name, "available", priority=priority, passed_over=passed)
            for name, priority, passed in known
        ]

    assert automatic(reports(("a", 5, ""), ("b", 9, "software"))) == "a"
