"""Omniglot: its layout, its splits, and each way in which its files can be wrong."""

import functools
import hashlib
import http.server
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurenix.errors import DatasetError, InvalidArgumentError
from neurenix.meta.datasets import MissingDataError, Omniglot, load_split
from neurenix.meta.datasets import omniglot_files as files
from neurenix.meta.datasets.cache import cache_folder

CHARACTERS = {
    "images_background": ["Alpha/character01", "Alpha/character02", "Beta/character01"],
    "images_evaluation": ["Gamma/character01", "Gamma/character02"],
}


def draw(folder):
    """Small samples in the official layout: character c has a bar c + 2 pixels wide."""
    for part, characters in CHARACTERS.items():
        for number, character in enumerate(characters):
            (folder / part / character).mkdir(parents=True)
            for drawer in range(1, 21):
                paper = np.full((105, 105), True)
                paper[10:90, 5 + drawer : 25 + drawer + 8 * number] = False
                file = folder / part / character / f"{number + 1:04}_{drawer:02}.png"
                Image.fromarray(paper).save(file)


def pack(folder, part):
    archive = folder / f"{part}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted((folder / part).rglob("*.png")):
            packed.write(file, file.relative_to(folder).as_posix())
    return archive


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of small samples, unpacked, that count as the whole release."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NEURENIX_DATA", raising=False)
    for part, characters in CHARACTERS.items():
        alphabets = len({c.split("/")[0] for c in characters})
        release = files.Part(part, alphabets, len(characters), md5="0" * 32)
        monkeypatch.setitem(files.RELEASE, part, release)
    folder = tmp_path / "data" / "omniglot"
    folder.mkdir(parents=True)
    draw(folder)
    return folder


def lake(root, split="train", **more):
    return Omniglot(root, split, splits="lake", **more)


def test_archives_and_folders_give_the_same_drawings(small, tmp_path):
    from_folder = lake(tmp_path / "data")
    for part in CHARACTERS:
        pack(small, part)
    from_archive = lake(small)
    assert from_folder.classes == from_archive.classes
    assert from_folder.classes == tuple(CHARACTERS["images_background"])
    assert np.array_equal(from_folder.examples, from_archive.examples)
    assert from_folder.examples.shape == (60, 1, 28, 28)
    assert from_folder.counts.tolist() == [20] * 3


def test_ink_is_bright_on_dark_paper(small):
    drawing = lake(small).class_examples("Alpha/character01")[0, 0]
    assert drawing[0, 0] == 0 and drawing[12, 4] > 250
    theirs = Image.open(small / "images_background/Alpha/character01/0001_01.png")
    theirs = theirs.convert("L").resize((28, 28), Image.Resampling.LANCZOS)
    assert np.abs(255 - np.asarray(theirs).astype(int) - drawing).max() <= 1


def test_each_split_of_lake_reads_its_own_archive(small):
    assert lake(small, "test").classes == tuple(CHARACTERS["images_evaluation"])
    assert len(lake(small, "all").classes) == 5
    assert len(Omniglot(small, "all").classes) == 5
    assert lake(small, "test", size=14).examples.shape == (40, 1, 14, 14)


def test_rotations_are_further_classes(small):
    plain, turned = lake(small), lake(small, rotations=True)
    assert turned.classes[:3] == plain.classes and len(turned.classes) == 12
    assert turned.classes[3] == "Alpha/character01@90"
    for degrees, turns in ((90, 1), (180, 2), (270, 3)):
        drawing = turned.class_examples(f"Beta/character01@{degrees}")[7, 0]
        upright = plain.class_examples("Beta/character01")[7, 0]
        assert np.array_equal(drawing, np.rot90(upright, turns))


def test_the_environment_names_the_folder(small, monkeypatch):
    monkeypatch.setenv("NEURENIX_DATA", str(small.parent))
    assert len(lake(None).classes) == 3


def test_decoded_drawings_are_kept_until_the_files_change(small):
    first = lake(small)
    kept = list((cache_folder() / "datasets").iterdir())
    assert len(kept) == 1 and np.array_equal(lake(small).examples, first.examples)
    assert list((cache_folder() / "datasets").iterdir()) == kept
    file = small / "images_background/Alpha/character01/0001_01.png"
    Image.new("1", (105, 105), 1).save(file)
    assert lake(small).examples[0].max() == 0


def test_nothing_found_says_what_to_put_where(tmp_path, monkeypatch):
    with pytest.raises(MissingDataError) as caught:
        Omniglot(tmp_path)
    for words in (
        "images_background.zip",
        "images_evaluation.zip",
        str(tmp_path / "omniglot"),
        "NEURENIX_DATA",
        "download=True",
        "Glyphs()",
    ):
        assert words in str(caught.value)
    monkeypatch.delenv("NEURENIX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingDataError, match="neurenix"):
        Omniglot()


def test_an_incomplete_release_is_counted(small):
    (small / "images_background/Alpha/character02/0002_07.png").unlink()
    with pytest.raises(DatasetError) as caught:
        lake(small)
    assert "it holds 2 alphabets, 3 characters and 59 drawings" in str(caught.value)
    assert "has 2, 3 and 60; Alpha/character02 has 19 drawings" in str(caught.value)


def test_what_is_no_archive_is_named(small):
    archive = pack(small, "images_background")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DatasetError, match=r"background\.zip is not a readable zip"):
        lake(small)


