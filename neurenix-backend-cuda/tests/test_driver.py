"""What is said where there is no NVIDIA driver, a broken or an old one, or no card."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from neurenix.errors import BackendError, DeviceError
from neurenix_backend_cuda.built import Built, compiles_first, refuse_unusable
from neurenix_backend_cuda.driver import Card, Found, find_cards


class Fake:
    """The functions of a driver's library, as far as they are asked for."""

    def __init__(
        self,
        version: int = 13000,
        cards: tuple[Card, ...] = (),
        started: int = 0,
        lacks: str = "",
    ) -> None:
        self.number, self.cards, self.started = version, cards, started
        self.lacks = lacks
        self.called: list[str] = []

    def __getitem__(self, name: str) -> Callable[..., int]:
        if name == self.lacks:
            raise AttributeError(name)
        self.called.append(name)
        function: Callable[..., int] = getattr(self, name)
        return function

    def cuDriverGetVersion(self, out: Any) -> int:
        out._obj.value = self.number
        return 0

    def cuInit(self, flags: int) -> int:
        return self.started

    def cuDeviceGetCount(self, out: Any) -> int:
        out._obj.value = len(self.cards)
        return 0

    def cuDeviceGet(self, out: Any, index: int) -> int:
        out._obj.value = index
        return 0

    def cuDeviceGetName(self, out: Any, size: int, device: Any) -> int:
        out.value = self.cards[device.value].name.encode()
        return 0

    def cuDeviceGetAttribute(self, out: Any, attribute: int, device: Any) -> int:
        out._obj.value = self.cards[device.value].capability[attribute - 75]
        return 0

    def cuGetErrorName(self, status: int, out: Any) -> int:
        out._obj.value = b"CUDA_ERROR_OF_TESTS"
        return 0


@pytest.fixture(autouse=True)
def all_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


NOTHING = Path("/nowhere")


def cards_of(fake: Fake, root: Path = NOTHING) -> tuple[Card, ...]:
    return find_cards(lambda name: cast(ctypes.CDLL, fake), root).cards


def no_library(name: str) -> ctypes.CDLL:
    raise OSError(f"{name}: cannot open shared object file: No such file or directory")


H200, OLD = Card("NVIDIA H200", (9, 0)), Card("NVIDIA GeForce GTX 1080", (6, 1))


def test_cards_come_in_the_drivers_order() -> None:
    assert cards_of(Fake(cards=(H200, OLD))) == (H200, OLD)


def test_a_newer_driver_serves() -> None:
    assert cards_of(Fake(14010, (H200,))) == (H200,)


def test_without_a_driver() -> None:
    with pytest.raises(DeviceError, match=r"no NVIDIA driver .*: install one"):
        find_cards(no_library, NOTHING)


def test_a_driver_that_cannot_be_opened() -> None:
    def opened(name: str) -> ctypes.CDLL:
        raise OSError(f"{name}: file too short")

    with pytest.raises(BackendError, match=r"cannot be opened: .*file too short"):
        find_cards(opened, NOTHING)


def test_an_old_driver_is_told_with_both_versions_and_not_started() -> None:
    old = Fake(12040, (H200,))
    with pytest.raises(BackendError, match=r"CUDA 12\.4, this package for CUDA 13\.0"):
        cards_of(old)
    assert old.called == ["cuDriverGetVersion"]


def test_a_driver_without_a_card() -> None:
    with pytest.raises(DeviceError, match="finds no GPU: `nvidia-smi`"):
        cards_of(Fake(started=100))


