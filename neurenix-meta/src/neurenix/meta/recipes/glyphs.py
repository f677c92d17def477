"""Recipes on Glyphs: those of Omniglot on invented characters, which need no files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..datasets import ClassDataset, Glyphs
from .characters import SPLIT, Characters
from .embedding import prototypical_networks_omniglot
from .gradient import OWN_SPLIT, ROTATIONS, maml_omniglot
from .recipe import Recipe

CLASSES = {
    "train": range(2000),
    "validation": range(2000, 2200),
    "test": range(2200, 2600),
}
GLYPHS_SPLIT = (
    "The characters are drawn by `Glyphs`, 20 drawings of each: 2000 for training, 200 "
    "for validation and 400 for test, none of them turned; no paper has figures."
)
_OF_OMNIGLOT = (SPLIT, OWN_SPLIT, ROTATIONS)


def glyphs(seed: int = 0) -> dict[str, ClassDataset]:
    """The three parts, which share no character: 2000, 200 and 400 of `Glyphs`."""
    return {split: Glyphs(numbers, seed=seed) for split, numbers in CLASSES.items()}


def prototypical_networks_glyphs(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Invented characters by Prototypical Networks.

    Arguments are those of `prototypical_networks_omniglot`; data is what `glyphs()`
    gave.
    """
    data = glyphs() if data is None else data
    return _on_glyphs(
        prototypical_networks_omniglot(ways, shots, seed=seed, data=data, **changes)
    )


def maml_glyphs(
    ways: int = 5,
    shots: int = 1,
    *,
    seed: int = 0,
    data: Characters | None = None,
    **changes: Any,
) -> Recipe:
    """Invented characters by MAML, or first-order MAML.

    Arguments are those of `maml_omniglot`; data is what `glyphs()` gave.
    """
    data = glyphs() if data is None else data
    return _on_glyphs(maml_omniglot(ways, shots, seed=seed, data=data, **changes))


def _on_glyphs(recipe: Recipe) -> Recipe:
    rest = [said for said in recipe.differences if said not in _OF_OMNIGLOT]
    return replace(
        recipe,
        name=recipe.name.replace("Omniglot", "Glyphs"),
        differences=(GLYPHS_SPLIT, *rest),
        published={},
    )
