"""Data sets from arrays and folders, class splits, and the cache of decoded ones."""

import enum
import stat
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import neurenix as nx
from neurenix.errors import DatasetError, InvalidArgumentError, ShapeError
from neurenix.meta.datasets import (
    ArrayDataset,
    ClassDataset,
    ImageFolder,
    MissingDataError,
    load_split,
)
from neurenix.meta.datasets.cache import cache_folder, cached
from neurenix.meta.datasets.images import decode
from neurenix.meta.datasets.resample import resample


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# Classes of examples.


def test_classes_are_runs_of_one_array():
    examples = np.arange(12, dtype=np.float32).reshape(6, 2)
    data = ClassDataset("toys", ["a", "b", "c"], examples, [1, 3, 2], split="train")
    assert data.class_offsets.tolist() == [0, 1, 4, 6] and len(data) == 6
    assert data.counts.tolist() == [1, 3, 2] and data.example_shape == (2,)
    assert np.array_equal(data.class_examples("b"), examples[1:4])
    assert data.scale == 1.0 and data.split == "train"
    assert repr(data) == (
        "ClassDataset('toys', train, 3 classes, 6 examples of float32[2])"
    )


def test_a_subset_keeps_the_order_asked_for():
    examples = np.arange(6, dtype=np.float32)[:, None]
    data = ClassDataset("toys", ["a", "b", "c"], examples, [1, 3, 2], split="test")
    part = data.subset(["c", 0])
    assert part.classes == ("c", "a") and part.split == "test"
    assert part.examples.ravel().tolist() == [4, 5, 0]
    for wrong in (["d"], [3], [-1], []):
        with pytest.raises(InvalidArgumentError, match="toys"):
            data.subset(wrong)


@pytest.mark.parametrize(
    "classes, examples, counts, words",
    [
        ("ab", np.zeros((3, 1), np.float64), [1, 2], "float64"),
        ("ab", np.zeros((3, 1), np.float32), [1, 1], "add up to 2, for 3 examples"),
        ("ab", np.zeros((3, 1), np.float32), [3], "2 class names and 1 counts"),
        ("aa", np.zeros((3, 1), np.float32), [1, 2], "two classes are named 'a'"),
        ("ab", np.zeros((3, 1), np.float32), [3, 0], "class 'b' has no examples"),
    ],
)
def test_what_is_no_data_set_is_named(classes, examples, counts, words):
    with pytest.raises(InvalidArgumentError, match=words):
        ClassDataset("toys", classes, examples, counts)


# Arrays.


def test_arrays_are_grouped_by_label_in_order():
    data = ArrayDataset([[0.0], [1.0], [2.0], [3.0]], [7, -1, 7, 3])
    assert data.classes == ("-1", "3", "7")
    assert data.examples.ravel().tolist() == [1, 3, 0, 2]
    assert data.examples.dtype == np.float32


def test_uint8_arrays_stay_pixels():
    pixels = np.full((4, 1, 2, 2), 255, np.uint8)
    data = ArrayDataset(pixels, ["x", "y", "x", "y"])
    assert data.examples.dtype == np.uint8 and data.scale == 1 / 255


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint16, np.uint32])
def test_whole_numbers_stay_so(kind):
    tokens = np.array([[7, 100], [3, 4]], kind)
    data = ArrayDataset(tokens, [0, 1])
    assert data.examples.dtype == np.int32 and data.scale == 1.0
    np.testing.assert_array_equal(data.examples, tokens)
    assert data.on_device().dtype is nx.int32
    assert data.subset([1]).examples.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    "X, y, words",
    [
        (np.array([[1], [2**31]]), [0, 1], "X holds 2147483648; .* give floats"),
        (np.array([[1], [2**64 - 1]], np.uint64), [0, 1], "X holds 184467440737095"),
        (np.zeros((3, 2)), [0, 1], r"X \[3, 2\] and y \[2\]"),
        (np.zeros((3, 2)), np.zeros((3, 2), int), r"y \[3, 2\]"),
        (np.zeros((0, 2)), np.zeros(0, int), "n ≥ 1"),
        (np.zeros((2, 2)), [0.5, 1.0], "labels of float64"),
        (np.array([["a"], ["b"]]), [0, 1], "not numbers"),
        (np.array([[np.nan], [1.0]]), [0, 1], "NaN"),
        (np.float64(3), [0], r"X \[\]"),
    ],
)
def test_arrays_that_do_not_fit_are_named(X, y, words):
    with pytest.raises(InvalidArgumentError, match=words):
        ArrayDataset(X, y)


