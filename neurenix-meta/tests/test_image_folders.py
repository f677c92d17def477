"""Folders of images as people have them: links, what cannot be read, what is left out,
orientation, and which file an example came from."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from neurenix.errors import DatasetError
from neurenix.meta import Classifier, Preprocess, TaskSampler, list_images
from neurenix.meta.datasets import CUB200, Domains, ImageFolder, load_split


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    for name, greys in (("cat", (10, 20, 30)), ("dog", (110, 120, 130))):
        (root / name).mkdir(parents=True)
        for grey in greys:
            Image.new("L", (8, 8), grey).save(root / name / f"{grey}.png")
    return root


def greys(data):
    return data.examples[:, 0, 0, 0].tolist()


# ---- links ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["all", "cat/all", "dog/below/all"])
@pytest.mark.parametrize("target", ["root", "above", "cat", "itself"])
def test_a_link_to_a_folder_that_is_read_makes_no_class(pets, place, target):
    link = pets / place
    link.parent.mkdir(exist_ok=True)
    targets = {
        "root": pets,
        "above": pets.parent,
        "cat": pets / "cat",
        "itself": link.parent,
    }
    link.symlink_to(targets[target], target_is_directory=True)
    with pytest.warns(UserWarning, match=f"read already: '{place}'"):
        data = ImageFolder(pets, size=8)
    assert data.classes == ("cat", "dog") and len(data) == 6


def test_a_link_to_a_folder_elsewhere_is_a_class_once(pets, tmp_path):
    other = tmp_path / "elsewhere"
    (other / "deep").mkdir(parents=True)
    Image.new("L", (8, 8), 200).save(other / "deep" / "1.png")
    (other / "back").symlink_to(pets)
    (pets / "fish").symlink_to(other)
    (pets / "again").symlink_to(other)
    with pytest.warns(UserWarning, match="'fish', 'again/back'"):
        data = ImageFolder(pets, size=8)
    assert data.classes == ("again/deep", "cat", "dog")


def test_linked_images_are_read_and_the_root_may_be_a_link(pets, tmp_path):
    (pets / "dog" / "linked.png").symlink_to(pets / "cat" / "10.png")
    (tmp_path / "link").symlink_to(pets)
    assert len(ImageFolder(tmp_path / "link", size=8)) == 7


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda file: file.symlink_to("nowhere.png"), "a link to what is not there"),
        (lambda file: file.symlink_to(file.name), "cannot be read: Too many levels"),
        (lambda file: os.mkfifo(file), "is no file"),
    ],
)
def test_what_has_an_images_name_and_cannot_be_read_is_named(pets, make, words):
    make(pets / "cat" / "1.png")
    with pytest.raises(DatasetError, match=rf"cat.1\.png .*{words}"):
        ImageFolder(pets)


def test_a_file_or_folder_that_may_not_be_read_is_named(pets, monkeypatch):
    # by hand, since who runs the tests may be allowed everything
    def refused(self):
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.read_bytes", refused)
        with pytest.raises(DatasetError, match=r"cat.10\.png cannot be read: Perm"):
            ImageFolder(pets)
    scandir = os.scandir

    def scan(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", scan)
    with pytest.raises(DatasetError, match="dog cannot be read: Permission denied"):
        ImageFolder(pets)


def test_a_broken_link_in_a_benchmark_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in load_split("cub_200", "chen")["test"]:
        folder = tmp_path / "CUB_200_2011" / "images" / name
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "1.jpg")
    (folder / "2.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(DatasetError, match=r"2\.jpg is a link to what is not there"):
        CUB200(tmp_path, "test", size=8)
    (folder / "2.jpg").unlink()
    data = CUB200(tmp_path, "test", size=8)
    assert data.files[-1] == str(folder / "1.jpg") and len(data.files) == len(data)


# ---- what is left out ----------------------------------------------------------------


def test_folders_and_images_that_are_left_out_are_said_once(pets):
    (pets / "empty" / "deeper").mkdir(parents=True)
    (pets / "phone").mkdir()
    (pets / "phone" / "1.HEIC").write_bytes(b"")
    (pets / "phone" / "notes.txt").write_bytes(b"")
    (pets / "cat" / "raw").mkdir()
    Image.new("L", (8, 8)).save(pets / "loose.png")
    with pytest.warns(UserWarning) as said:
        data = ImageFolder(pets, size=8)
    (warning,) = said
    text = str(warning.message)
    assert "folders without images: 'cat/raw', 'empty', 'phone' (.heic, .txt)" in text
    assert "images in no class folder: 'loose.png'" in text
    assert warning.filename == __file__
    assert data.classes == ("cat", "dog")


def test_many_are_counted(pets):
    for number in range(8):
        (pets / f"empty{number}").mkdir()
    with pytest.warns(UserWarning, match="'empty2' and 5 more"):
        ImageFolder(pets, size=8)


def test_files_of_other_types_in_a_class_are_said_once(pets):
    for name in (
        "cat/IMG_1.HEIC",
        "dog/IMG_2.heic",
        "dog/photo",
        "dog/Thumbs.db",
        "raw.dng",
    ):
        (pets / name).write_bytes(b"")
    (pets / "cat" / "notes.txt").write_text("of no image")
    text = r"left out are files of other types: 2 \.heic \('cat/IMG_1.HEIC', …\), "
    text += r"1 without suffix \('dog/photo'\)\. Expected"
    reader = Preprocess(8, 1)
    classifier = Classifier(lambda x: x.reshape(len(x), -1), reader).fit(
        {name: sorted((pets / name).glob("*.png")) for name in ("cat", "dog")}
    )
    calls = [
        (lambda: ImageFolder(pets, size=8), text),
        (lambda: classifier.fit(pets), text),
        (lambda: classifier.fit({n: pets / n for n in ("cat", "dog")}), "2 .heic"),
        (lambda: classifier.predict(pets), r"over are files of .*1 \.dng.*2 \.heic"),
        (lambda: list_images(pets), "passed over are files of other types"),
    ]
    for call, words in calls:
        with pytest.warns(UserWarning, match=words) as said:
            call()
        assert len(said) == 1 and said[0].filename == __file__
        assert not any(n in str(said[0].message) for n in ("Thumbs", ".txt"))


def test_other_names_of_jpeg(pets):
    for suffix in ("jfif", "jpe"):
        Image.new("L", (8, 8), 60).save(pets / "cat" / f"9.{suffix}", format="JPEG")
    assert greys(ImageFolder(pets, size=8)) == [10, 20, 30, 60, 60, 110, 120, 130]


def test_images_below_a_class_are_of_it(pets):
    """Folders of folders alone make none: an alphabet's letters stay classes."""
    for name in ("cat/nested/deeper", "cat/other", "cat-2", "birds/owl", "birds/jay"):
        (pets / name).mkdir(parents=True)
        Image.new("L", (8, 8), 40).save(pets / name / "1.png")
    classes = ("birds/jay", "birds/owl", "cat", "cat-2", "dog")
    words = "are of that class: 'cat/nested/deeper', 'cat/other'. Where they are"
    with pytest.warns(UserWarning, match=words):
        data = ImageFolder(pets, size=8)
    assert data.classes == classes
    assert greys(data) == [40, 40, 10, 20, 30, 40, 40, 40, 110, 120, 130]
    with pytest.warns(UserWarning, match=words):
        classifier = Classifier(lambda x: x.reshape(len(x), -1), Preprocess(8, 1))
        counts = classifier.fit(pets).counts_
    assert tuple(counts) == classes and counts["cat"] == 5


