"""Which cards the library has code for, as its build has noted it: machine code, or
PTX, which the driver compiles when a process first uses a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurenix.errors import BackendError

from .driver import Card, Found, dotted

OLDEST_CARD = (8, 0)  # that the engine's kernels can be compiled for


@dataclass(frozen=True)
class Built:
    """`architectures`: with machine code, as 90 for compute capability 9.0; `ptx`: of
    the PTX; `release`: of nvcc, and the CUDA whose driver reads its PTX."""

    architectures: Sequence[int]
    ptx: int
    release: tuple[int, int]

    def has_machine_code(self, card: Card) -> bool:
        """Machine code runs on its own card and on later ones of the same major
        number."""
        major, minor = card.capability
        return any(a // 10 == major and a % 10 <= minor for a in self.architectures)

    def has_code(self, card: Card) -> bool:
        return self.has_machine_code(card) or _number(card) >= self.ptx


def what_was_built(library: Path) -> Built:
    """What lies beside the library."""
    noted = library.with_name("architectures.txt").read_text()
    ptx, release = library.with_name("ptx.txt").read_text().split()
    major, minor = release.split(".")
    return Built(
        tuple(int(number) for number in noted.split()),
        int(ptx),
        (int(major), int(minor)),
    )


def refuse_unusable(found: Found, built: Built) -> None:
    """Raises BackendError for a first card that the library has no code for, or PTX
    alone that its driver is too old to read."""
    card = found.cards[0]
    if built.has_machine_code(card):
        return
    build = f"build it with CMAKE_ARGS=-DPHYNEXUS_CUDA_ARCHITECTURES={_number(card)}"
    if not built.has_code(card):
        has = ", ".join(_capability(number) for number in built.architectures)
        able = card.capability >= OLDEST_CARD
        oldest = f"none before {dotted(OLDEST_CARD)} can be used"
        raise BackendError(
            f"the card {card.name} has compute capability {dotted(card.capability)}, "
            f"this package code for {has} and all after {_capability(built.ptx)}: "
            f"{build if able else oldest}; CUDA_VISIBLE_DEVICES chooses another card, "
            "where there is one"
        )
    if found.version < built.release:
        raise BackendError(
            f"the package has only PTX for {card.name} (compute capability "
            f"{dotted(card.capability)}), written by nvcc {dotted(built.release)}, "
            f"and the driver, made for CUDA {dotted(found.version)}, reads none that "
            "is newer than itself: update the driver to one for CUDA "
            f"{dotted(built.release)} or newer, or, for machine code, {build}"
        )


def compiles_first(cards: Sequence[Card], built: Built) -> str:
    """Why the first use takes long: a card that the library has only PTX for; "" where
    there is none."""
    for card in cards:
        if built.has_code(card) and not built.has_machine_code(card):
            return (
                f"the package has no machine code for {card.name} (compute capability "
                f"{dotted(card.capability)}): the driver compiles it at first use, "
                "which may take a minute or more, and keeps it"
            )
    return ""


def _number(card: Card) -> int:
    return card.capability[0] * 10 + card.capability[1]


def _capability(number: int) -> str:
    return dotted((number // 10, number % 10))
