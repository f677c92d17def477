"""Twelve classes of drawn shapes on tinted paper, as people would have photographs:
sizes from 60 to 400 pixels, a little turned, in seven formats."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

# Lines from −1 to 1 of each shape, as points one after the other.
Points = list[tuple[float, float]]
CORNERS: dict[str, list[Points]] = {
    "arrow": [[(-1, 0), (1, 0)], [(0.4, -0.6), (1, 0), (0.4, 0.6)]],
    "cross": [[(-1, -1), (1, 1)], [(-1, 1), (1, -1)]],
    "hash": [
        [(-1, -0.33), (1, -0.33)],
        [(-1, 0.33), (1, 0.33)],
        [(-0.33, -1), (-0.33, 1)],
        [(0.33, -1), (0.33, 1)],
    ],
    "minus": [[(-1, 0), (1, 0)]],
    "plus": [[(-1, 0), (1, 0)], [(0, -1), (0, 1)]],
}


def polygon(count: int, start: float, inner: float = 1.0) -> list[Points]:
    """Corners on a circle, every other one on a smaller one."""
    angles = [start + 2 * math.pi * i / count for i in range(count + 1)]
    radii = [1.0 if i % 2 == 0 else inner for i in range(count + 1)]
    return [[(r * math.cos(a), r * math.sin(a)) for a, r in zip(angles, radii)]]


UP = -math.pi / 2
SHAPES = {
    **CORNERS,
    "arc": [polygon(48, 0)[0][:25]],
    "circle": polygon(48, 0),
    "diamond": polygon(4, 0),
    "pentagon": polygon(5, UP),
    "square": polygon(4, math.pi / 4),
    "star": polygon(10, UP, inner=0.4),
    "triangle": polygon(3, UP),
}


def saved_deep(image: Image.Image, stem: Path) -> None:
    grey = np.asarray(image.convert("L")).astype(np.uint16)
    Image.fromarray(grey * 257).save(stem.with_suffix(".tiff"))


def saved_turned(image: Image.Image, stem: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    image.rotate(90, expand=True).save(stem.with_suffix(".jpg"), exif=exif)


SAVE: list[Callable[[Image.Image, Path], None]] = [
    lambda image, stem: image.save(stem.with_suffix(".png")),
    lambda image, stem: image.save(stem.with_suffix(".JPG"), quality=70),
    lambda image, stem: image.convert("CMYK").save(stem.with_suffix(".jpeg")),
    lambda image, stem: image.convert("P").save(stem.with_suffix(".gif")),
    lambda image, stem: image.save(stem.with_name(f"{stem.name} ü.webp")),
    saved_deep,
    saved_turned,
]


def draw(lines: list[Points], rng: np.random.Generator) -> Image.Image:
    width, height = (int(n) for n in rng.integers(60, 400, 2))
    side = min(width, height)
    red, green, blue = (int(n) for n in rng.integers(225, 256, 3))
    image = Image.new("RGB", (width, height), (red, green, blue))
    x, y = (n / 2 + side * rng.uniform(-0.05, 0.05) for n in (width, height))
    radius, pen = side * rng.uniform(0.32, 0.42), int(side * rng.uniform(0.03, 0.07))
    pencil = ImageDraw.Draw(image)
    for line in lines:
        points = [(x + radius * u, y + radius * v) for u, v in line]
        pencil.line(points, fill="black", width=max(2, pen))
    angle = float(rng.uniform(-8, 8))
    return image.rotate(angle, fillcolor=(red, green, blue))


def write(root: Path, count: int, seed: int) -> Path:
    """A folder with a folder of each shape."""
    rng = np.random.default_rng(seed)
    for name, lines in SHAPES.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            save = SAVE[int(rng.integers(len(SAVE)))]
            save(draw(lines, rng), root / name / f"photo {i}")
    return root