class Pet(enum.IntEnum):
    CAT = 1


@pytest.mark.parametrize(
    "y, classes",
    [
        (np.array([b"dog", b"cat"]), ("cat", "dog")),
        (["Löwe".encode(), b"cat"], ("Löwe", "cat")),
        (np.array(["dog", "cat"], object), ("cat", "dog")),
        (np.array([b"dog", "cat"], object), ("cat", "dog")),
        (np.array(["dog", "cat"], np.dtypes.StringDType()), ("cat", "dog")),
        (np.array([10, np.int64(9)], object), ("9", "10")),
        (np.array([2**40, 2**40 + 1]), (str(2**40), str(2**40 + 1))),
        (np.array([2**63, 1], np.uint64), ("1", str(2**63))),
        (np.array([2**70, 1], object), ("1", str(2**70))),
        ([True, False], ("False", "True")),
        (["", "a"], ("", "a")),
    ],
)
def test_labels_as_people_have_them(y, classes):
    data = ArrayDataset(np.eye(2), y)
    assert sorted(data.classes) == sorted(classes)
    order = sorted(range(2), key=lambda i: data.classes.index(classes[i]))
    assert data.classes == tuple(classes[i] for i in order)
    assert sorted(data.examples.argmax(axis=1).tolist()) == [0, 1]


@pytest.mark.parametrize(
    "y, words",
    [
        (np.array(["cat", 3], object), "several kinds, 'cat' and 3"),
        (np.array([True, 2], object), "several kinds, True and 2"),
        (np.array(["cat", None], object), "label 1 is None"),
        (["cat", 3], "several kinds, 'cat' and 3"),
        ([0, "0"], "several kinds, 0 and '0'"),
        (["cat", float("nan")], "label 1 is nan"),
        ([1, True], "several kinds, 1 and True"),
        (np.array(["cat", np.nan], object), "label 1 is nan"),
        (np.array([b"\xff", b"a"]), r"label 0 is b'\\xff', which is not UTF-8"),
        (np.array([Pet.CAT, 2], object), "label 0 is <Pet.CAT"),
        (np.array([("a", 1), ("b", 2)], object)[:, 0:1], r"y \[2, 1\]"),
        (np.array(["2020", "2021"], "M8[Y]"), "labels of datetime64"),
        (np.array([1j, 2]), "labels of complex128"),
        (np.array([0.0, 1.0]), r"labels of float64; .* \(y.astype\(int\)\)"),
        ([[0], [0, 1]], "ragged"),
    ],
)
def test_labels_that_are_none_are_named(y, words):
    with pytest.raises(InvalidArgumentError, match=words):
        ArrayDataset(np.eye(2), y)


def test_images_of_several_sizes_are_named():
    images = [np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), np.zeros((1, 9, 8))]
    words = r"example 0 has shape \(1, 8, 8\) and example 2 shape \(1, 9, 8\)"
    with pytest.raises(ShapeError, match=words):
        ArrayDataset(images, [0, 0, 1])


# Folders.


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "pictures"
    for name, grey in (("birds/owl", 0), ("birds/wren", 255), ("fish", 100)):
        (root / name).mkdir(parents=True)
        for number in range(2):
            image = Image.new("L", (40, 20), grey)
            image.save(root / name / f"{number}.png")
    (root / "fish" / "notes.txt").write_text("not a picture")
    (root / ".hidden").mkdir()
    Image.new("L", (4, 4)).save(root / ".hidden" / "0.png")
    return root


def test_every_folder_with_images_is_a_class(pictures):
    data = ImageFolder(pictures, size=16)
    assert data.classes == ("birds/owl", "birds/wren", "fish")
    assert data.examples.shape == (6, 1, 16, 16) and data.name == "pictures"
    assert data.class_examples("birds/wren").min() == 255
    assert data.class_examples("fish").max() == 100


def test_ink_can_be_made_bright_and_colour_kept(pictures):
    Image.new("RGB", (8, 8), (10, 20, 30)).save(pictures / "fish" / "9.png")
    data = ImageFolder(pictures, size=8, channels=3, invert=True)
    assert data.examples.shape == (7, 3, 8, 8)
    assert data.examples[-1, :, 0, 0].tolist() == [245, 235, 225]


def test_what_is_see_through_is_paper(pictures):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(pictures / "fish" / "9.png")
    assert ImageFolder(pictures, size=8).examples[-1].min() == 255