def test_hidden_things_and_folders_of_folders_are_not_said(pets):
    (pets / ".git" / "objects").mkdir(parents=True)
    (pets / "cat" / ".DS_Store").write_bytes(b"")
    (pets / "birds" / "owl").mkdir(parents=True)
    Image.new("L", (8, 8)).save(pets / "birds" / "owl" / "1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ImageFolder(pets, size=8).classes == ("birds/owl", "cat", "dog")


# ---- orientation ---------------------------------------------------------------------

# What EXIF's orientation asks of an array [height, width], from 1 to 8.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_images_are_turned_upright(pets, orientation, suffix):
    stored = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(stored).save(pets / "cat" / f"0.{suffix}", exif=exif, **lossless)
    read = ImageFolder(pets, size=8).examples[0, 0]
    assert np.abs(read.astype(int) - UPRIGHT[orientation](stored)).max() <= 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's
@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_damaged_exif_data_spoil_no_image(pets, exif):
    Image.new("L", (8, 8), 77).save(pets / "cat" / "0.png", exif=exif)
    assert greys(ImageFolder(pets, size=8))[0] == 77


# ---- files ---------------------------------------------------------------------------


def test_each_example_has_its_file(pets):
    data = ImageFolder(pets, size=8)
    assert [int(os.path.basename(f)[:-4]) for f in data.files] == greys(data)
    part = data.subset(["dog", "cat"])
    assert [int(os.path.basename(f)[:-4]) for f in part.files] == greys(part)
    sampler = TaskSampler(data, ways=2, shots=1, queries=2, seed=3)
    task, picked = sampler[5], sampler.indices(5)
    names = [os.path.basename(f) for f in data.files[picked.support].ravel()]
    pixels = np.round(task.support_x.numpy()[:, 0, 0, 0] * 255).astype(int)
    assert names == [f"{grey}.png" for grey in pixels]


def test_domains_keep_files_where_all_have_them(pets, tmp_path):
    one, other = ImageFolder(pets, size=8), ImageFolder(pets, size=8)
    other.name = "others"
    both = Domains([one, other])
    assert both.files.tolist() == [*one.files, *other.files]
    other.files = None
    assert Domains([one, other]).files is None


def test_a_data_set_is_called_as_its_folder_wherever_it_is_named_from(
    pets, monkeypatch
):
    monkeypatch.chdir(pets)
    assert ImageFolder(".", size=8).name == "pets"