@pytest.mark.parametrize("chosen", ["", " ", "-1", "NoDevFiles"])
def test_where_no_card_is_wanted_nothing_is_opened(
    chosen: str, monkeypatch: pytest.MonkeyPatch, with_card: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    fake = Fake(cards=(H200,))
    with pytest.raises(DeviceError, match=rf"is wanted: .*DEVICES='{chosen}'; unset"):
        cards_of(fake, with_card)
    assert not fake.called


@pytest.mark.parametrize("chosen", ["4", "GPU-of-another-machine"])
@pytest.mark.parametrize("started", [0, 100])
def test_a_choice_of_cards_that_are_not_there(
    chosen: str, started: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    with pytest.raises(BackendError, match=rf"DEVICES='{chosen}': .* not there"):
        cards_of(Fake(started=started))


@pytest.fixture(params=["dev/nvidia0", "proc/driver/nvidia/gpus/0000:01:00.0"])
def with_card(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The root of a machine whose kernel has a card."""
    file = tmp_path / request.param
    file.parent.mkdir(parents=True)
    file.touch()
    return tmp_path


def test_a_card_without_the_drivers_library(with_card: Path) -> None:
    with pytest.raises(BackendError, match=r"no NVIDIA driver .*Yet .*compute,utility"):
        find_cards(no_library, with_card)


def test_a_card_that_the_driver_does_not_find(with_card: Path) -> None:
    with pytest.raises(BackendError, match=r"finds no GPU: .*Yet there is a card.*=-1"):
        cards_of(Fake(started=100), with_card)


def test_a_card_says_nothing_of_a_driver_that_is_too_old(with_card: Path) -> None:
    with pytest.raises(BackendError, match="update the driver") as caught:
        cards_of(Fake(12040, (H200,)), with_card)
    assert "container" not in str(caught.value)


def test_other_files_of_the_driver_are_no_card(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    for name in ("nvidiactl", "nvidia-uvm", "nvidia-modeset"):
        (tmp_path / "dev" / name).touch()
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        find_cards(no_library, tmp_path)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (3, "spawn"),
        (34, "stub"),
        (802, "fabricmanager"),
        (803, "different releases"),
        (804, "compatibility libraries"),
        (999, "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_start(status: int, remedy: str) -> None:
    with pytest.raises(BackendError, match=rf"\({status}\).*{remedy}") as caught:
        cards_of(Fake(started=status))
    assert "cuInit gave CUDA_ERROR_OF_TESTS" in str(caught.value)


def test_a_library_that_is_no_driver() -> None:
    with pytest.raises(BackendError, match="has no function cuInit"):
        cards_of(Fake(lacks="cuInit"))


USUAL = Built((80, 90), 90, (13, 0))


@pytest.mark.parametrize(
    ("card", "built", "told"),
    [
        (OLD, USUAL, r"GTX 1080 has compute capability 6\.1, .* none before 8\.0"),
        (H200, Built((120,), 120, (13, 0)), r"H200 .* 9\.0, .* 12\.0.*TURES=90;"),
        # machine code for older and for newer cards, and PTX for newer ones
        (H200, Built((80, 120), 120, (13, 0)), r"9\.0, .* 8\.0, 12\.0 and all after"),
    ],
)
def test_a_card_without_code_is_named(card: Card, built: Built, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        refuse_unusable(Found((13, 0), (card, H200)), built)


def test_the_first_card_alone_must_be_usable() -> None:
    refuse_unusable(Found((13, 0), (H200, OLD)), USUAL)


def test_a_driver_that_is_older_than_the_ptx_a_card_needs() -> None:
    blackwell = Card("GeForce RTX 5090", (12, 0))
    found, newer = Found((13, 0), (blackwell,)), Built((80, 90), 90, (13, 2))
    with pytest.raises(BackendError, match=r"nvcc 13\.2.*13\.0.*to .* 13\.2.*=120"):
        refuse_unusable(found, newer)
    refuse_unusable(Found((13, 2), (blackwell,)), newer)
    refuse_unusable(Found((13, 0), (H200,)), newer)  # it has machine code
    refuse_unusable(found, USUAL)


def test_importing_the_package_opens_no_driver() -> None:
    code = (
        "import ctypes, sys\n"
        "def opened(*_): raise AssertionError('a library was opened')\n"
        "ctypes.CDLL = opened\n"
        "import neurenix_backend_cuda as cuda\n"
        "assert cuda.neurenix_backend().device_type == 'cuda'\n"
        "assert 'neurenix_backend_cuda.driver' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("capability", "compiles"),
    [((8, 0), False), ((8, 9), False), ((9, 0), False), ((10, 0), True)],
)
def test_a_card_without_machine_code_compiles_first(
    capability: tuple[int, int], compiles: bool
) -> None:
    told = compiles_first([Card("Card X", capability)], USUAL)
    assert bool(told) == compiles
    if compiles:
        assert "no machine code for Card X (compute capability 10.0)" in told


def test_a_build_for_ones_own_card_compiles_nothing() -> None:
    built = Built((80, 90, 100, 120), 90, (13, 0))
    assert compiles_first([Card("X", (12, 1))], built) == ""
    assert compiles_first([Card("X", (12, 0))], Built((121,), 120, (13, 0))) != ""
