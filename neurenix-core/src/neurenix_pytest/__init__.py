"""Neurenix' plugin for pytest: devices as a parameter, and a count of what was skipped.

    pytest --pyargs neurenix.testing.suite --nx-device mychip

runs the conformance suite on the device type "mychip". Tests of one's own may use the
fixture `nx_device`, and the marker `nx_needs` for what a device must declare.

Every run of pytest loads this file where Neurenix is installed, which is why it stands
outside the package `neurenix`: that is imported when a device is asked for.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

for _name in (
    "case_derivatives",
    "checks",
    "conduct",
    "derivatives",
    "random",
    "suite",
    "suite_at_random",
):
    pytest.register_assert_rewrite(f"neurenix.testing.{_name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("neurenix").addoption(
        "--nx-device",
        action="append",
        default=[],
        metavar="TYPE",
        help="device types for tests with the fixture nx_device; may be given more "
        "than once (default: every one that is available)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "nx_needs(*names): dtypes and primitives without which a device is skipped",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    asked = session.config.getoption("--nx-device")
    if asked:
        import neurenix as nx

        for device in asked:
            try:
                nx.init({"device": device})
            except nx.errors.NeurenixError as error:
                raise pytest.UsageError(f"--nx-device {device}: {error}") from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nx_device" in metafunc.fixturenames:
        own = getattr(metafunc.module, "NX_DEVICES", None)
        devices = own or metafunc.config.getoption("--nx-device") or _available()
        metafunc.parametrize("nx_device", devices, indirect=True)


def _available() -> list[str]:
    from neurenix.backends import Available, discovery

    names = ["reference", *discovery.names()]
    return [n for n in names if isinstance(discovery.state(n), Available)]


@pytest.fixture
def nx_device(request: pytest.FixtureRequest) -> str:
    """The device, as a name; new tensors live on it. Skips what it does not declare."""
    import neurenix as nx
    from neurenix.backends import discovery
    from neurenix.primitives import all_primitives

    device = nx.init({"device": request.param})
    request.node.user_properties.append(("nx_device", request.param))
    has = discovery.backend(device.type).capabilities(device.index)
    # a primitive that is not declared is decomposed
    declared = {d.name for d in has.dtypes} | {p.name for p in all_primitives()}
    needs = {n for mark in request.node.iter_markers("nx_needs") for n in mark.args}
    missing = sorted(needs - declared)
    if missing:
        pytest.skip(f"{request.param} declares no {', '.join(missing)}")
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["fused", "unfused"])
def nx_fusion(request: pytest.FixtureRequest) -> Any:
    """Once with programs fused, and once without."""
    from neurenix.passes.pipeline import fusion

    with fusion(request.param):
        yield request.param


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """For each device: how many cases, and why some were skipped."""
    outcomes: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            device = dict(getattr(report, "user_properties", ())).get("nx_device")
            if device is None:
                continue
            outcomes.setdefault(device, Counter())[outcome] += 1
            if outcome == "skipped" and isinstance(report.longrepr, tuple):
                reason = str(report.longrepr[2]).removeprefix("Skipped: ")
                reasons.setdefault(device, Counter())[reason] += 1
    if not outcomes:
        return
    terminalreporter.section("Neurenix on its devices")
    for device, counts in outcomes.items():
        told = ", ".join(f"{counts[name]} {name}" for name in counts)
        terminalreporter.line(f"{device}: {sum(counts.values())} cases: {told}")
        for reason, count in reasons.get(device, Counter()).most_common():
            terminalreporter.line(f"  {count} skipped: {reason}")
