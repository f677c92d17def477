"""The rasteriser of the page of drawn symbols: the same bits in Python and JavaScript;
and strokes traced from bitmaps, which look as the bitmaps did."""

import json
import subprocess
from typing import Any

import draw_page as d
import numpy as np
from web_needs import node

SCRIPT = """
import { ink } from %s;
let text = "";
for await (const chunk of process.stdin) text += chunk;
const images = JSON.parse(text).map((strokes) => Array.from(ink(strokes)));
process.stdout.write(JSON.stringify(images));
"""


def _drawings() -> list[Any]:
    rng = np.random.default_rng(0)
    walks = [
        [(rng.normal(0, 0.08, (20, 2)).cumsum(0) + 0.5).tolist() for _ in range(count)]
        for count in (1, 2, 3, 5)
    ]
    return [
        [],
        [[[0.5, 0.5]]],
        [[[0.1, 0.9], [0.1, 0.9]]],
        [[[0.0, 0.0], [1.0, 0.0]]],
        [[[0.3, 0.3], [0.30001, 0.3]]],
        [[[0.0, 1.0], [1.0, 0.0]], [[0.25, 0.25]]],
        *walks,
    ]


def test_python_and_javascript_give_the_same_bits() -> None:
    drawings = _drawings()
    file = json.dumps((d.EXAMPLE / "page/raster.js").as_uri())
    ran = subprocess.run(
        [node(), "--input-type=module", "-e", SCRIPT % file],
        input=json.dumps(drawings),
        capture_output=True,
        text=True,
        check=True,
    )
    ink = d.module("raster").ink
    for drawing, image in zip(drawings, json.loads(ran.stdout), strict=True):
        here = ink(drawing).reshape(-1)
        np.testing.assert_array_equal(here, np.array(image, np.float32), str(drawing))


def test_drawings_are_centred_and_scaled() -> None:
    raster = d.module("raster")
    assert raster.ink([]).max() == 0
    small = [[[0.1, 0.1], [0.4, 0.1]], [[0.25, 0.0], [0.25, 0.2]]]
    moved = [[[2 * x + 0.1, 2 * y + 0.5] for x, y in stroke] for stroke in small]
    np.testing.assert_allclose(raster.ink(small), raster.ink(moved), atol=1e-6)
    dot, line = raster.ink([[[0.9, 0.1]]]), raster.ink([[[0.0, 0.5], [1.0, 0.5]]])
    assert dot.sum() < 6 and dot[13:15, 13:15].min() > 0.4
    inked = np.nonzero(line.max(0) > 0.5)[0]
    assert abs(len(inked) - raster.BOX) <= 2


def test_traced_strokes_cover_the_ink_of_a_bitmap() -> None:
    from neurenix.meta.datasets import Glyphs

    size = 105
    glyphs = Glyphs(classes=4, examples_per_class=3, seed=1, size=size)
    for image in glyphs.examples[:, 0]:
        ink = image > 127
        strokes = d.module("tracing").strokes_of(ink)
        along = np.concatenate(
            [
                np.linspace(a, b, 50)
                for stroke in strokes
                for a, b in zip(np.array(stroke), np.array(stroke)[1:])
            ]
            or [np.array(strokes[0])]
        )
        y, x = np.nonzero(ink)
        pixels = (np.stack([x, y], 1) + 0.5) / size
        away = np.abs(pixels[:, None] - along[None]).max(2).min(1) * size
        assert away.max() <= 8, "ink far from any stroke"
        back = np.abs(along[:, None] - pixels[None]).max(2).min(1) * size
        assert back.max() <= 2, "a stroke far from any ink"
