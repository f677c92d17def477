"""Names that people know from elsewhere: each is there, or the error says what is."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import foreign_names
from neurenix.missing import of_module

PLACES: dict[str, tuple[Any, dict[str, str]]] = {
    "neurenix": (nx, foreign_names.NEURENIX),
    "tensor": (nx.ones(2, 3), foreign_names.TENSOR),
    "nn": (nx.nn, foreign_names.NN),
    "functional": (nx.nn.functional, foreign_names.FUNCTIONAL),
    "init": (nx.nn.init, foreign_names.INIT),
    "optim": (nx.optim, foreign_names.OPTIM),
    "random": (nx.random, foreign_names.RANDOM),
}
ENTRIES = [(place, name) for place, (_, table) in PLACES.items() for name in table]


def find(path: str) -> Any:
    found: Any = nx
    for part in path.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(("place", "name"), ENTRIES)
def test_each_entry_stands_for_what_is_there(place: str, name: str) -> None:
    owner, table = PLACES[place]
    assert not hasattr(owner, name), "it exists: the entry is of no use"
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert table[name] in str(caught.value) and name in str(caught.value)
    for path in re.findall(r"\bnx\.([\w.]*\w)", table[name]):
        find(path)
    for method in re.findall(r"\bx\.(\w+)", table[name]):
        assert hasattr(nx.Tensor, method), method


@pytest.mark.parametrize(
    ("owner", "name", "text"),
    [
        (nx, "sotfmax", "nx.softmax"),
        (nx, "ZerosLike", "nx.zeros_like"),
        (nx, "Linear", "nx.nn.Linear"),
        (nx, "Adam", "nx.optim.Adam"),
        (nx, "layer_norm", "nx.nn.functional.layer_norm"),
        (nx, "kaiming_uniform_", "nx.nn.init.kaiming_uniform_"),
        (nx, "bitwise_and", "nx.array_api.bitwise_and"),
        (nx, "relu6", "nx.nn.functional.relu6"),
        (nx, "ProtoMAML", "neurenix.meta.ProtoMAML"),
        (nx.nn, "CrossEntropyLos", "nx.nn.CrossEntropyLoss"),
        (nx.nn, "relu", "nx.relu"),
        (nx.nn, "SGD", "nx.optim.SGD"),
        (nx.nn, "cross_entropy", "nx.nn.functional.cross_entropy"),
        (nx.nn.functional, "ReLU", "nx.nn.ReLU"),
        (nx.nn.init, "kaiming_normal", "nx.nn.init.kaiming_normal_"),
        (nx.optim, "AdamWW", "nx.optim.AdamW"),
        (nx.random, "randnn", "nx.random.randn"),
        (nx, "cuda", 'get_device_count("cuda")'),
        (nx.ones(2), "cuda", 'x.to("cuda")'),
        (nx.ones(2), "is_cuda", "x.device"),
        (nx.ones(2), "add_", "do not change; use x = x + y"),
        (nx.ones(2), "clamp_", "do not change; use x = x.clamp(...)"),
        (nx.ones(2), "sinh_", "do not change; use x = nx.sinh(x, ...)"),
        (nx.ones(2), "requires_grad_", "did you mean x.requires_grad?"),
        (nx.ones(2), "sinh", "nx.sinh(x, ...)"),
        (nx.ones(2), "numpyy", "x.numpy"),
        (nx.nn.Parameter([1.0]), "reshap", "x.reshape"),
    ],
)
def test_the_nearest_is_named(owner: Any, name: str, text: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert text in str(caught.value)
    assert not hasattr(owner, name) and getattr(owner, name, None) is None


def test_what_is_near_nothing_is_only_missing() -> None:
    for owner in (nx, nx.ones(2)):
        with pytest.raises(AttributeError, match=r"has no 'qqqqqq'$"):
            owner.qqqqqq


def test_importing_says_it_too() -> None:
    with pytest.raises(ImportError, match=r"has no 'jit': use nx\.compile"):
        from neurenix import jit  # noqa: F401
    with pytest.raises(ImportError, match=r"use nx\.nn\.Linear"):
        from neurenix import Linear  # noqa: F401


def test_the_error_can_be_copied_and_pickled() -> None:
    with pytest.raises(AttributeError) as caught:
        nx.jit
    for error in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert str(error) == "neurenix has no 'jit': use nx.compile"


def test_protocols_are_asked_in_vain() -> None:
    """Copying, pickling and NumPy look for attributes that are not there."""
    x = nx.tensor([1.0, 2.0])
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.tolist() == [1.0, 2.0]
    assert not hasattr(x, "__array_interface__") and not hasattr(x, "_repr_html_")
    assert np.asarray(x).tolist() == [1.0, 2.0]
    parameter = copy.deepcopy(nx.nn.Parameter([3.0]))
    assert parameter.tolist() == [3.0]


def test_meta_is_imported_when_it_is_asked_for() -> None:
    pytest.importorskip("neurenix.meta", reason="neurenix-meta is not installed")
    code = "import sys, neurenix as nx; assert 'neurenix.meta' not in sys.modules; "
    code += "print(nx.meta.MAML.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "MAML"


def test_a_package_that_is_not_installed() -> None:
    get = of_module("neurenix", {}, ("no_such",))
    with pytest.raises(AttributeError, match="of its own: install neurenix-no_such"):
        get("no_such")


# ---- those that are there ------------------------------------------------------------


def test_methods_of_other_libraries(device: str) -> None:
    x = nx.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
    assert x.size == 6 and x.size() == (2, 3) and x.size(-1) == 3 == x.size(dim=1)
    assert isinstance(x.size, int) and pickle.loads(pickle.dumps(x.size)) == 6
    assert (x.dim(), x.numel()) == (2, 6)
    assert x.contiguous() is x and x.ravel().shape == (6,)
    assert x.long().dtype is nx.int64 and x.astype("int32").dtype is nx.int32
    assert x.astype(nx.float32) is x
    assert x.clamp(min=0).tolist() == [[1, 0, 3], [4, 5, 0]] == x.relu().tolist()
    assert x.masked_fill(x < 0, 7).tolist() == [[1, 7, 3], [4, 5, 7]]
    assert x.int().masked_fill(x < 0, 0.5).dtype is nx.int32
    assert nx.tensor([1.0]).expand_as(x[0]).tolist() == [1, 1, 1]
    assert x.pow(2).sum().item() == 91.0 and x.matmul(x.T).shape == (2, 2)
    assert [p.shape for p in x.chunk(2, dim=1)] == [(2, 2), (2, 1)]
    with pytest.raises(nx.errors.InvalidArgumentError, match="size: dim=2"):
        x.size(2)


def test_a_clone_is_another_handle(device: str) -> None:
    x = nx.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2, 4]
    parameter = nx.nn.Parameter([1.0, 2.0])
    twin = parameter.clone()
    twin[0] = 5.0
    assert parameter.tolist() == [1, 2] and twin.tolist() == [5, 2]
    assert nx.compile(lambda v: v.clone() + 1.0)(nx.ones(2)).tolist() == [2, 2]


def test_trees(device: str) -> None:
    params = {"w": nx.ones(2), "b": [nx.zeros(1), None]}
    moved = nx.tree.map(lambda p, g: p - g, params, params)
    assert nx.tree.structure(moved) == nx.tree.structure(params)
    assert [leaf.tolist() for leaf in nx.tree.leaves(moved)] == [[0], [0, 0]]
    with pytest.raises(nx.errors.InvalidArgumentError, match=r"tree\.map: trees"):
        nx.tree.map(lambda a, b: a, [1], (1,))
    leaves, structure = nx.tree.flatten([1, 2])
    for wrong in (leaves[:1], [*leaves, 3]):
        with pytest.raises(nx.errors.InvalidArgumentError, match="unflatten"):
            nx.tree.unflatten(structure, wrong)


REDUCTIONS = (
    "sum mean max min argmax argmin any all norm count_nonzero prod logsumexp median "
    "var std"
)


@pytest.mark.parametrize("name", REDUCTIONS.split())
def test_keepdim_is_keepdims(name: str) -> None:
    x = nx.tensor([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0]])
    wanted = getattr(nx, name)(x, axis=1, keepdims=True)
    for found in (
        getattr(nx, name)(x, dim=1, keepdim=True),
        getattr(x, name)(dim=1, keepdim=True),
    ):
        assert found.shape == (2, 1) and bool((found == wanted).all())
