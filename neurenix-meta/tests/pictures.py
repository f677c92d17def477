"""Pictures of every kind that people have, and one embedding that reads them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import neurenix as nx
from neurenix.meta import Conv4, Preprocess

PREPROCESS = Preprocess(28, channels=1, invert=True)
NAMES = ("bar", "disc", "square")


def network(**settings):
    nx.manual_seed(0)
    return Conv4(hidden=8, **settings)


def drawn(name: str, seed: int = 0) -> Image.Image:
    """One of three shapes in ink on paper, of a size that the seed chooses."""
    rng = np.random.default_rng([seed, NAMES.index(name)])
    width, height = rng.integers(40, 120, 2)
    image = Image.new("RGB", (int(width), int(height)), "white")
    x, y, r = width / 2, height / 2, min(width, height) * rng.uniform(0.3, 0.4)
    draw = ImageDraw.Draw(image)
    if name == "bar":
        draw.rectangle([x - r / 5, y - r, x + r / 5, y + r], fill="black")
    elif name == "disc":
        draw.ellipse([x - r, y - r, x + r, y + r], fill="black")
    else:
        draw.rectangle([x - r, y - r, x + r, y + r], outline="black", width=3)
    return image


def folder_of(root: Path, count: int = 3, first: int = 0) -> Path:
    """A folder with a folder of each shape."""
    for name in NAMES:
        (root / name).mkdir(parents=True)
        for i in range(count):
            drawn(name, first + i).save(root / name / f"{i}.png")
    return root


def arrays(count: int = 3, first: int = 0) -> dict[str, np.ndarray]:
    """The same as arrays that are preprocessed."""
    return {
        name: PREPROCESS([drawn(name, first + i) for i in range(count)])
        for name in NAMES
    }


def flat(x: np.ndarray) -> np.ndarray:
    """A backbone that is no module: the pixels themselves."""
    return x.reshape(len(x), -1)
