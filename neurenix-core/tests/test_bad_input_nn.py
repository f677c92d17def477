"""Layers, losses, initialisers, optimizers and schedules, given what they cannot work
with: as in test_bad_input, the error is ours and names the thing and the value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import neurenix as nx
from neurenix.errors import (
    DtypeError,
    InvalidArgumentError,
    NeurenixError,
    ShapeError,
)
from neurenix.nn import functional, init
from neurenix.optim import SGD

Case = tuple[Callable[[Any], Any], type[NeurenixError], str]
NAN = float("nan")


def x(*shape: int) -> nx.Tensor:
    return nx.ones(*shape)


def parameter(*shape: int) -> nx.nn.Parameter:
    return nx.nn.Parameter(nx.ones(*shape))


def optimizer() -> SGD:
    return SGD([parameter(2)], lr=0.1)


def classes(*numbers: int) -> nx.Tensor:
    return nx.tensor(list(numbers))


RECURRENT: list[Case] = [
    (lambda f: f(0, 3), InvalidArgumentError, "0"),
    (lambda f: f(2, 1.5), InvalidArgumentError, "1.5"),
    (lambda f: f(2, 3, 0), InvalidArgumentError, "0"),
    (lambda f: f(2, 3)(x(4, 1, 5)), ShapeError, "(4, 1, 5)"),
]
BATCH_NORM: list[Case] = [
    (lambda f: f(0), InvalidArgumentError, "0"),
    (lambda f: f(2, eps=-1.0), InvalidArgumentError, "-1.0"),
    (lambda f: f(2, momentum=NAN), InvalidArgumentError, "nan"),
    (lambda f: f(2, mode="both"), InvalidArgumentError, "'both'"),
    (lambda f: f(2)(x(4, 3)), ShapeError, "(4, 3)"),
]
POOLING: list[Case] = [
    (lambda f: f(0), InvalidArgumentError, "0"),
    (lambda f: f((2, 2, 2)), InvalidArgumentError, "(2, 2, 2)"),
    (lambda f: f(2, padding=-1), InvalidArgumentError, "-1"),
    (lambda f: f(2)(x(4)), ShapeError, "(4,)"),
    (lambda f: f(9)(x(1, 1, 4, 4)), ShapeError, "4x4"),
]
POOLING_1D: list[Case] = [
    (lambda f: f(0), InvalidArgumentError, "0"),
    (lambda f: f((2, 2)), InvalidArgumentError, "(2, 2)"),
    (lambda f: f(2, padding=-1), InvalidArgumentError, "-1"),
    (lambda f: f(9)(x(1, 1, 4)), ShapeError, "(1, 1, 4)"),
]
CONVOLUTION: list[Case] = [
    (lambda f: f(0, 2, 3), InvalidArgumentError, "0"),
    (lambda f: f(1, 2, 3, stride=0), InvalidArgumentError, "0"),
    (lambda f: f(1, 2, 3, padding=-1), InvalidArgumentError, "-1"),
    (lambda f: f(4, 6, 3, groups=4), InvalidArgumentError, "groups=4"),
    (lambda f: f(4, 6, 3, groups=0), InvalidArgumentError, "groups=0"),
]
PADDED_BY_NAME: list[Case] = [
    (lambda f: f(1, 2, 3, padding="full"), InvalidArgumentError, "'full'"),
    (lambda f: f(1, 2, 3, 2, padding="same"), InvalidArgumentError, '"same"'),
]
LOSS: list[Case] = [
    (lambda f: f(x(2), x(3)), ShapeError, "(2,)"),
    (lambda f: f(x(2), x(2), "max"), InvalidArgumentError, "'max'"),
    (lambda f: f("abc", x(2)), DtypeError, "'abc'"),
]
LOSS_LAYER: list[Case] = [
    (lambda f: f(reduction="max"), InvalidArgumentError, "'max'"),
]
CLASS_WEIGHTS: list[Case] = [
    (lambda f: f(weight=[[1.0]]), InvalidArgumentError, "[[1.0]]"),
    (lambda f: f(weight=[-1.0]), InvalidArgumentError, "-1.0"),
]
ACTIVATION: list[Case] = [(lambda f: f()("abc"), DtypeError, "'abc'")]
OF_AXIS: list[Case] = [
    *ACTIVATION,
    (lambda f: f(2)(x(2, 3)), InvalidArgumentError, "axis 2"),
]
OPTIMIZER: list[Case] = [
    (lambda f: f([], lr=0.1), InvalidArgumentError, "parameters"),
    (lambda f: f([5], lr=0.1), NeurenixError, "int"),
    (lambda f: f([parameter(2)], lr=-0.1), InvalidArgumentError, "-0.1"),
    (lambda f: f([parameter(2)], lr=NAN), InvalidArgumentError, "nan"),
    (lambda f: f([parameter(2)], lr="fast"), InvalidArgumentError, "'fast'"),
]
SCHEDULE: list[Case] = [(lambda f: f(5, 3), InvalidArgumentError, "int")]
INITIALISER: list[Case] = [(lambda f: f(5), InvalidArgumentError, "int")]
MATRIX_INITIALISER: list[Case] = [
    *INITIALISER,
    (lambda f: f(parameter(3)), ShapeError, "(3,)"),
]

TABLE: dict[str, list[Case]] = {
    "nn.Module": [
        (lambda f: f().load_state_dict({"a": x(2)}), NeurenixError, "a"),
        (lambda f: f().load_state_dict(5), InvalidArgumentError, "int"),
    ],
    "nn.Parameter": [
        (lambda f: f("abc"), DtypeError, "'abc'"),
        (lambda f: f(nx.tensor([1])), DtypeError, "int32"),
    ],
    "nn.Buffer": [(lambda f: f("abc"), DtypeError, "'abc'")],
    "nn.ModuleList": [
        (lambda f: f([5]), InvalidArgumentError, "int"),
        (lambda f: f(5), InvalidArgumentError, "5"),
        (lambda f: f()[0], InvalidArgumentError, "0"),
    ],
    "nn.ParameterList": [
        (lambda f: f(["abc"]).append("abc"), DtypeError, "'abc'"),
        (lambda f: f()[-1], InvalidArgumentError, "-1"),
    ],
    "nn.ModuleDict": [
        (lambda f: f({"a": 5}), InvalidArgumentError, "int"),
        (lambda f: f([5]), InvalidArgumentError, "list"),
        (lambda f: f({"a.b": nx.nn.ReLU()}), InvalidArgumentError, "'a.b'"),
        (lambda f: f({"train": nx.nn.ReLU()}), InvalidArgumentError, "'train'"),
        (lambda f: f({5: nx.nn.ReLU()}), InvalidArgumentError, "5"),
    ],
    "nn.ParameterDict": [
        (lambda f: f({"forward": [1.0]}), InvalidArgumentError, "'forward'"),
        (lambda f: f(5), InvalidArgumentError, "int"),
    ],
    "nn.Sequential": [(lambda f: f(5), InvalidArgumentError, "a int")],
    "nn.functional_call": [
        (lambda f: f(5, {}, x(2)), InvalidArgumentError, "5"),
        (lambda f: f(nx.nn.Linear(2, 2), {"no": x(2)}, x(2)), NeurenixError, "no"),
    ],
    "nn.Linear": [
        (lambda f: f(0, 2), InvalidArgumentError, "0"),
        (lambda f: f(2, 1.5), InvalidArgumentError, "1.5"),
        (lambda f: f(2, 3)(x(4, 3)), ShapeError, "(4, 3)"),
        (lambda f: f(2, 3)("abc"), DtypeError, "'abc'"),
    ],
    "nn.Conv2d": [
        *CONVOLUTION,
        *PADDED_BY_NAME,
        (lambda f: f(0, 2, 3), InvalidArgumentError, "0"),
        (lambda f: f(1, 2, (3, 3, 3)), InvalidArgumentError, "(3, 3, 3)"),
        (lambda f: f(1, 2, 3, stride=0), InvalidArgumentError, "0"),
        (lambda f: f(1, 2, 3, padding=-1), InvalidArgumentError, "-1"),
        (lambda f: f(1, 2, 3)(x(1, 3, 8, 8)), ShapeError, "(1, 3, 8, 8)"),
        (lambda f: f(1, 2, 9)(x(1, 1, 4, 4)), ShapeError, "4x4"),
    ],
    "nn.Conv1d": [
        *CONVOLUTION,
        *PADDED_BY_NAME,
        (lambda f: f(1, 2, (3, 3)), InvalidArgumentError, "(3, 3)"),
        (lambda f: f(1, 2, 3)(x(1, 3, 8)), ShapeError, "3 channels"),
        (lambda f: f(1, 2, 3)(x(1, 1, 8, 8)), ShapeError, "(1, 1, 8, 8)"),
        (lambda f: f(1, 2, 9)(x(1, 1, 4)), ShapeError, "1x4"),
    ],
    "nn.ConvTranspose2d": [
        *CONVOLUTION,
        (lambda f: f(1, 2, 3)(x(1, 3, 8, 8)), ShapeError, "(1, 3, 8, 8)"),
        (lambda f: f(1, 2, 1, padding=3)(x(1, 1, 4, 4)), ShapeError, "-2x-2"),
        (
            lambda f: f(1, 2, 3, output_padding=1)(x(1, 1, 4, 4)),
            InvalidArgumentError,
            "output_padding=(1, 1)",
        ),
    ],
    "nn.Embedding": [
        (lambda f: f(3, 2, 3), InvalidArgumentError, "padding_idx=3"),
        (lambda f: f(0, 2), InvalidArgumentError, "0"),
        (lambda f: f(3, 2)(classes(3)), InvalidArgumentError, "index 3"),
        (lambda f: f(3, 2)(x(2)), DtypeError, "float32"),
    ],
    "nn.MultiHeadAttention": [
        (lambda f: f(4, 3), InvalidArgumentError, "num_heads=3"),
        (lambda f: f(4, 2)(x(1, 3, 5)), ShapeError, "(1, 3, 5)"),
    ],
    "nn.LSTM": RECURRENT,
    "nn.GRU": RECURRENT,
    "nn.BatchNorm": BATCH_NORM,
    "nn.BatchNorm1d": BATCH_NORM,
    "nn.BatchNorm2d": [
        *BATCH_NORM[:4],
        (lambda f: f(2)(x(4, 2)), ShapeError, "(4, 2)"),
    ],
    "nn.LayerNorm": [
        (lambda f: f(0), InvalidArgumentError, "0"),
        (lambda f: f(2, eps=-1.0), InvalidArgumentError, "-1.0"),
        (lambda f: f(2)(x(4, 3)), ShapeError, "(4, 3)"),
    ],
    **dict.fromkeys(
        (
            *("nn.ReLU", "nn.GELU", "nn.Tanh", "nn.Sigmoid", "nn.LeakyReLU", "nn.SiLU"),
            *("nn.SELU", "nn.Mish", "nn.ReLU6", "nn.Softplus", "nn.Softsign"),
            *("nn.LogSigmoid", "nn.Hardtanh", "nn.Hardsigmoid", "nn.Hardswish"),
        ),
        ACTIVATION,
    ),
    "nn.ELU": [*ACTIVATION, (lambda f: f("a"), InvalidArgumentError, "'a'")],
    "nn.PReLU": [
        *ACTIVATION,
        (lambda f: f(0), InvalidArgumentError, "0"),
        (lambda f: f(2)(x(4, 3)), ShapeError, "(4, 3)"),
    ],
    "nn.GLU": [*ACTIVATION, (lambda f: f()(x(2, 3)), ShapeError, "(2, 3)")],
    **dict.fromkeys(("nn.Softmax", "nn.LogSoftmax"), OF_AXIS),
    "nn.GroupNorm": [
        (lambda f: f(3, 4), InvalidArgumentError, "num_groups=3"),
        (lambda f: f(2, 4, eps=-1.0), InvalidArgumentError, "-1.0"),
        (lambda f: f(2, 4)(x(4)), ShapeError, "(4,)"),
        (lambda f: f(2, 4)(x(2, 6)), ShapeError, "(4,)"),
        (lambda f: f(2, 4)(x(2, 5)), InvalidArgumentError, "(2, 5)"),
    ],
    "nn.InstanceNorm2d": [
        (lambda f: f(0), InvalidArgumentError, "0"),
        (lambda f: f(3)(x(2, 4, 5, 5)), ShapeError, "(2, 4, 5, 5)"),
    ],
    "nn.MaxPool1d": POOLING_1D,
    "nn.AvgPool1d": POOLING_1D,
    "nn.AdaptiveAvgPool2d": [
        (lambda f: f(0), InvalidArgumentError, "0"),
        (lambda f: f(2)(x(4)), ShapeError, "(4,)"),
    ],
    "nn.Unflatten": [
        (lambda f: f(1, (2, 2))(x(2, 3)), ShapeError, "(2, 2, 2)"),
    ],
    "nn.Dropout2d": [
        (lambda f: f(1.5), InvalidArgumentError, "1.5"),
        (lambda f: f()(x(3)), ShapeError, "(3,)"),
    ],
    "nn.CrossEntropyLoss": [
        *LOSS_LAYER,
        *CLASS_WEIGHTS,
        (
            lambda f: f(label_smoothing=2.0)(x(1, 2), classes(0)),
            InvalidArgumentError,
            "2.0",
        ),
    ],
    "nn.NLLLoss": [*LOSS_LAYER, *CLASS_WEIGHTS],
    **dict.fromkeys(
        ("nn.MSELoss", "nn.L1Loss", "nn.BCELoss", "nn.KLDivLoss"), LOSS_LAYER
    ),
    "nn.SmoothL1Loss": [
        *LOSS_LAYER,
        (lambda f: f(beta=0.0)(x(2), x(2)), InvalidArgumentError, "0.0"),
    ],
    "nn.HuberLoss": [
        *LOSS_LAYER,
        (lambda f: f(delta=-1.0)(x(2), x(2)), InvalidArgumentError, "-1.0"),
    ],
    "nn.BCEWithLogitsLoss": [
        *LOSS_LAYER,
        (lambda f: f(pos_weight=NAN), InvalidArgumentError, "nan"),
    ],
    **dict.fromkeys(
        (
            *("nn.functional.l1_loss", "nn.functional.huber_loss"),
            *("nn.functional.smooth_l1_loss", "nn.functional.binary_cross_entropy"),
            *("nn.functional.binary_cross_entropy_with_logits", "nn.functional.kl_div"),
        ),
        LOSS,
    ),
    "nn.functional.nll_loss": [
        (lambda f: f(x(2, 3), classes(0, 3)), InvalidArgumentError, "3"),
        (lambda f: f(x(2, 3), x(2, 3)), DtypeError, "float"),
        (lambda f: f(x(2, 3), classes(0, 1), weight=[1.0]), ShapeError, "(1,)"),
    ],
    "nn.functional.normalize": [
        (lambda f: f(x(2, 3), 3), InvalidArgumentError, "p=3"),
        (lambda f: f(x(2, 3), dim=2), InvalidArgumentError, "axis 2"),
    ],
    "nn.functional.cosine_similarity": [
        (lambda f: f(x(2, 3), x(2, 4)), ShapeError, "(2, 4)"),
        (lambda f: f(x(2, 3), x(2, 3), 2), InvalidArgumentError, "axis 2"),
    ],
    "nn.functional.pairwise_distance": [
        (lambda f: f(x(2, 3), x(2, 4)), ShapeError, "(2, 4)"),
        (lambda f: f(x(2), x(2), p=0.5), InvalidArgumentError, "0.5"),
    ],
    "nn.functional.cdist": [
        (lambda f: f(x(2, 3), x(2, 4)), ShapeError, "(2, 4)"),
        (lambda f: f(x(3), x(2, 3)), ShapeError, "(3,)"),
    ],
    "nn.functional.pad": [
        (lambda f: f(x(2, 3), (1, 1, 1)), InvalidArgumentError, "(1, 1, 1)"),
        (lambda f: f(x(2), (1, 1), "reflect"), InvalidArgumentError, "'reflect'"),
        (lambda f: f(x(2), (-1, 0)), InvalidArgumentError, "-1"),
    ],
    "nn.functional.embedding": [
        (lambda f: f(classes(3), x(3, 2)), InvalidArgumentError, "index 3"),
        (lambda f: f(classes(0), x(3, 2), 7), InvalidArgumentError, "padding_idx=7"),
    ],
    "nn.functional.dropout2d": [(lambda f: f(x(2), 0.5), ShapeError, "(2,)")],
    "nn.functional.prelu": [(lambda f: f(x(2, 3), x(2)), ShapeError, "(2,)")],
    "nn.functional.glu": [(lambda f: f(x(2, 3)), ShapeError, "(2, 3)")],
    "nn.functional.group_norm": [
        (lambda f: f(x(2, 4), 3), InvalidArgumentError, "num_groups=3"),
        (lambda f: f(x(2, 4), 2, x(3)), ShapeError, "(3,)"),
    ],
    "nn.functional.instance_norm": [(lambda f: f(x(2, 4)), ShapeError, "(2, 4)")],
    "nn.MaxPool2d": POOLING,
    "nn.AvgPool2d": POOLING,
    "nn.GlobalAveragePool2d": [(lambda f: f()(x(4)), ShapeError, "(4,)")],
    "nn.Dropout": [
        (lambda f: f(1.5), InvalidArgumentError, "1.5"),
        (lambda f: f("a"), InvalidArgumentError, "'a'"),
        (lambda f: f(NAN), InvalidArgumentError, "nan"),
    ],
    "nn.Flatten": [(lambda f: f(3)(x(2, 2)), InvalidArgumentError, "axis 3")],
    "nn.functional.linear": [
        (lambda f: f(x(2, 3), x(4, 2)), ShapeError, "(2, 3)"),
        (lambda f: f(x(2, 3), x(4, 3), x(5)), ShapeError, "(5,)"),
    ],
    "nn.functional.conv2d": [
        (lambda f: f(x(2, 3), x(1, 1, 2, 2)), ShapeError, "(2, 3)"),
        (lambda f: f(x(1, 2, 4, 4), x(1, 3, 2, 2)), ShapeError, "(1, 3, 2, 2)"),
    ],
    "nn.functional.dropout": [(lambda f: f(x(2), 2.0), InvalidArgumentError, "2.0")],
    "nn.functional.mse_loss": [
        (lambda f: f(x(2), x(3)), ShapeError, "(2,)"),
        (lambda f: f(x(2), x(2), "max"), InvalidArgumentError, "'max'"),
    ],
    "nn.functional.cross_entropy": [
        (lambda f: f(x(2, 3), classes(0, 3)), InvalidArgumentError, "3"),
        (lambda f: f(x(2, 3), classes(0)), ShapeError, "(1,)"),
        (lambda f: f(x(3), classes(0)), ShapeError, "(3,)"),
        (lambda f: f(x(2, 3), classes(0, 1), "max"), InvalidArgumentError, "'max'"),
        (lambda f: f(x(2, 3), classes(0, 1), weight=[1.0]), ShapeError, "(1,)"),
        (lambda f: f(x(2, 3), x(2, 3), ignore_index=0), InvalidArgumentError, "=0"),
        (
            lambda f: f(x(2, 3), classes(0, 1), ignore_index=0.5),
            InvalidArgumentError,
            "0.5",
        ),
        (
            lambda f: f(x(2, 3), classes(0, 1), label_smoothing=-1),
            InvalidArgumentError,
            "-1",
        ),
    ],
    "nn.init.constant_": [(lambda f: f(5, 1.0), InvalidArgumentError, "int")],
    "nn.init.zeros_": INITIALISER,
    "nn.init.ones_": INITIALISER,
    "nn.init.uniform_": [
        *INITIALISER,
        (lambda f: f(parameter(2), 1.0, 0.0), InvalidArgumentError, "1.0"),
    ],
    "nn.init.normal_": [
        *INITIALISER,
        (lambda f: f(parameter(2), 0.0, -1.0), InvalidArgumentError, "-1.0"),
    ],
    "nn.init.trunc_normal_": INITIALISER,
    "nn.init.xavier_uniform_": MATRIX_INITIALISER,
    "nn.init.xavier_normal_": MATRIX_INITIALISER,
    "nn.init.kaiming_uniform_": MATRIX_INITIALISER,
    "nn.init.kaiming_normal_": MATRIX_INITIALISER,
    "nn.init.calculate_gain": [(lambda f: f("cubic"), InvalidArgumentError, "'cubic'")],
    "optim.SGD": OPTIMIZER,
    "optim.Adam": [
        *OPTIMIZER,
        (lambda f: f([parameter(2)], betas=(0.9, 1.5)), InvalidArgumentError, "1.5"),
    ],
    "optim.AdamW": OPTIMIZER,
    "optim.RMSprop": OPTIMIZER,
    "optim.StepLR": [
        *SCHEDULE,
        (lambda f: f(optimizer(), 0), InvalidArgumentError, "0"),
    ],
    "optim.LinearLR": [
        *SCHEDULE,
        (lambda f: f(optimizer(), total_iters=0), InvalidArgumentError, "0"),
    ],
    "optim.CosineAnnealingLR": [
        *SCHEDULE,
        (lambda f: f(optimizer(), 1.5), InvalidArgumentError, "1.5"),
    ],
    "optim.LinearWarmup": [
        *SCHEDULE,
        (lambda f: f(optimizer(), 0), InvalidArgumentError, "0"),
    ],
    "optim.clip_by_global_norm": [
        (lambda f: f([nx.ones(2)], -1.0), InvalidArgumentError, "-1.0"),
        (lambda f: f({"w": 5}, 1.0), InvalidArgumentError, "5"),
        (lambda f: f([], 1.0), InvalidArgumentError, "no tensor"),
    ],
    "nn.summary": [
        (lambda f: f("net", (1, 2)), InvalidArgumentError, "str"),
        (lambda f: f(nx.nn.Linear(2, 1), (-1, 2)), InvalidArgumentError, "-1, 2"),
        (lambda f: f(nx.nn.Linear(2, 1), (3, 5)), ShapeError, "3, 5"),
    ],
    "optim.clip_grad_norm_": [
        (lambda f: f([parameter(2)], -1.0), InvalidArgumentError, "-1.0"),
        (lambda f: f([5], 1.0), InvalidArgumentError, "5"),
    ],
    "optim.clip_grad_value_": [
        (lambda f: f([parameter(2)], NAN), InvalidArgumentError, "nan"),
    ],
    "random.random_bits": [(lambda f: f((2, -1)), InvalidArgumentError, "-1")],
    "random.bernoulli": [
        (lambda f: f(1.5, 2), InvalidArgumentError, "1.5"),
        (lambda f: f(0.5, (2, -1)), InvalidArgumentError, "-1"),
    ],
}

# What takes nothing that can be wrong, or is for those who write layers.
NOTHING = {
    "nn.Identity",
    "nn.Summary",
    "nn.assign_buffers",
    "nn.reduced_buffers",
    "nn.batch_norm_phase",
    "nn.inner_step",
    "optim.Optimizer",
    "optim.Schedule",
}


def test_every_public_name_has_an_entry() -> None:
    public = {f"nn.{n}" for n in nx.nn.__all__}
    public |= {f"optim.{n}" for n in nx.optim.__all__}
    modules = {n for n in public if inspect.ismodule(get(n))}
    for name, module in (("nn.functional", functional), ("nn.init", init)):
        own = inspect.getmembers(module, inspect.isfunction)
        names = (n for n, f in own if f.__module__ == module.__name__ and n[0] != "_")
        public |= {f"{name}.{n}" for n in names if n != "fans"}
    missing = public - modules - TABLE.keys() - NOTHING
    assert not missing, "give them an entry in TABLE"


def get(name: str) -> Any:
    found: Any = nx
    for part in name.split("."):
        found = getattr(found, part)
    return found


CASES = [(name, k) for name, cases in TABLE.items() for k in range(len(cases))]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_bad_input_is_named(name: str, number: int, device: str) -> None:
    call, error, text = TABLE[name][number]
    with pytest.raises(error) as caught:
        call(get(name))
    message = str(caught.value)
    short = name.rpartition(".")[2]
    assert re.search(rf"\b{short}\b", message), f"it does not name {short}: {message}"
    assert text in message, f"it lacks {text!r}: {message}"
