"""Eager operations and derivatives on a device that is not the current one: literals,
and what is computed of literals alone, follow the tensor that they meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import DeviceError
from neurenix.nn import functional as F

pytestmark = pytest.mark.skipif(
    not nx.get_device_count("cpu"), reason="there is no other device"
)
LABELS = np.array([0, 2, 1])


def changed(x: nx.Tensor) -> nx.Tensor:
    x = x * 1.0
    x[0] = 5.0
    x[1, [0, 2]] = x[2, :2]
    return x.sum()


FUNCTIONS: dict[str, Any] = {
    "multiply": lambda x: (x * x).sum(),
    "mean": lambda x: x.mean(),
    "sum": lambda x: x.sum(),
    "constant": lambda x: nx.constant(3.0) * 2.0 + 0.0 * x.sum(),
    "max": lambda x: x.max(),
    "argmax": lambda x: (x * x.argmax(dim=1).float()).sum(),
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS),
    "mse": lambda x: F.mse_loss(x, np.ones((3, 3), np.float32)),
    "norm": lambda x: x.norm(),
    "softmax": lambda x: nx.softmax(x, axis=1)[0].max(),
    "slice": lambda x: (x[1:] ** 2).sum(),
    "index": lambda x: (x[LABELS] * x[:, [0, 1, 1]]).sum(),
    "take": lambda x: nx.take(x, [1, 1], axis=1).prod(),
    "sort": lambda x: nx.sort(x)[0][0].sum(),
    "topk": lambda x: (x.topk(2)[0] ** 2).sum(),
    "cumsum": lambda x: (x.cumsum(0) ** 2).sum(),
    "prod": lambda x: x.prod(),
    "det": lambda x: x.det(),
    "cholesky": lambda x: (x @ x.transpose() + np.eye(3)).cholesky().sum(),
    "where": lambda x: nx.where(x > 0, x * x, 0.0).sum(),
    "tril": lambda x: (x.tril() @ x.triu()).trace(),
    "clip": lambda x: x.clip(-0.5, 0.5).sum(),
    "var": lambda x: x.var(),
    "zeros_like": lambda x: (x + nx.zeros_like(x) * nx.ones_like(x)).norm(),
    "einsum": lambda x: nx.einsum("ij,jk->ik", x, x).sum(),
    "vmap": lambda x: nx.vmap(lambda r: (r * r).sum())(x).sum(),
    "map": lambda x: nx.map(lambda r: (r * r).sum(), reduce="mean")(x),
    "scan": lambda x: nx.scan(lambda c, r: (c * r, c), x[0], x)[0].sum(),
    "remat": lambda x: nx.remat(lambda y: (y * y * y).sum())(x),
    "inv": lambda x: (nx.inv(x) ** 2).sum(),
    "solve": lambda x: nx.solve(x, np.ones((3, 1), np.float32)).sum(),
    "chosen": lambda x: nx.where([True, False, True], x * x, 0.0).sum(),
    "attention": lambda x: (
        F.scaled_dot_product_attention(
            x, x, x, mask=np.eye(3, dtype=bool) | True, causal=True
        )[1]
        ** 2
    ).sum(),
    "elementary": lambda x: (
        nx.sinh(x) + nx.expm1(x) * nx.asinh(x) + nx.hypot(x, 2.0) + nx.logaddexp(x, 0.5)
    ).sum(),
    "statistics": lambda x: (
        nx.median(x)
        + nx.quantile(x, 0.3)
        + (nx.diff(x) * nx.cumprod(x, 1)[:, 1:]).sum()
    ),
    "activations": lambda x: (
        F.softplus(x) + F.elu(x) + F.gelu(x) + F.hardswish(x) + F.mish(x) + nx.relu(x)
    ).sum(),
    "losses": lambda x: (
        F.huber_loss(x, np.ones((3, 3), np.float32))
        + F.binary_cross_entropy_with_logits(x, np.eye(3, dtype=np.float32))
        + F.cross_entropy(x, LABELS, label_smoothing=0.1)
    ),
    "selection": lambda x: (
        nx.index_add(x, [0, 2], x[:2]) * x.masked_fill(np.eye(3, dtype=bool), 0.5)
    ).sum(),
    "qr": lambda x: (nx.linalg.qr(x[:, :2], "complete").R ** 2)[0, 1] * x[0, 0],
    "eigh": lambda x: nx.linalg.eigvalsh(x).prod(),
    "svd": lambda x: (nx.linalg.svd(x).S ** 3).sum(),
    "pinv": lambda x: nx.linalg.pinv(x, rtol=1e-5).sum(),
    "set": changed,
    "list": lambda x: (nx.add(x, [1.0, 2.0, 3.0]) * np.full(3, 2.0)).norm(),
}
ASKED: dict[str, Any] = {
    "value": lambda f: f,
    "grad": lambda f: nx.grad(f),
    "grad of grad": lambda f: nx.grad(lambda x: (nx.grad(f)(x) ** 2).sum()),
    "jacobian": lambda f: nx.jacobian(f),
    "jvp": lambda f: lambda x: nx.jvp(f, (x,), (x,))[1],
    "hvp": lambda f: lambda x: nx.hvp(f, (x,), (x,))[0],
    "forward hvp": lambda f: (
        lambda x: nx.hvp(f, (x,), (x,), forward_over_reverse=True)[0]
    ),
    "backward": lambda f: lambda x: by_backward(f, x),
    "compiled": lambda f: nx.compile(nx.grad(f)),
}


def by_backward(f: Any, x: nx.Tensor) -> Any:
    leaf = nx.tensor(x, device=x.device, requires_grad=True)
    f(leaf).backward()
    return leaf.grad


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("current", "other"), [("cpu", "reference"), ("reference", "cpu")]
)
def test_results_live_where_the_argument_does(
    name: str, current: str, other: str
) -> None:
    f = FUNCTIONS[name]
    data = np.random.default_rng(4).standard_normal((3, 3)).astype(np.float32)
    for what, make in ASKED.items():
        if name == "constant" and what == "compiled":
            continue  # a constant of the program
        nx.init({"device": other})
        x = nx.tensor(data)
        want = make(f)(x)
        nx.init({"device": current})
        found = make(f)(x)
        assert found.device is want.device is x.device, what
        assert np.array_equal(found.numpy(), want.numpy()), what


def test_dropout_of_a_moved_layer() -> None:
    nx.init({"device": "cpu"})
    layer, x = nn.Dropout(0.5), nx.ones(50, device="reference")
    out = layer(x)
    assert out.device is x.device and 0 < (out == 0).sum().item() < 50


def test_of_literals_alone() -> None:
    nx.init({"device": "cpu"})
    x = nx.constant([1.0, 2.0]) * 2.0 + 1.0
    assert x.device is None and x.tolist() == [3.0, 5.0]
    assert repr(x) == "tensor([3., 5.])" and np.asarray(x).sum() == 8.0
    assert x.to("reference").tolist() == [3.0, 5.0]
    for where in ("cpu", "reference"):
        y = nx.ones(2, device=where)
        assert (x * y).device is y.device and (x * y).tolist() == [3.0, 5.0]
    assert nx.zeros_like(x).tolist() == [0.0, 0.0]
    parameter = nn.Parameter(x)
    parameter.assign(x * 2.0)
    assert parameter.tolist() == [6.0, 10.0] and parameter.device is not None


def test_tensors_of_two_devices_are_still_an_error() -> None:
    nx.init({"device": "cpu"})
    with pytest.raises(DeviceError, match="add: its inputs live on cpu:0 and ref"):
        nx.ones(2) + nx.ones(2, device="reference")
