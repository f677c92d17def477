"""Glyphs: characters that are the same for all, and differ from each other."""

import hashlib

import numpy as np
import pytest

from neurenix.errors import InvalidArgumentError
from neurenix.meta.datasets import Glyphs
from neurenix.meta.datasets.cache import cache_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def glyphs():
    return Glyphs(classes=90, examples_per_class=20)


def test_layout(glyphs):
    assert glyphs.examples.shape == (1800, 1, 28, 28)
    assert glyphs.examples.dtype == np.uint8
    assert glyphs.classes[:2] == ("glyph-0", "glyph-1")
    assert glyphs.counts.tolist() == [20] * 90
    assert Glyphs(classes=2, examples_per_class=3, size=14).example_shape == (1, 14, 14)


def test_a_drawing_depends_on_seed_class_and_number_only(glyphs):
    few = Glyphs(classes=range(70, 80), examples_per_class=4)
    for c in (70, 79):
        expected = glyphs.class_examples(f"glyph-{c}")[:4]
        assert np.array_equal(few.class_examples(f"glyph-{c}"), expected)
    other = Glyphs(classes=1, examples_per_class=1, seed=1)
    assert not np.array_equal(other.examples[0], glyphs.examples[0])


def test_drawings_are_the_same_on_every_machine(glyphs):
    # Written down once: another result would change what seeds mean.
    assert hashlib.sha256(glyphs.examples.tobytes()).hexdigest() == (
        "41be7397a37bc3f50f7f780e30d686a084059413b6c9beb1c452ba3270a14be9"
    )


def test_no_drawing_is_empty_full_or_drawn_twice(glyphs):
    ink = glyphs.examples.reshape(1800, -1) / 255
    assert ink.max(axis=1).min() > 0.5
    assert ink.mean(axis=1).min() > 0.005 and ink.mean(axis=1).max() < 0.35
    # As much ink as Omniglot's drawings have (0.078 of the paper on average).
    assert 0.06 < ink.mean() < 0.10
    assert len({drawing.tobytes() for drawing in glyphs.examples}) > 1790


def test_drawings_of_one_class_are_alike_but_not_so_alike_that_pixels_suffice(glyphs):
    examples = glyphs.examples.reshape(90, 20, -1).astype(float)
    support, query = examples[:, 0], examples[:, 1:6].reshape(450, -1)
    rng = np.random.default_rng(0)
    right = []
    for number, drawing in enumerate(query):
        own = number // 5
        others = rng.choice(np.delete(np.arange(90), own), 4, replace=False)
        ways = np.concatenate([[own], others])
        distance = ((support[ways] - drawing) ** 2).sum(axis=1)
        right.append(distance.argmin() == 0)
    # 5-way 1-shot by nearest pixels: far above chance (0.2), far from solved.
    assert 0.35 < np.mean(right) < 0.85


def test_large_collections_are_kept(glyphs):
    first = Glyphs(classes=100, examples_per_class=20)
    (file,) = (cache_folder() / "datasets").iterdir()
    written = file.stat().st_mtime_ns
    assert np.array_equal(Glyphs(100).examples, first.examples)
    assert file.stat().st_mtime_ns == written
    assert np.array_equal(first.examples[:1800], glyphs.examples)
    Glyphs(classes=100, seed=1)
    assert len(list((cache_folder() / "datasets").iterdir())) == 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"classes": 0}, "classes=.*; expected an int of 1 or more"),
        ({"classes": range(3, 3)}, "range of one number or more"),
        ({"classes": range(-2, 3)}, "from 0 on"),
        ({"classes": 2.0}, "classes=.*; expected an int of"),
        ({"classes": 2, "examples_per_class": 0}, "examples_per_class"),
        ({"classes": 2, "size": -1}, "size=-1; expected an int of 1 or more"),
        ({"classes": 2, "seed": -1}, "seed"),
    ],
)
def test_impossible_arguments_are_named(arguments, words):
    with pytest.raises(InvalidArgumentError, match=words):
        Glyphs(**arguments)