def test_a_folder_that_is_not_there_or_has_no_classes(tmp_path):
    with pytest.raises(MissingDataError, match=r"there is no folder .*nowhere"):
        ImageFolder(tmp_path / "nowhere")
    Image.new("L", (4, 4)).save(tmp_path / "loose.png")
    with pytest.raises(DatasetError, match="no class folders"):
        ImageFolder(tmp_path)


def test_a_damaged_image_is_named(pictures):
    file = pictures / "fish" / "1.png"
    file.write_bytes(file.read_bytes()[:45])
    with pytest.raises(DatasetError, match=r"fish.1\.png is not a readable image"):
        ImageFolder(pictures)
    file.write_text("hello")
    with pytest.raises(DatasetError, match=r"fish.1\.png is not a readable image"):
        ImageFolder(pictures)


def test_sixteen_bits_of_grey_become_eight(pictures):
    deep = Image.fromarray(np.full((8, 8), 40_000, np.uint16))
    deep.save(pictures / "fish" / "1.png")
    data = ImageFolder(pictures)
    row = data.files.tolist().index(str(pictures / "fish" / "1.png"))
    assert (data.examples[row] == 156).all()


def test_more_than_16_bits_would_lose_their_range(pictures):
    deep = Image.fromarray(np.full((8, 8), 0.5, np.float32))
    deep.save(pictures / "fish" / "1.tiff")
    with pytest.raises(DatasetError, match=r"1\.tiff has the mode F"):
        ImageFolder(pictures)


def test_folder_arguments(pictures):
    with pytest.raises(InvalidArgumentError, match="channels must be 1 or 3, not 2"):
        ImageFolder(pictures, channels=2)
    with pytest.raises(InvalidArgumentError, match=r"size=.*an int of 1 or more"):
        ImageFolder(pictures, size=0)


def test_without_pillow_the_error_says_what_to_install(pictures):
    program = f"""
import sys
sys.modules["PIL"] = None
from neurenix.meta.datasets import Glyphs, ImageFolder
Glyphs(classes=2)
ImageFolder({str(pictures)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert "DatasetError: reading images needs Pillow" in done.stderr
    assert "pip install Pillow" in done.stderr


def test_damaged_bytes_give_a_named_error_or_an_image(pictures):
    content = (pictures / "fish" / "1.png").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[position] = rng.integers(256)
        try:
            decode(bytes(damaged), "a.png")
        except DatasetError as error:
            assert "a.png" in str(error)
            refused += 1
    assert refused > 200


# Resampling.


@pytest.mark.parametrize("source, target", [(105, 28), (105, 14), (64, 64), (20, 28)])
def test_resampling_is_pillows_lanczos(source, target):
    grey = np.random.default_rng(0).integers(0, 256, (4, source, source), np.uint8)
    ours = resample(grey, target).astype(int)
    for image, small in zip(grey, ours, strict=True):
        theirs = Image.fromarray(image).resize(
            (target, target), Image.Resampling.LANCZOS
        )
        assert np.abs(np.asarray(theirs).astype(int) - small).max() <= 1


# Splits and the cache.


def test_vinyals_split_is_1028_172_423_and_disjoint():
    split = load_split("omniglot", "vinyals")
    sizes = {part: len(names) for part, names in split.items()}
    assert sizes == {"train": 1028, "validation": 172, "test": 423}
    assert len({name for names in split.values() for name in names}) == 1623
    with pytest.raises(InvalidArgumentError, match="omniglot/vinyals"):
        load_split("omniglot", "mine")


def test_arrays_are_made_once_and_again_when_their_file_is_damaged():
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(1000), "names": np.array(["x", "yy"])}

    first, second = cached("toys", "k", make), cached("toys", "k", make)
    assert len(made) == 1
    assert all(np.array_equal(first[name], second[name]) for name in first)
    (file,) = (cache_folder() / "datasets").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), b"", content[:100]):
        file.write_bytes(damaged)
        assert np.array_equal(cached("toys", "k", make)["a"], np.arange(1000))
    assert len(made) == 4
    cached("toys", "another key", make)
    assert len(made) == 5


def test_a_cache_that_cannot_be_written_is_said_and_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file stands where the folder should be")
    with pytest.warns(RuntimeWarning, match="toys is not kept for the next time"):
        arrays = cached("toys", "k", lambda: {"a": np.ones(3)})
    assert arrays["a"].tolist() == [1, 1, 1]


def test_a_write_that_fails_leaves_no_half_file(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        cached("toys", "k", lambda: {"a": np.ones(3)})
    assert list((cache_folder() / "datasets").iterdir()) == []
    assert stat.S_ISDIR((cache_folder() / "datasets").stat().st_mode)
