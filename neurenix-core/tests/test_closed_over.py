"""Derivatives by what a region closes over: followed though it shares its data with
other tensors, or is a constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import neurenix as nx

Scalar = Callable[[Any], Any]


def mapped(f: Scalar) -> Scalar:
    return lambda z: nx.map(f, reduce="sum")(nx.stack([z]))


def vmapped(f: Scalar) -> Scalar:
    return lambda z: nx.vmap(f)(nx.stack([z])).sum()


def scanned(f: Scalar) -> Scalar:
    def of(z: Any) -> Any:
        total, _ = nx.scan(lambda c, _: (c + f(z), None), nx.zeros(()), length=1)
        return total

    return of


REGIONS = {
    "none": lambda f: f,
    "remat": nx.remat,
    "map": mapped,
    "vmap": vmapped,
    "scan": scanned,
    "remat in remat": lambda f: nx.remat(nx.remat(f)),
    "map of remat": lambda f: mapped(nx.remat(f)),
}
# Each gives the derivative of 3 w u by w at w = 2, where u = 2 is no variable.
BY = {
    "an argument": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (z * w * 2.0).sum())(x)
    )(a),
    "beside the original": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (z * a * w).sum())(x)
    )(a),
    "the original first": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (w * z * a).sum())(x)
    )(a),
    "beside its detach": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (z * w.detach() * w).sum())(x)
    )(a),
    "a literal": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (z * w * 2.0).sum())(x)
    )(nx.tensor([2.0])),
    "a constant": lambda region, x, a: nx.grad(
        lambda w: region(lambda z: (z * w * 2.0).sum())(x)
    )(nx.constant(nx.tensor([2.0]))),
    "a tangent": lambda region, x, a: nx.jvp(
        lambda w: region(lambda z: (z * w * w.detach()).sum())(x)[None],
        (a,),
        (nx.ones(1),),
    )[1],
}


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_what_is_closed_over_is_followed(
    device: str, region: str, by: str, compiled: bool
) -> None:
    def derivative(x: Any, a: Any) -> Any:
        return BY[by](REGIONS[region], x, a)

    f = nx.compile(derivative) if compiled else derivative
    assert f(nx.tensor([3.0]), nx.tensor([2.0])).tolist() == [6.0]


@pytest.mark.parametrize("region", REGIONS)
def test_to_second_order(device: str, region: str) -> None:
    def slope(v: Any) -> Any:
        f = REGIONS[region](lambda z: (z * v * v).sum())
        return nx.grad(lambda w: REGIONS[region](lambda z: (z * w * v).sum())(x))(
            v
        ).sum() + f(x)

    x = nx.tensor([3.0])
    assert nx.grad(slope)(nx.tensor([2.0])).tolist() == [3.0 + 12.0]


@pytest.mark.parametrize("region", ["remat", "map", "vmap", "scan"])
def test_a_parameter_beside_its_detach(device: str, region: str) -> None:
    layer = nx.nn.Linear(1, 1, bias=False)
    still = layer.weight.detach()
    f = REGIONS[region](lambda r: (layer(r) * (r @ still.T)).sum())
    f(nx.tensor([3.0])).backward()
    assert nx.allclose(layer.weight.grad, 9 * layer.weight.value())
