"""Preprocess: images of every mode and shape become what an embedding reads."""

import json

import numpy as np
import pytest
from PIL import Image

from neurenix.errors import DatasetError, InvalidArgumentError, ShapeError
from neurenix.meta import Preprocess, list_images
from neurenix.meta.datasets import ImageFolder
from neurenix.meta.datasets.base import MissingDataError

GREYS = np.add.outer(np.arange(8) * 16, np.arange(8) * 8).astype(np.uint8)


def close(one, other, levels=1.0):
    return np.abs(one - other).max() <= levels / 255 + 1e-6


def saved(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


# ---- modes: the same picture in every form -------------------------------------------


def in_palette(grey):
    image = grey.convert("P")
    assert image.mode == "P"
    return image


FORMS = {
    "grey": lambda grey: grey,
    "colour": lambda grey: grey.convert("RGB"),
    "grey and alpha": lambda grey: grey.convert("LA"),
    "colour and alpha": lambda grey: grey.convert("RGBA"),
    "palette": in_palette,
    "sixteen bits": lambda grey: Image.fromarray(
        np.asarray(grey).astype(np.uint16) * 257
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels", [1, 3])
def test_modes(form, channels, tmp_path):
    preprocess = Preprocess(8, channels)
    expected = np.broadcast_to(GREYS / np.float32(255), (1, channels, 8, 8))
    image = FORMS[form](Image.fromarray(GREYS))
    path = saved(tmp_path, image)
    for given in (image, path, str(path), str(path).encode()):
        found = preprocess([given])
        assert found.dtype == np.float32 and close(found, expected), form


def test_cmyk_of_a_jpeg(tmp_path):
    red = Image.new("RGB", (8, 8), (220, 20, 20)).convert("CMYK")
    found = Preprocess(8)([saved(tmp_path, red, "ü n.jpg", quality=95)])[0]
    assert close(found[:, 4, 4], np.array([220, 20, 20]) / 255, 12)


def test_what_is_see_through_is_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (Preprocess(4)([clear]) == 1.0).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    path = saved(tmp_path, palette, transparency=0)
    with Image.open(path) as opened:
        assert opened.mode == "P"
    assert (Preprocess(4)([path]) == 1.0).all()


def test_exif_orientation(tmp_path):
    upright = Image.fromarray(GREYS).convert("RGB")
    exif = Image.Exif()
    exif[274] = 6  # turn by 90° clockwise to see it upright
    path = saved(tmp_path, upright.rotate(90, expand=True), exif=exif)
    expected = Preprocess(8)([upright])
    opened = Image.open(path)
    assert close(Preprocess(8)([path, opened]), expected)
    assert opened.getexif()[274] == 6  # the user's image stays as it was


def test_an_animation_is_its_first_frame(tmp_path):
    first, second = (Image.new("RGB", (8, 8), c) for c in ("white", "black"))
    for name in ("a.gif", "a.webp"):
        path = saved(tmp_path, first, name, save_all=True, append_images=[second])
        assert close(Preprocess(4)([path]), np.ones((1, 3, 4, 4)), 3)


@pytest.mark.parametrize(
    ("dtype", "largest", "name"),
    [(np.int32, 255, "a.tiff"), (np.uint16, 4095, "a.png"), (np.uint16, 700, None)],
)
def test_sixteen_bits_that_are_nearly_black_are_said_once(
    dtype, largest, name, tmp_path, monkeypatch
):
    monkeypatch.setattr("neurenix.meta.datasets.images._said_of_dark", set())
    array = np.linspace(0, largest, 64).astype(dtype).reshape(8, 8)
    image = saved(tmp_path, Image.fromarray(array), name) if name else array
    bits = 255 if largest == 255 else 4095
    text = rf"{name or 'image 0'} .* largest value is {largest} .*\(image\) / {bits},"
    with pytest.warns(UserWarning, match=text) as said:
        found = Preprocess(8, 1)([image, image])
    assert len(said) == 1 and said[0].filename == __file__
    assert found.max() < 0.07
    bright = Preprocess(8, 1)([array / bits])  # as it says
    assert close(bright.max(), largest / bits)


def test_black_of_sixteen_bits_is_not_said(monkeypatch):
    monkeypatch.setattr("neurenix.meta.datasets.images._said_of_dark", set())
    black = np.zeros((8, 8), np.uint16)
    found = Preprocess(8, 1)([black, black + np.uint16(4096)])
    assert found[0].max() == 0.0 and found[1].min() > 0.06


# ---- shapes --------------------------------------------------------------------------

# 4 high and 8 wide: black, then a white square in the middle, then black.
WIDE = np.zeros((4, 8), np.uint8)
WIDE[:, 2:6] = 255


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"fit": "crop"}, [[1, 1, 1, 1]] * 4),
        (
            {"fit": "pad", "fill": 255},
            [[1, 1, 1, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 1, 1, 1]],
        ),
        ({"fit": "stretch"}, [[0, 1, 1, 0]] * 4),
        ({"fit": "stretch", "invert": True}, [[1, 0, 0, 1]] * 4),
        ({"fit": "stretch", "mean": 0.5, "std": 0.25}, [[-2, 2, 2, -2]] * 4),
    ],
)
def test_fits(settings, expected):
    preprocess = Preprocess(4, 1, resample="nearest", **settings)
    for image in (WIDE, Image.fromarray(WIDE)):
        assert preprocess([image])[0, 0].tolist() == expected
    tall = preprocess([np.ascontiguousarray(WIDE.T)])[0, 0]
    assert tall.tolist() == np.transpose(expected).tolist()


