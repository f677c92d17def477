"""miniImageNet, CUB-200, CIFAR-FS and FC100, on small samples in their layouts."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from neurenix.errors import DatasetError, InvalidArgumentError
from neurenix.meta import TaskSampler
from neurenix.meta.datasets import (
    CIFARFS,
    CUB200,
    FC100,
    MiniImageNet,
    MissingDataError,
    cifar,
    image_files,
    load_split,
)

IMAGES = 3
PARTS = {"train": 64, "validation": 16, "test": 20}


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Three images of a class count as the whole release."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NEURENIX_DATA", raising=False)
    for module, name in ((image_files, "MINI_IMAGENET"), (cifar, "CIFAR_FS_FOLDERS")):
        release = dataclasses.replace(getattr(module, name), images=IMAGES)
        monkeypatch.setattr(module, name, release)
    monkeypatch.setattr(cifar, "IMAGES", IMAGES)


def grey(number):
    return number % 256


def draw(file, level, size=(12, 10)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 0, 255)).save(file)


def all_classes(*split):
    return [c for classes in load_split(*split).values() for c in classes]


# ---- miniImageNet --------------------------------------------------------------------


def in_one_folder(root, name, number, image):
    return root / "miniimagenet/images" / f"{name}{image:08}.png"


def in_class_folders(root, name, number, image):
    return root / "mini-imagenet" / name / f"{image}.png"


def in_parts(root, name, number, image):
    return root / "miniimagenet/all" / name / f"{name}_{image}.png"


@pytest.mark.parametrize("place", [in_one_folder, in_class_folders, in_parts])
def test_mini_imagenet_in_each_layout(tmp_path, place):
    names = all_classes("miniimagenet", "ravi")
    for number, name in enumerate(names):
        for image in range(IMAGES):
            draw(place(tmp_path, name, number, image), grey(number))
    for split, classes in PARTS.items():
        data = MiniImageNet(tmp_path, split, size=8)
        assert data.classes == load_split("miniimagenet", "ravi")[split]
        assert data.examples.shape == (classes * IMAGES, 3, 8, 8)
        levels = [names.index(c) for c in data.classes for _ in range(IMAGES)]
        assert data.examples[:, 0, 0, 0].tolist() == levels
        assert (data.examples[:, 2] == 255).all()
    assert len(MiniImageNet(tmp_path, "all", size=8).classes) == 100


def test_mini_imagenet_with_a_class_too_small_or_missing(tmp_path):
    for number, name in enumerate(load_split("miniimagenet", "ravi")["validation"]):
        for image in range(IMAGES):
            draw(in_class_folders(tmp_path, name, number, image), 0)
    gone = in_class_folders(tmp_path, "n02091244", 0, 1)
    gone.unlink()
    words = "2 images of miniImageNet's class 'n02091244'; the official release has 3"
    with pytest.raises(DatasetError, match=words):
        MiniImageNet(tmp_path, "validation", size=8)
    with pytest.raises(DatasetError, match=r"no images of .* \(20 of 20 classes"):
        MiniImageNet(tmp_path, "test", size=8)
    draw(gone, 0)
    gone.write_bytes(gone.read_bytes()[:50])
    with pytest.raises(DatasetError, match=r"n02091244.1.png is not a readable image"):
        MiniImageNet(tmp_path, "validation", size=8)
    draw(gone, 77)
    data = MiniImageNet(tmp_path, "validation", size=8)
    assert data.class_examples("n02091244")[1, 0, 0, 0] == 77
    draw(gone, 78)  # what was decoded before is not kept for a file that changed
    data = MiniImageNet(tmp_path, "validation", size=8)
    assert data.class_examples("n02091244")[1, 0, 0, 0] == 78


# ---- CUB-200 -------------------------------------------------------------------------


def test_cub_200(tmp_path, monkeypatch):
    names = all_classes("cub_200", "chen")
    assert len(set(names)) == 200
    for name in names:
        number = int(name[:3])
        for image in range(2 + number % 2):
            file = f"CUB_200_2011/images/{name}/{name[4:]}_{image:04}.jpg"
            draw(tmp_path / file, number)
    monkeypatch.setenv("NEURENIX_DATA", str(tmp_path))
    data = CUB200(split="test", size=8)
    assert data.classes == load_split("cub_200", "chen")["test"]
    assert data.counts.tolist() == [2] * 50
    train = CUB200(split="train", size=8)
    assert set(train.counts.tolist()) == {3}
    assert not set(train.classes) & set(data.classes)
    with pytest.raises(InvalidArgumentError, match=r"Laysan_Albatross.* has 2"):
        TaskSampler(CUB200(split="validation", size=8), 5, 1, 2)


# ---- CIFAR-100 -----------------------------------------------------------------------


def write_cifar(root, images=IMAGES):
    """CIFAR-100 in binary: 20 superclasses of five classes, of each a few images."""
    folder = root / "cifar-100-binary"
    folder.mkdir()
    fine = sorted(all_classes("cifar_fs", "bertinetto"))
    coarse = sorted(all_classes("fc100", "oreshkin"))
    (folder / "fine_label_names.txt").write_text("\n".join(fine) + "\n\n")
    (folder / "coarse_label_names.txt").write_text("\n".join(coarse) + "\n")
    records = []
    for image in range(images):
        for number in range(100):
            pixels = np.full((3, 32, 32), number, np.uint8)
            pixels[1], pixels[2] = image, number % 20
            records.append(bytes([number % 20, number]) + pixels.tobytes())
    (folder / "train.bin").write_bytes(b"".join(records[:200]))
    (folder / "test.bin").write_bytes(b"".join(records[200:]))
    return folder, fine, coarse


def test_cifar_fs_from_the_official_files(tmp_path):
    _, fine, _ = write_cifar(tmp_path)
    for split, classes in PARTS.items():
        data = CIFARFS(tmp_path, split)
        assert data.classes == load_split("cifar_fs", "bertinetto")[split]
        assert data.examples.shape == (classes * IMAGES, 3, 32, 32)
        numbers = [fine.index(c) for c in data.classes for _ in range(IMAGES)]
        assert data.examples[:, 0, 5, 7].tolist() == numbers
        assert data.examples[:, 1, 5, 7].tolist() == [0, 1, 2] * classes


def test_cifar_fs_from_class_folders(tmp_path):
    for number, name in enumerate(load_split("cifar_fs", "bertinetto")["test"]):
        for image in range(IMAGES):
            file = f"cifar-fs/cifar100/data/{name}/{image}.png"
            draw(tmp_path / file, number, (32, 32))
    data = CIFARFS(tmp_path, "test")
    assert data.examples[:, 0, 0, 0].tolist() == [n for n in range(20) for _ in "123"]


def test_fc100_takes_whole_superclasses(tmp_path):
    _, _, coarse = write_cifar(tmp_path)
    seen = []
    for split, superclasses in (("train", 12), ("validation", 4), ("test", 4)):
        data = FC100(tmp_path, split)
        assert len(data.classes) == 5 * superclasses
        assert data.counts.tolist() == [IMAGES] * 5 * superclasses
        names = {coarse[n] for n in data.examples[:, 2, 0, 0]}
        assert names == set(load_split("fc100", "oreshkin")[split])
        seen += data.classes
    assert len(set(seen)) == 100


def test_damaged_cifar(tmp_path):
    folder, _, _ = write_cifar(tmp_path)
    whole = (folder / "test.bin").read_bytes()
    for content, words in (
        (whole[:-1], "are no whole records of 3074"),
        (b"", "has 0 bytes"),
        (whole[:-3074], "has 2 images of the class '.*'; the official release has 3"),
        (whole[:-3073] + b"\xff" + whole[-3072:], r"labels 255 and 19"),
    ):
        (folder / "test.bin").write_bytes(content)
        for dataset in (CIFARFS, FC100):
            with pytest.raises(DatasetError, match=words):
                dataset(tmp_path, "all")
    (folder / "test.bin").unlink()
    with pytest.raises(DatasetError, match=r"test.bin cannot be read .* Unpack"):
        CIFARFS(tmp_path)


# ---- what is not there ---------------------------------------------------------------


@pytest.mark.parametrize(
    "dataset, words",
    [
        (MiniImageNet, "no folder miniimagenet in .*Put its 60,000 images into"),
        (CUB200, "no folder CUB_200_2011 in .*CUB_200_2011.tgz"),
        (CIFARFS, "no folder cifar-fs in .*cifar-100-binary.tar.gz"),
        (FC100, "no folder cifar-100-binary in .*Unpack the official archive"),
    ],
)
def test_what_is_not_there_says_what_to_put_where(dataset, words, tmp_path):
    with pytest.raises(MissingDataError, match=words):
        dataset(tmp_path)
    with pytest.raises(InvalidArgumentError, match='there is "train", "validation"'):
        dataset(tmp_path, "val")


@pytest.mark.parametrize(
    "split, sizes",
    [
        (("miniimagenet", "ravi"), (64, 16, 20)),
        (("cifar_fs", "bertinetto"), (64, 16, 20)),
        (("fc100", "oreshkin"), (12, 4, 4)),
        (("cub_200", "chen"), (100, 50, 50)),
    ],
)
def test_parts_share_no_class(split, sizes):
    parts = load_split(*split)
    assert tuple(len(classes) for classes in parts.values()) == sizes
    assert len(set(all_classes(*split))) == sum(sizes)
