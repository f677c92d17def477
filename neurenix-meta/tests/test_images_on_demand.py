"""Folders that are read lazily, with a Preprocess, and with images as people have them:
the same bits as an array of all, and what cannot be read is said once."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pictures import NAMES, drawn, flat, folder_of
from PIL import Image

import neurenix as nx
from neurenix.errors import DatasetError, InvalidArgumentError
from neurenix.meta import (
    Augmentation,
    Classifier,
    Conv4,
    Preprocess,
    PrototypicalNetworks,
    TaskSampler,
    list_images,
)
from neurenix.meta.datasets import Domains, ImageFolder

PREPROCESS = Preprocess(16, channels=1, fit="pad", invert=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("shapes") / "shapes", count=5)


def trained(data, folder=None, epochs=1, augment=None, **options):
    nx.manual_seed(0)
    learner = PrototypicalNetworks(Conv4(hidden=3))
    tasks = TaskSampler(data, 2, 1, 2, seed=3, augment=augment)
    history = learner.meta_learn(
        tasks, epochs=epochs, steps_per_epoch=3, tasks_per_batch=2, progress=False,
        checkpoint=folder, **options,
    )  # fmt: skip
    return learner, history["loss"]


def test_what_is_read_on_demand_gives_the_same_bits(folder):
    eager, lazy = (
        ImageFolder(folder, preprocess=PREPROCESS, lazy=x) for x in (False, True)
    )
    assert lazy.lazy and not eager.lazy and repr(lazy) == repr(eager)
    assert lazy.examples.shape == eager.examples.shape == (15, 1, 16, 16)
    assert np.array_equal(lazy.examples[:], eager.examples)
    rows = np.array([[3, 1], [1, 14]])
    assert np.array_equal(lazy.examples[rows], eager.examples[rows])
    some = Augmentation(flip=0.5, rotation=10.0)
    for augment, options in (
        (None, {}),
        (some, {"steps_per_call": 2}),
        (None, {"chunk": 1}),
    ):
        (one, losses), (other, same) = (
            trained(data, augment=augment, **options) for data in (eager, lazy)
        )
        assert losses == same
        for p, q in zip(one.parameters(), other.parameters()):
            assert np.array_equal(p.numpy(), q.numpy())
    # five tasks at a time, where the last call has fewer
    scores = [
        one.evaluate(TaskSampler(data, 3, 1, 2, tasks=37)).scores["loss"]
        for data in (eager, lazy)
    ]
    assert np.array_equal(*scores)
    subsets = [data.subset(["square", "bar"]) for data in (eager, lazy)]
    assert subsets[1].lazy and subsets[1].files.tolist() == subsets[0].files.tolist()
    assert np.array_equal(subsets[1].class_examples(0), subsets[0].class_examples(0))


def test_only_a_batch_is_read(folder):
    lazy = ImageFolder(folder, preprocess=PREPROCESS, lazy=True)
    read, files = lazy.examples.pixels, []
    lazy.examples.pixels = lambda file: files.append(file) or read(file)
    trained(lazy)
    # twice six to look at the first task, and at most twelve for each of three steps
    assert 0 < len(files) <= 2 * 6 + 3 * 12
    files.clear()
    assert len(lazy.examples[[0, 0, 1]]) == 3 and len(files) == 2


def test_a_run_on_lazy_images_goes_on(folder, tmp_path):
    lazy = ImageFolder(folder, preprocess=PREPROCESS, lazy=True)
    _, whole = trained(lazy, epochs=2)
    trained(lazy, tmp_path / "run", epochs=1)
    learner, losses = trained(lazy, tmp_path / "run", epochs=2)
    assert losses == whole
    finite = TaskSampler(lazy, 2, 1, 2, tasks=5)  # a last batch of one
    learner.meta_learn(finite, tasks_per_batch=2, progress=False, max_memory="1 GB")


def test_a_lazy_image_that_cannot_be_read_is_named_when_it_is_needed(tmp_path):
    root = folder_of(tmp_path / "shapes", count=3)
    (root / "bar" / "1.png").write_bytes(b"no image")
    lazy = ImageFolder(root, preprocess=PREPROCESS, lazy=True)
    with pytest.raises(DatasetError, match=r"bar.1\.png is not a readable image"):
        trained(lazy)
    with pytest.raises(InvalidArgumentError, match="make it with lazy=False"):
        lazy.on_device()
    with pytest.raises(InvalidArgumentError, match="reads its images on demand"):
        other = ImageFolder(folder_of(tmp_path / "more"), preprocess=PREPROCESS)
        Domains([lazy, other])
    (root / "bar" / "2.png").unlink()
    with pytest.raises(DatasetError, match=r"2\.png cannot be read"):
        assert lazy.digest


def test_training_and_classifying_prepare_images_alike(folder):
    data = ImageFolder(folder, preprocess=PREPROCESS)
    files = list_images(folder)
    assert [str(f) for f in files] == data.files.tolist()
    pixels = np.stack([PREPROCESS.pixels(file) for file in files])
    assert np.array_equal(data.examples, pixels)
    stretched = ImageFolder(folder, size=16, invert=True)
    same = ImageFolder(folder, preprocess=Preprocess(16, 1, fit="stretch", invert=True))
    assert np.array_equal(stretched.examples, same.examples)


def sixteen_bits(grey):
    return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)


def turned(grey):
    exif = Image.Exif()
    exif[274] = 6
    return grey.rotate(90, expand=True), {"exif": exif}


def see_through(grey):
    """A palette of two, of which paper is see-through."""
    image = grey.point(lambda v: 255 if v > 127 else 0).convert("P", colors=2)
    paper = image.getpixel((0, 0))
    return image, {"transparency": paper}


FORMS = {
    "plain.png": lambda grey: grey,
    "cmyk.jpg": lambda grey: (grey.convert("RGB").convert("CMYK"), {"quality": 97}),
    "sixteen.png": sixteen_bits,
    "sixteen.tiff": sixteen_bits,
    "palette.png": see_through,
    "turned.png": turned,
    "turned.jpg": lambda grey: (turned(grey)[0], {**turned(grey)[1], "quality": 97}),
    "moving.gif": lambda grey: (grey, {
        "save_all": True, "append_images": [Image.new("L", grey.size, 0)],
    }),
    "moving.webp": lambda grey: (grey, {
        "save_all": True, "append_images": [Image.new("L", grey.size, 0)],
    }),
    "UPPER.PNG": lambda grey: grey,
    "été 写真 (1) #50%.png": lambda grey: grey,
    " leading space.png": lambda grey: grey,
    "two.dots..png": lambda grey: grey,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_images_as_people_have_them(name, tmp_path):
    """Each form beside the plain one, nested and with what is hidden around it."""
    grey = drawn("disc").convert("L")
    made = FORMS[name](grey)
    image, more = made if isinstance(made, tuple) else (made, {})
    root = tmp_path / "root"
    for label in ("a/nested: ü", "b"):
        (root / label).mkdir(parents=True)
    image.save(root / "a/nested: ü" / name, **more)
    grey.save(root / "b" / "plain.png")
    grey.save(root / "b" / ".hidden.png")
    (root / ".thumbnails").mkdir()
    grey.save(root / ".thumbnails" / "1.png")
    (root / "b" / "Thumbs.db").write_bytes(b"none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = ImageFolder(root, preprocess=PREPROCESS)
        lazy = ImageFolder(root, preprocess=PREPROCESS, lazy=True)
        files = list_images(root)
    assert data.classes == ("a/nested: ü", "b") and len(data) == 2
    one, plain = data.examples.astype(int)
    assert np.abs(one - plain).max() <= (90 if "palette" in name else 24)
    assert np.abs(one - plain).mean() < (16 if "palette" in name else 4)
    assert np.array_equal(lazy.examples[:], data.examples)
    assert [file.name for file in files] == [name, "plain.png"]
    labels = Classifier(flat, PREPROCESS).fit({"x": [files[1]]}).predict(files)
    assert labels.tolist() == ["x", "x"]


def test_what_is_skipped_is_said_once(tmp_path):
    root = folder_of(tmp_path / "shapes", count=3)
    for name in NAMES:
        (root / name / "zero.png").write_bytes(b"")
        (root / name / "cut.png").write_bytes((root / name / "0.png").read_bytes()[:80])
    (root / "no images").mkdir()
    with pytest.raises(DatasetError, match=r"bar.cut\.png is not a readable image"):
        ImageFolder(root, preprocess=PREPROCESS)
    with pytest.warns(UserWarning) as told:
        data = ImageFolder(root, preprocess=PREPROCESS, unreadable="skip")
    assert len(told) == 1 and told[0].filename == __file__
    said = str(told[0].message)
    assert "'no images'" in said and "6 of 15 images are skipped: " in said
    assert said.count("is not a readable image") == 3 and "and 3 more" in said
    assert len(data) == len(data.files) == 9 and data.counts.tolist() == [3, 3, 3]
    (root / "no images").rmdir()
    classifier = Classifier(flat, PREPROCESS, unreadable="skip")
    for call, count in (
        (classifier.fit, "6 of 15"),
        (classifier.predict, "6 of 15"),
        (classifier.evaluate, "6 of 15"),
    ):
        with pytest.warns(UserWarning) as told:
            call(root)
        assert len(told) == 1 and f"{count} images are skipped" in str(told[0].message)
    for name in ("0", "1", "2"):
        (root / "disc" / f"{name}.png").unlink()
    for made in (
        lambda: ImageFolder(root, preprocess=PREPROCESS, unreadable="skip"),
        lambda: Classifier(flat, PREPROCESS, unreadable="skip").fit(root),
    ):
        with pytest.raises(DatasetError, match="class 'disc': none of its 2 images"):
            made()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"unreadable": "ignore"}, "unreadable='ignore'; expected 'refuse' or 'skip'"),
        ({"lazy": True, "unreadable": "skip"}, "leave one of them out"),
        ({"preprocess": 28}, "preprocess is a int; expected a Preprocess"),
        ({"preprocess": PREPROCESS, "size": 16}, "are the preprocess's"),
        ({"preprocess": Preprocess(8, 1, mean=0.5)}, "mean=0.5 and std=1.0"),
        ({"lazy": "yes"}, "lazy"),
    ],
)
def test_settings_that_exclude_each_other(folder, settings, text):
    with pytest.raises(InvalidArgumentError, match=text):
        ImageFolder(folder, **settings)
