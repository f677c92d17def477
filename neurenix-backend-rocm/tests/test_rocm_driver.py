"""What is said where there is no HIP runtime, a broken or an old one, or no card."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from neurenix.errors import BackendError, DeviceError
from neurenix_backend_rocm.device_files import check_device_files
from neurenix_backend_rocm.driver import Card, find_cards, refuse_unknown


class Name:
    """hipGetErrorName, which has a type of result."""

    restype: Any = None

    def __call__(self, status: int) -> bytes:
        return b"hipErrorOfTests"


class Fake:
    """The functions of a runtime's library, as far as they are asked for."""

    def __init__(
        self,
        version: int = 60342134,
        cards: tuple[Card, ...] = (),
        started: int = 0,
        lacks: tuple[str, ...] = (),
    ) -> None:
        self.number, self.cards, self.started = version, cards, started
        self.lacks = lacks
        self.hipGetErrorName = Name()

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name in self.lacks:
            raise AttributeError(name)
        function: Callable[..., Any] = getattr(self, name)
        return function

    def hipRuntimeGetVersion(self, out: Any) -> int:
        out._obj.value = self.number
        return 0

    def hipInit(self, flags: int) -> int:
        return self.started

    def hipGetDeviceCount(self, out: Any) -> int:
        out._obj.value = len(self.cards)
        return 0 if self.cards else 100

    def hipDeviceGetName(self, out: Any, size: int, index: int) -> int:
        out.value = self.cards[index].name.encode()
        return 0

    def _architecture(self, out: Any, index: int, place: int) -> int:
        text = self.cards[index].architecture.encode() + b":sramecc+:xnack-"
        ctypes.memmove(ctypes.addressof(out) + place, text, len(text))
        return 0

    def hipGetDevicePropertiesR0600(self, out: Any, index: int) -> int:
        return self._architecture(out, index, 1160)

    def hipGetDeviceProperties(self, out: Any, index: int) -> int:
        return self._architecture(out, index, 396)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A folder with the files of one card."""
    (tmp_path / "dri").mkdir()
    for name in ("kfd", "dri/renderD128"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture(autouse=True)
def all_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HIP", "ROCR", "CUDA"):
        monkeypatch.delenv(f"{name}_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """A kernel's folder with a card of Intel and one of AMD."""
    for name, vendor in (("renderD128", "0x8086\n"), ("renderD129", "0x1002\n")):
        file = tmp_path / "class" / name / "device/vendor"
        file.parent.mkdir(parents=True)
        file.write_text(vendor)
    return tmp_path / "class"


NOTHING = Path("/nowhere")
MI250, OLD = Card("AMD Instinct MI250X", "gfx90a"), Card("Radeon RX 580", "gfx803")


def cards_of(fake: Fake, devices: Path, classes: Path = NOTHING) -> tuple[Card, ...]:
    return find_cards(lambda name: cast(ctypes.CDLL, fake), devices, classes)


def nowhere(name: str) -> ctypes.CDLL:
    raise OSError(f"{name}: cannot open shared object file: No such file or directory")


def test_cards_come_in_the_runtimes_order(devices: Path) -> None:
    assert cards_of(Fake(cards=(MI250, OLD)), devices) == (MI250, OLD)


def test_the_older_layout_of_properties_is_read_too(devices: Path) -> None:
    fake = Fake(50221153, (MI250,), lacks=("hipGetDevicePropertiesR0600",))
    assert cards_of(fake, devices) == (MI250,)


def test_no_runtime(devices: Path) -> None:
    with pytest.raises(DeviceError, match=r"no AMD GPU: there is no HIP runtime"):
        find_cards(nowhere, devices, NOTHING)


def test_a_card_without_a_runtime(devices: Path, classes: Path) -> None:
    with pytest.raises(BackendError, match=r"install ROCm.* Yet .*renderD129 is one"):
        find_cards(nowhere, devices, classes)


def test_a_card_that_a_container_is_not_given(tmp_path: Path, classes: Path) -> None:
    with pytest.raises(BackendError, match=r"--device=/dev/kfd.* Yet .*renderD129"):
        cards_of(Fake(started=100), tmp_path, classes)


def test_a_card_that_the_runtime_does_not_find(devices: Path, classes: Path) -> None:
    with pytest.raises(BackendError, match=r"hipInit gave .*Yet .*DEVICES=-1"):
        cards_of(Fake(started=100), devices, classes)


def test_cards_of_others_are_none(tmp_path: Path, classes: Path) -> None:
    (classes / "renderD129/device/vendor").write_text("0x10de\n")
    (classes / "renderD130").mkdir()  # of no bus with vendors
    with pytest.raises(DeviceError, match="kfd is not there"):
        cards_of(Fake(started=100), tmp_path, classes)


def test_parts_of_several_releases(devices: Path) -> None:
    def mixed(name: str) -> ctypes.CDLL:
        raise OSError(f"/opt/rocm/lib/{name}: undefined symbol: hsa_amd_vmem_map")

    with pytest.raises(BackendError, match=r"undefined symbol.*several ROCm releases"):
        find_cards(mixed, devices)


