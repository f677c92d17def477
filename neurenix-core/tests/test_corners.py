"""The reference's casts are rounded once: nothing lies nearer than what they give."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from neurenix.primitives import ops
from neurenix.testing.corner_cases import CORNERS, Corner

pytest.importorskip("ml_dtypes", reason="bfloat16 on the host needs ml_dtypes")
TO_FLOAT = [c for c in CORNERS if any(target.is_floating for target in c.targets)]


@pytest.mark.parametrize("corner", TO_FLOAT, ids=str)
def test_a_cast_gives_the_nearest(corner: Corner) -> None:
    source, target = corner.dtypes[0], corner.targets[0]
    with np.errstate(all="ignore"):
        wide = np.float64 if source.is_floating else np.int64
        values = np.array(corner.values[0], wide).astype(source.numpy)
        found = ops.cast.reference(values, **corner.params)[0]
        neighbours = [
            np.nextafter(found, np.array(end, target.numpy))
            for end in (-math.inf, math.inf)
        ]
    for value, near, *beside in zip(values, found, *neighbours, strict=True):
        exact = float(value) if source.is_floating else int(value)
        if not math.isfinite(exact) or not math.isfinite(float(near)):
            assert abs(exact) >= 65520 or math.isnan(exact), (value, near)
            continue
        error = abs(Fraction(float(near)) - Fraction(exact))
        for other in map(float, beside):
            if not math.isfinite(other):
                continue
            further = abs(Fraction(other) - Fraction(exact))
            assert error <= further, (value, near, other)
            if error == further:  # a tie goes to the even one
                assert int(np.array(near).view(f"u{target.itemsize}")) % 2 == 0
