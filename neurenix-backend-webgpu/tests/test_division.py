"""Floor division of integers on a device without float64."""

import numpy as np
import pytest

import neurenix as nx
from neurenix.dtypes import Dtype

pytestmark = pytest.mark.usefixtures("webgpu")


@pytest.mark.parametrize("dtype", [nx.int32, nx.uint32, nx.uint8], ids=lambda d: d.name)
def test_as_the_reference_divides(dtype: Dtype) -> None:
    kind = np.dtype(dtype.numpy)
    ends = np.iinfo(kind)
    rng = np.random.default_rng(0)
    a = rng.integers(ends.min, ends.max, 2000, kind, endpoint=True)
    b = rng.integers(ends.min, ends.max, 2000, kind, endpoint=True) >> rng.integers(
        0, 8 * kind.itemsize, 2000, kind
    )
    a[:6] = ends.min, ends.min, ends.max, 7, ends.min, 0
    b[:6] = ends.max, 3, 2, 0, 0, 0
    if ends.min:
        a[6:9], b[6:9] = (ends.min, -7, 7), (-1, 2, -2)
    x, y = (nx.tensor(v, dtype=dtype, device="webgpu") for v in (a, b))
    u, v = (nx.tensor(v, dtype=dtype, device="reference") for v in (a, b))
    np.testing.assert_array_equal((x // y).numpy(), (u // v).numpy())
    np.testing.assert_array_equal((x // 6).numpy(), (u // 6).numpy())
    compiled = nx.compile(lambda x, y: x // y)
    np.testing.assert_array_equal(compiled(x, y).numpy(), (u // v).numpy())
