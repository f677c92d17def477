"""Augmentation: beside NumPy and Pillow, the same everywhere, and off in evaluation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import neurenix as nx
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    MAML,
    Augmentation,
    Conv4,
    PrototypicalNetworks,
    TaskSampler,
)
from neurenix.meta.datasets import ArrayDataset, ClassDataset, Glyphs
from neurenix.meta.tasks.augmentation import COLUMNS, UNIT, Drawn
from neurenix.meta.tasks.augmented import augmented

RNG = np.random.default_rng(0)
PIXELS = RNG.uniform(0, 1, (4, 3, 9, 12)).astype(np.float32)
SQUARE = RNG.uniform(0, 1, (5, 1, 8, 8)).astype(np.float32)
SAME = Drawn(1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0)
ALL = Augmentation(
    flip=0.5,
    crop=(0.5, 1.0),
    shift=2,
    rotation=20.0,
    brightness=0.4,
    contrast=0.4,
    erasing=0.5,
)


def changed(how, x, drawn):
    """Images, changed by what was drawn by hand: one `Drawn`, or one for each."""
    each = [drawn] * len(x) if isinstance(drawn, Drawn) else drawn
    words = np.round(np.array(each, np.float64) / UNIT).astype(np.int32)
    return augmented(how, nx.tensor(x), nx.tensor(words.ravel())).numpy()


def interpolated(image, drawn):
    """A pixel at a time."""
    _, height, width = image.shape
    result = np.zeros_like(image)
    for i, j in itertools.product(range(height), range(width)):
        v, u = i - (height - 1) / 2, j - (width - 1) / 2
        x = drawn.a * u + drawn.b * v + drawn.x + (width - 1) / 2
        y = drawn.c * u + drawn.d * v + drawn.y + (height - 1) / 2
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            continue
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        left, top = int(x), int(y)
        for m, n in itertools.product((top, top + 1), (left, left + 1)):
            share = max(0, 1 - abs(y - m)) * max(0, 1 - abs(x - n))
            if share:
                result[:, i, j] += share * image[:, m, n]
    return result


def test_any_matrix_is_that_of_a_loop(device):
    drawn = [
        SAME._replace(
            a=a, b=b, c=c, d=d, x=x, y=y
        )
        for a, b, c, d, x, y in RNG.uniform(-1.3, 1.3, (4, 6))
    ]  # fmt: skip
    found = changed(Augmentation(flip=1.0), PIXELS, drawn)
    expected = np.stack([interpolated(x, d) for x, d in zip(PIXELS, drawn)])
    assert np.allclose(found, expected, atol=2e-5)


def test_mirrors_turns_and_shifts_move_whole_pixels():
    mirrored = changed(Augmentation(flip=1.0), PIXELS, SAME._replace(a=-1))
    assert np.array_equal(mirrored, PIXELS[..., ::-1])
    u = np.full((4, 17), 0.5)
    u[:, 2] = np.arange(4) / 4
    turns = Augmentation(quarter_turns=True)
    table = np.stack(turns.drawn(u, (8, 8)), axis=-1)
    for count, row in enumerate(table):
        found = changed(turns, SQUARE, Drawn(*row))
        assert np.array_equal(found, np.rot90(SQUARE, -count, (2, 3)))
    moved = changed(Augmentation(shift=2), SQUARE, SAME._replace(x=-2, y=1))
    expected = np.zeros_like(SQUARE)
    expected[:, :, :-1, 2:] = SQUARE[:, :, 1:, :-2]
    assert np.array_equal(moved, expected)


def test_a_crop_is_pillows():
    how = Augmentation(crop=(0.4, 0.4))
    u = np.full(17, 0.5)
    u[[4, 5, 6]] = 0.8, 0.3, 0.9
    drawn = Drawn(*how.drawn(u, (24, 30)))
    image = RNG.uniform(0, 1, (1, 1, 24, 30)).astype(np.float32)
    width, height = 30 * drawn.a, 24 * drawn.d
    left, top = (30 - width) * 0.3, (24 - height) * 0.9
    box = (left, top, left + width, top + height)
    pillow = Image.fromarray(image[0, 0]).resize(
        (30, 24), Image.Resampling.BILINEAR, box=box
    )
    found = changed(how, image, drawn)[0, 0]
    # Pillow does not look at what lies outside the box.
    assert np.allclose(found[3:-3, 3:-3], np.asarray(pillow)[3:-3, 3:-3], atol=1e-4)
    assert width * height / (24 * 30) == pytest.approx(0.4)


def test_colours_are_pillows(device):
    bytes_ = RNG.integers(0, 256, (10, 12, 3), dtype=np.uint8)
    image, x = (
        Image.fromarray(bytes_),
        bytes_.transpose(2, 0, 1)[None] / np.float32(255),
    )
    for name, enhance in (
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ):
        for factor in (0.5, 1.4):
            drawn = SAME._replace(**{name: factor})
            found = changed(Augmentation(**{name: 0.5}), x, drawn)[0]
            expected = np.asarray(enhance(image).enhance(factor)) / 255
            # Pillow rounds the grey and the result to bytes.
            assert np.allclose(found.transpose(1, 2, 0), expected, atol=1.6 / 255)
    grey = x[:, :1]
    assert np.array_equal(changed(Augmentation(saturation=1.0), grey, SAME), grey)


def test_erasing_blackens_a_rectangle(device):
    drawn = SAME._replace(top=2, left=3, height=4, width=5)
    found = changed(Augmentation(erasing=1.0), PIXELS, drawn)
    expected = PIXELS.copy()
    expected[:, :, 2:6, 3:8] = 0
    assert np.array_equal(found, expected)
    u = RNG.uniform(0, 1, (4000, 17))
    found = Augmentation(erasing=0.25).drawn(u, (84, 84))
    area = found.height * found.width / 84**2
    assert abs((area > 0).mean() - 0.25) < 0.03
    assert area.max() < 0.36 and (found.top + found.height <= 84).all()
    assert (found.left + found.width <= 84).all()


@pytest.mark.parametrize(
    ("per", "distinct"), [("image", 20), ("class", 5), ("episode", 1)]
)
def test_what_shares_a_draw(per, distinct):
    how = Augmentation(rotation=90.0, brightness=0.5, per=per)
    table = how.words(3, 7, 2, (5, 1, 3), (28, 28)).reshape(2, 20, COLUMNS)
    assert [len(np.unique(task, axis=0)) for task in table] == [distinct] * 2
    if per == "class":  # a class's support example first, its queries behind
        assert (table[0, 1] == table[0, 8:11]).all()
    assert np.array_equal(how.words(3, 8, 1, (5, 1, 3), (28, 28))[0], table[1].ravel())
    assert (how.words(4, 7, 1, (5, 1, 3), (28, 28))[0] != table[0].ravel()).any()


def sampler(augment=ALL, **settings):
    glyphs = Glyphs(12, 6, size=16)
    return TaskSampler(glyphs, 5, 1, 2, seed=4, augment=augment, **settings)


def test_a_task_is_the_same_in_training_and_by_its_number():
    """What the compiled step reads is what `sampler[i]` gives."""
    met = []

    class Seen(PrototypicalNetworks):
        def task_loss(self, parameters, task):
            met.append((task.support_x.numpy(), task.query_x.numpy()))
            return super().task_loss(parameters, task)

    learner = Seen(Conv4(hidden=2))
    learner.meta_learn(
        sampler(), steps_per_epoch=2, tasks_per_batch=2, progress=False, compile=False
    )
    assert len(met) == 4
    for number, (support, query) in enumerate(met):
        task, plain = sampler()[number], sampler(None)[number]
        assert np.allclose(support, task.support_x.numpy(), atol=1e-6)
        assert np.allclose(query, task.query_x.numpy(), atol=1e-6)
        assert not np.allclose(support, plain.support_x.numpy(), atol=0.1)
        assert task.support_y.tolist() == plain.support_y.tolist()
        assert query.min() >= 0.0 and query.max() <= 1.0


def trained(augment, folder=None, epochs=2, batch=2, chunk=0):
    nx.manual_seed(1)
    learner = MAML(Conv4(hidden=3, ways=5, batch_norm="transductive"))
    history = learner.meta_learn(
        sampler(augment),
        epochs=epochs,
        steps_per_epoch=2,
        tasks_per_batch=batch,
        chunk=chunk,
        progress=False,
        checkpoint=folder,
    )
    return history["loss"], [p.numpy() for p in learner.parameters()]


def test_a_run_goes_on_with_the_same_bits(tmp_path):
    losses, whole = trained(ALL)
    plain, _ = trained(None)
    assert losses != plain
    trained(ALL, tmp_path / "run", epochs=1)
    again, parts = trained(ALL, tmp_path / "run")
    assert again == losses
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts))
    with pytest.raises(InvalidArgumentError, match="augment"):
        trained(Augmentation(flip=0.1), tmp_path / "run", epochs=3)
    chunked, _ = trained(ALL, chunk=1)
    assert chunked == losses


def test_evaluation_and_validation_see_images_as_they_are():
    nx.manual_seed(0)
    learner = PrototypicalNetworks(Conv4(hidden=2))
    augmented_, plain = sampler(tasks=4), sampler(None, tasks=4)
    one, other = learner.evaluate(augmented_), learner.evaluate(plain)
    assert np.array_equal(one.scores["loss"], other.scores["loss"])
    assert one.compare(other).mean == 0.0  # they are the same tasks
    history = learner.meta_learn(
        sampler(None), steps_per_epoch=1, progress=False, validation=augmented_
    )
    expected = learner.evaluate(plain).scores["loss"].mean()
    assert history["validation_loss"][-1] == pytest.approx(expected, rel=1e-6)
    # a sampler that has an end and ranges trains with them, too
    varied = TaskSampler(
        Glyphs(12, 6, size=16), (2, 3), (1, 2), 1, tasks=8, tasks_per_setting=2,
        augment=ALL,
    )  # fmt: skip
    assert np.isfinite(learner.meta_learn(varied, progress=False)["loss"]).all()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"flip": 1.5}, "flip=1.5; expected a number from 0 to 1"),
        ({"flip": "yes"}, "flip='yes'"),
        ({"crop": 0.5}, r"crop=0.5; expected \(low, high\)"),
        ({"crop": (0.9, 0.5)}, "0.9 is above 0.5"),
        ({"crop": (0.0, 0.5)}, "crop=0.0; expected a number from 0.001 to 1"),
        ({"shift": -1}, "shift"),
        ({"rotation": 200}, "rotation=200; expected a number from 0 to 180"),
        ({"brightness": -0.1}, "brightness=-0.1; expected a number from 0 to 100"),
        ({"erasing": float("nan")}, "erasing=nan"),
        ({"per": "task"}, "per='task'; expected one of 'image', 'class', 'episode'"),
        ({"quarter_turns": 1}, "quarter_turns"),
    ],
)
def test_settings_that_are_none(settings, text):
    with pytest.raises(InvalidArgumentError, match=text):
        Augmentation(**settings)


def test_what_cannot_be_augmented_is_refused():
    rows = ArrayDataset(np.eye(8), np.arange(8) % 2)
    with pytest.raises(InvalidArgumentError, match=r"float32\[8\]; expected images"):
        TaskSampler(rows, 2, 1, 1, augment=ALL)
    with pytest.raises(
        InvalidArgumentError, match="augment is a dict; expected an Aug"
    ):
        sampler({"flip": 0.5})
    with pytest.raises(InvalidArgumentError, match="shift=17, of images of 16 × 16"):
        sampler(Augmentation(shift=17))
    wide = ClassDataset("wide", ["a", "b"], np.zeros((4, 1, 8, 9), np.uint8), [2, 2])
    turns = Augmentation(quarter_turns=True)
    with pytest.raises(InvalidArgumentError, match="8 × 9; expected square ones"):
        TaskSampler(wide, 2, 1, 1, augment=turns)