def test_resize_and_crop_is_torchvisions():
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8))
    image = image.resize((90, 60)).resize((360, 240), Image.Resampling.BICUBIC)
    found = Preprocess(56, resize=64, resample="bilinear").pixels(image)
    small = image.resize((96, 64), Image.Resampling.BILINEAR)
    expected = np.asarray(small.crop((20, 4, 76, 60))).transpose(2, 0, 1)
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_settings_of_numpy_are_pythons():
    settings = Preprocess(np.int64(8), np.int64(1), mean=np.float32(0.5)).to_json()
    assert Preprocess.of_json(json.loads(json.dumps(settings))).to_json() == settings


def test_colour_means_and_deviations():
    image = np.full((4, 4, 3), [0, 51, 255], np.uint8)
    means, deviations = (0.1, 0.2, 0.3), (1.0, 2.0, 0.5)
    found = Preprocess(4, mean=means, std=deviations)([image])[0, :, 0, 0]
    assert np.allclose(found, [-0.1, 0.0, 1.4], atol=1e-6)


def test_stretch_reads_as_image_folder_does(tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "class").mkdir()
    image = Image.fromarray(rng.integers(0, 256, (30, 50, 3), np.uint8))
    path = saved(tmp_path / "class", image)
    for channels, invert in ((1, True), (3, False)):
        data = ImageFolder(tmp_path, size=28, channels=channels, invert=invert)
        preprocess = Preprocess(28, channels, fit="stretch", invert=invert)
        assert (preprocess.pixels(path) == data.examples[0]).all()


def test_an_image_a_pixel_wide():
    line = np.zeros((50_000, 1), np.uint8)
    for fit in ("crop", "pad", "stretch"):
        assert Preprocess(84, 1, fit=fit)([line]).shape == (1, 1, 84, 84)


@pytest.mark.parametrize(
    "array",
    [
        GREYS,
        GREYS[..., None],
        GREYS[None],
        GREYS.astype(np.uint16) * 257,
        GREYS / 255,
        np.repeat(GREYS[..., None], 3, axis=2),
        np.repeat(GREYS[None], 3, axis=0).astype(np.float32) / 255,
    ],
)
def test_arrays(array):
    assert close(Preprocess(8, 1)([array]), GREYS[None, None] / 255)


# ---- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        ("missing.png", DatasetError, "missing.png cannot be read"),
        (np.zeros((2, 3, 5)), ShapeError, r"image 0 has the shape \(2, 3, 5\)"),
        (np.zeros(5), ShapeError, r"\(5,\)"),
        (np.zeros((0, 4)), ShapeError, "empty"),
        (np.full((4, 4), 200.0), InvalidArgumentError, "floats from 200 to 200"),
        (np.full((4, 4), np.nan), InvalidArgumentError, "floats from nan"),
        (np.zeros((4, 4), np.int64), InvalidArgumentError, "array of int64"),
        (None, InvalidArgumentError, "image 0 is None; expected a path"),
        (Image.new("F", (4, 4)), DatasetError, "image 0 has the mode F"),
    ],
)
def test_what_is_no_image(image, error, text):
    with pytest.raises(error, match=text):
        Preprocess(8)([image])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": 0}, "size=0"),
        ({"channels": 2}, "channels=2; expected 1 or 3"),
        ({"fit": "zoom"}, "fit='zoom'; expected one of 'crop', 'pad', 'stretch'"),
        ({"resample": "cubic"}, "resample='cubic'"),
        ({"fill": 256}, "fill=256"),
        ({"resize": 4}, "resize=4"),
        ({"resize": 20, "fit": "pad"}, 'none with fit="pad"'),
        ({"mean": (0.1, 0.2)}, "one for each of 3"),
        ({"mean": float("nan")}, "mean=nan"),
        ({"std": 0.0}, "std=.*0.0.*above 0"),
        ({"invert": "no"}, "invert='no'"),
    ],
)
def test_settings_that_are_none(settings, text):
    with pytest.raises(InvalidArgumentError, match=text):
        Preprocess(**{"size": 8, **settings})


def test_files_that_are_damaged(tmp_path):
    whole = saved(tmp_path, Image.fromarray(GREYS)).read_bytes()
    for number, content in enumerate((b"", b"text", whole[:50])):
        path = tmp_path / f"{number}.png"
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=rf"{number}\.png is not a readable"):
            Preprocess(8)([path])


def test_list_images(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("z.png", "b/ü 1.PNG", "a.png", ".c.png", ".hidden/d.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    found = [f.relative_to(tmp_path).as_posix() for f in list_images(tmp_path)]
    assert found == ["a.png", "b/ü 1.PNG", "z.png"]
    with pytest.raises(MissingDataError, match="no folder"):
        list_images(tmp_path / "none")
    with pytest.raises(DatasetError, match="has no images"):
        (tmp_path / "empty").mkdir()
        list_images(tmp_path / "empty")