def test_a_damaged_archive_is_named_with_its_file(small):
    archive = pack(small, "images_background")
    content = bytearray(archive.read_bytes())
    start = content.index(b".png") + 10  # in the first drawing's compressed bytes
    content[start : start + 12] = bytes(12)
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match=r"background\.zip.*0001_01\.png"):
        lake(small)


def test_a_damaged_drawing_is_named(small):
    file = small / "images_background/Beta/character01/0003_05.png"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(DatasetError, match=r"0003_05\.png is not a readable image"):
        lake(small)
    Image.new("1", (64, 64)).save(file)
    with pytest.raises(DatasetError, match=r"0003_05\.png has 64 × 64 pixels"):
        lake(small)


def test_damaged_bytes_of_an_archive_give_a_named_error_or_drawings(small):
    archive = pack(small, "images_evaluation")
    content = archive.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), rng.integers(1, 40)):
            damaged[position] = rng.integers(256)
        archive.write_bytes(damaged)
        try:
            lake(small, "test")
        except DatasetError as error:
            assert "images_evaluation.zip" in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"split": "val"}, "split='val' of Omniglot"),
        ({"split": "val", "splits": "lake"}, "split='val' of Omniglot"),
        ({"splits": "ravi"}, "splits='ravi' of Omniglot"),
        ({"split": "validation", "splits": "lake"}, "no validation part"),
        ({"size": 0}, "size=.*; expected an int of 1 or more"),
    ],
)
def test_unknown_arguments_are_named(small, arguments, words):
    with pytest.raises(InvalidArgumentError, match=words):
        Omniglot(small, **arguments)


# Downloads, from a server of our own.


@pytest.fixture
def server(small, tmp_path, monkeypatch):
    served = tmp_path / "served"
    served.mkdir()
    for part in CHARACTERS:
        archive = pack(small, part).rename(served / f"{part}.zip")
        digest = hashlib.md5(archive.read_bytes()).hexdigest()
        known = files.RELEASE[part]
        release = files.Part(part, known.alphabets, known.characters, digest)
        monkeypatch.setitem(files.RELEASE, part, release)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(files, "_ORIGIN", address)
        yield served
        running.shutdown()


def test_a_download_is_checked_and_kept(server, tmp_path):
    root = tmp_path / "fresh"
    assert len(lake(root, "all", download=True).classes) == 5
    assert sorted(f.name for f in (root / "omniglot").iterdir()) == [
        "images_background.zip",
        "images_evaluation.zip",
    ]
    assert len(lake(root).classes) == 3


def test_a_download_with_another_digest_is_refused(server, tmp_path):
    with (server / "images_background.zip").open("ab") as archive:
        archive.write(b"more")
    with pytest.raises(MissingDataError, match=r"could not be downloaded: MD5 hash"):
        lake(tmp_path / "fresh", download=True)
    assert not list((tmp_path / "fresh").rglob("*.zip"))


def test_without_a_server_the_error_says_what_to_put_where(
    small, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "_ORIGIN", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(MissingDataError, match=r"could not be downloaded.*Put images"):
        lake(tmp_path / "fresh", download=True)


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "fresh").write_text("a file stands where the folder should be")
    with pytest.raises(MissingDataError, match=r"could not be downloaded: .*fresh"):
        lake(tmp_path / "fresh", download=True)


# The real thing.


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    root = os.environ.get("NEURENIX_DATA")
    if not root or not (Path(root) / "omniglot" / "images_background.zip").is_file():
        pytest.skip("NEURENIX_DATA names no folder with omniglot/images_background.zip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield root


@pytest.mark.omniglot
@pytest.mark.parametrize(
    "split, characters", [("train", 1028), ("validation", 172), ("test", 423)]
)
def test_vinyals_parts_of_the_release(release, split, characters):
    data = Omniglot(release, split)
    assert data.classes == load_split("omniglot", "vinyals")[split]
    assert len(data.classes) == characters
    assert data.examples.shape == (characters * 20, 1, 28, 28)
    # Ink is a twelfth of the paper, a drawing never empty.
    assert 0.05 < data.examples.mean() / 255 < 0.12
    assert data.examples.max(axis=(1, 2, 3)).min() > 128


@pytest.mark.omniglot
def test_lakes_parts_of_the_release(release):
    background, evaluation = lake(release), lake(release, "test")
    assert (len(background.classes), len(evaluation.classes)) == (964, 659)
    assert not set(background.classes) & set(evaluation.classes)
    assert len({c.split("/")[0] for c in background.classes}) == 30
    assert len({c.split("/")[0] for c in evaluation.classes}) == 20


@pytest.mark.omniglot
def test_rotated_training_classes_of_the_release(release):
    assert len(Omniglot(release, "train", rotations=True).classes) == 4 * 1028