def test_an_older_runtime_serves_where_the_newest_does_not_open(devices: Path) -> None:
    def mixed(name: str) -> ctypes.CDLL:
        if name.endswith(".7"):
            raise OSError(f"/opt/rocm/lib/{name}: undefined symbol: hsa_amd_vmem_map")
        return cast(ctypes.CDLL, Fake(cards=(MI250,)))

    assert find_cards(mixed, devices) == (MI250,)


def test_an_old_runtime_is_named_with_both_releases(devices: Path) -> None:
    with pytest.raises(BackendError, match=r"is of ROCm 4\.5.* needs 5\.2 or newer"):
        cards_of(Fake(40500000, (MI250,)), devices)


@pytest.mark.parametrize("started", [100, 101])
def test_no_card(devices: Path, started: int) -> None:
    with pytest.raises(DeviceError, match=r"no AMD GPU \(hipInit gave hipErrorOfTests"):
        cards_of(Fake(started=started), devices)


def test_no_card_is_counted(devices: Path) -> None:
    with pytest.raises(DeviceError, match=r"no AMD GPU \(hipGetDeviceCount gave"):
        cards_of(Fake(), devices)


@pytest.mark.parametrize("name", ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"])
def test_a_choice_of_cards_that_are_not_there(
    devices: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "7")
    with pytest.raises(BackendError, match=rf"{name}='7': .* not there"):
        cards_of(Fake(), devices)


@pytest.mark.parametrize("chosen", ["", "-1"])
@pytest.mark.parametrize("name", ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"])
def test_where_no_card_is_wanted_none_is_asked_for(
    devices: Path,
    classes: Path,
    name: str,
    chosen: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, chosen)
    with pytest.raises(DeviceError, match=rf"is wanted: {name}='{chosen}'"):
        cards_of(Fake(cards=(MI250,)), devices, classes)


def test_what_hides_cuda_devices_hides_these(
    devices: Path, classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(DeviceError, match=r"is wanted: CUDA_VISIBLE_DEVICES=''"):
        cards_of(Fake(), devices, classes)
    assert cards_of(Fake(cards=(MI250,)), devices, classes) == (MI250,)


def test_a_runtime_that_does_not_start(devices: Path) -> None:
    with pytest.raises(BackendError, match=r"hipInit gave .*\(3\).*rocminfo"):
        cards_of(Fake(cards=(MI250,), started=3), devices)


def test_a_runtime_that_finds_cards_needs_no_device_files(tmp_path: Path) -> None:
    (tmp_path / "dxg").touch()  # as in WSL2
    assert cards_of(Fake(cards=(MI250,)), tmp_path) == (MI250,)
    with pytest.raises(DeviceError, match=r"no AMD GPU \(hipInit gave hipErrorOfTests"):
        cards_of(Fake(started=100), tmp_path)


def test_device_files_say_why_a_runtime_does_not_start(
    tmp_path: Path, devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceError, match="kfd is not there"):
        cards_of(Fake(started=3), tmp_path / "empty")
    monkeypatch.setattr(os, "access", lambda file, how: False)
    for started in (3, 100):
        with pytest.raises(BackendError, match=r"no permission to use .*kfd"):
            cards_of(Fake(started=started), devices)


def test_the_render_node_of_anothers_card_refuses_nothing(
    devices: Path, classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (devices / "dri/renderD129").touch()
    opens = {"kfd", "renderD129"}  # the first node is Intel's
    monkeypatch.setattr(os, "access", lambda file, how: file.name in opens)
    check_device_files(devices, classes)
    opens.remove("renderD129")
    with pytest.raises(BackendError, match="renderD129"):
        check_device_files(devices, classes)


def test_a_card_says_nothing_of_a_runtime_that_is_too_old(
    devices: Path, classes: Path
) -> None:
    with pytest.raises(BackendError, match=r"5\.2 or newer") as caught:
        cards_of(Fake(40500000, (MI250,)), devices, classes)
    assert "Yet" not in str(caught.value)


def test_a_library_that_is_no_runtime(devices: Path) -> None:
    with pytest.raises(BackendError, match=r"has no function hipRuntimeGetVersion"):
        cards_of(Fake(lacks=("hipRuntimeGetVersion",)), devices)


def test_no_driver_in_the_kernel(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"kfd is not there.*--device=/dev/kfd"):
        cards_of(Fake(started=100), tmp_path)


def test_no_permission_names_the_file_and_its_group(
    devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda file, how: file.name == "kfd")
    group = (devices / "kfd").group()
    with pytest.raises(BackendError, match=rf"renderD128.* group {group} .*usermod"):
        check_device_files(devices, NOTHING)


def test_a_group_without_a_name_is_given_by_its_number(
    devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda file, how: False)

    def nameless(file: Path) -> str:
        raise KeyError("gid")

    monkeypatch.setattr(Path, "group", nameless)
    number = (devices / "kfd").stat().st_gid
    with pytest.raises(BackendError, match=rf"the group {number} may"):
        check_device_files(devices, NOTHING)


def test_a_card_without_code_is_named_and_how_to_build_for_it() -> None:
    refuse_unknown((MI250, OLD), ("gfx90a", "gfx1030"))
    with pytest.raises(BackendError, match=r"RX 580 .*gfx803.*gfx90a.*CMAKE_ARGS"):
        refuse_unknown((OLD, MI250), ("gfx90a", "gfx1030"))
