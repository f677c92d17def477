"""The ready-made networks: each differentiates twice in MAML, by finite differences of
the loss after an inner step; DropBlock's squares; what they refuse."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import (
    ANIL,
    MAML,
    MLP,
    Conv4,
    DropBlock,
    RecurrentNetwork,
    ResNet12,
    Transformer,
)
from neurenix.nn.functional import cross_entropy

WAYS, INNER_LR = 2, 0.05
IMAGE, SEQUENCE = (1, 16, 16), (4, 3)


def small_residual(**options):
    return ResNet12(
        1, (2, 2, 2, 2), WAYS, dropout=0.0, batch_norm="transductive", **options
    )


NETWORKS = {
    "mlp": (lambda: MLP([3, 4, WAYS], nn.Tanh), (3,)),
    "conv4": (lambda: Conv4(1, 2, WAYS, batch_norm="transductive"), IMAGE),
    "conv4 with a flat head": (
        lambda: Conv4(
            1, 2, WAYS, head="flatten", image_size=16, batch_norm="transductive"
        ),
        IMAGE,
    ),
    "resnet12": (lambda: small_residual(drop_block=0.0), IMAGE),
    "lstm": (lambda: RecurrentNetwork(3, 3, WAYS), SEQUENCE),
    "gru": (lambda: RecurrentNetwork(3, 3, WAYS, cell="gru", num_layers=2), SEQUENCE),
    "transformer": (
        lambda: Transformer(3, WAYS, max_length=5, width=4, heads=2, depth=1),
        SEQUENCE,
    ),
    "causal transformer": (
        lambda: Transformer(3, WAYS, max_length=4, width=4, heads=1, causal=True),
        SEQUENCE,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_differentiates_twice_in_maml(compiled_device, name):
    """The difference quotient takes a first derivative only, eagerly: that of the
    inner step."""
    nx.manual_seed(0)
    make, shape = NETWORKS[name]
    learner = MAML(make().to(nx.float64), INNER_LR, inner_steps=1)
    rng = np.random.default_rng(0)
    x, q = rng.normal(size=(2, 4, *shape))
    y, z = np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0])
    start = {n: p.numpy().copy() for n, p in learner.model.named_parameters()}
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn([(x, y, q, z)], sgd, 1, 1, progress=False)
    parameters = learner.model.named_parameters()
    found = {n: start[n] - p.numpy() for n, p in parameters}

    def loss(values, x, y):
        output, _ = nn.functional_call(learner.model, values, nx.tensor(x, nx.float64))
        return cross_entropy(output, nx.tensor(y))

    def meta_loss(point):
        values = {n: nx.tensor(a, nx.float64) for n, a in point.items()}
        gradient = nx.grad(lambda v: loss(v, x, y))(values)
        moved = {n: v - INNER_LR * gradient[n] for n, v in values.items()}
        return loss(moved, q, z).item()

    for _ in range(2):
        direction = {n: rng.normal(size=a.shape) for n, a in start.items()}
        slope = sum((found[n] * d).sum() for n, d in direction.items())
        step = 1e-6
        ends = [
            meta_loss({n: a + h * direction[n] for n, a in start.items()})
            for h in (step, -step)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "image", "expected"),
    [
        ({"head": "flatten"}, (3, 84, 84), 64 * 25),  # Snell et al. 2017
        ({"head": "flatten", "hidden": 32}, (3, 84, 84), 32 * 25),
        ({"head": "flatten", "downsampling": "stride"}, (3, 84, 84), 64 * 36),
        ({"head": "flatten"}, (3, 28, 28), 64),
        ({"head": "mean"}, (3, 84, 84), 64),
        ({}, (3, 33, 47), 64 * 4),
    ],
)
def test_the_features_of_conv4(device, settings, image, expected):
    x = nx.randn(1, *image, generator=nx.Generator(0))
    net = Conv4(3, **settings)
    assert net(x).shape == (1, expected)
    last = net.blocks(x).numpy()
    flat = last.mean((2, 3)) if settings.get("head") == "mean" else last.reshape(1, -1)
    assert np.allclose(net(x).numpy(), flat)
    if image[1] == image[2]:
        classifier = Conv4(3, ways=5, image_size=image[1], **settings)
        assert classifier(x).shape == (1, 5)
        if settings:
            assert classifier.head[1].weight.shape == (5, expected)


def test_the_miniimagenet_network_of_maml(device):
    """Of the 32,901 numbers of Finn et al. 2017 all but the biases of the convolutions,
    which batch norm takes away again."""
    net = Conv4(3, 32, 5, head="flatten", batch_norm="transductive")
    assert sum(p.size for p in net.parameters()) == 32_901 - 4 * 32
    x = np.random.default_rng(0).normal(size=(2, 3, 84, 84))
    features = net.blocks(nx.tensor(x)).numpy()
    assert features.shape == (2, 32, 5, 5)
    linear = net.head[1]
    expected = features.reshape(2, -1) @ linear.weight.numpy().T + linear.bias.numpy()
    assert np.allclose(net(nx.tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_published_resnet12_has_its_size():
    """12.4 million parameters without the head, and 16,000 features of 84 × 84."""
    net = ResNet12()
    assert sum(p.size for p in net.parameters()) == 12_424_320
    small = ResNet12(filters=(2, 2, 2, 640)).eval()
    assert small(nx.ones(1, 3, 84, 84)).shape == (1, 16_000)


def test_resnet12_learns_with_dropblock(compiled_device):
    nx.manual_seed(0)
    learner = ANIL(small_residual(drop_block=0.2), 0.1, inner_steps=2)
    rng = np.random.default_rng(0)
    labels = np.arange(6) % 2
    images = rng.normal(size=(6, *IMAGE)) + 2.0 * labels[:, None, None, None]
    task = (images, labels, images, labels)
    history = learner.meta_learn([task] * 4, epochs=20, progress=False)
    assert history["loss"][-1] < 0.8 * history["loss"][0]


def test_dropblock_drops_squares(device):
    nx.manual_seed(0)
    y = DropBlock(0.2, 3)(nx.ones(8, 4, 12, 12)).numpy()
    gone = y == 0
    assert 0.1 < gone.mean() < 0.2  # squares overlap
    assert y[~gone] == pytest.approx(gone.size / (~gone).sum())
    assert y.mean() == pytest.approx(1.0)
    # every element that is gone is in a square of 3 × 3 that is gone
    h, w = gone.shape[2:]
    squares = np.zeros_like(gone)
    for i in range(h - 2):
        for j in range(w - 2):
            whole = gone[:, :, i : i + 3, j : j + 3].all(axis=(2, 3))
            squares[:, :, i : i + 3, j : j + 3] |= whole[:, :, None, None]
    assert (squares == gone).all()
    first = y[0, 0] == 0
    assert (gone != first).any()  # channels and examples differ


def test_dropblock_at_its_ends(device):
    x = nx.ones(2, 3, 4, 4)
    assert DropBlock(0.5, 7).eval()(x).tolist() == x.tolist()
    assert DropBlock(0.0, 2)(x).tolist() == x.tolist()
    assert DropBlock(1.0, 7)(x).sum().item() == 0.0  # the map is the square


def test_a_causal_position_reads_nothing_after_it(device):
    net = Transformer(3, 2, max_length=4, width=4, heads=2, causal=True)
    block = net.blocks[0]
    rng = np.random.default_rng(0)
    a = rng.normal(size=(1, 4, 4)).astype(np.float32)
    b = a.copy()
    b[:, 2:] += 1.0
    before, after = (block(nx.tensor(v), True).numpy()[:, :2] for v in (a, b))
    assert np.allclose(before, after)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Conv4(head="max"), InvalidArgumentError, r"head='max'.*flatten"),
        (
            lambda: Conv4(ways=5, head="flatten", image_size=8),
            InvalidArgumentError,
            "image_size=8",
        ),
        (
            lambda: Conv4(ways=5, head="flatten")(nx.ones(1, 1, 28, 28)),
            ShapeError,
            r"\(1, 1, 28, 28\).*84.*image_size=28",
        ),
        (lambda: ResNet12(1, (2, 2)), InvalidArgumentError, r"filters=\(2, 2\).*4"),
        (lambda: DropBlock(2.0), InvalidArgumentError, "DropBlock: p=2"),
        (lambda: DropBlock()(nx.ones(2, 2)), ShapeError, r"shape \(2, 2\)"),
        (lambda: RecurrentNetwork(1, 2, 3, cell="rnn"), InvalidArgumentError, "'rnn'"),
        (
            lambda: RecurrentNetwork(3, 2, 2)(nx.ones(4, 3)),
            ShapeError,
            r"shape \(4, 3\)",
        ),
        (
            lambda: Transformer(3, 2, max_length=4)(nx.ones(1, 5, 3)),
            ShapeError,
            r"shape \(1, 5, 3\).*at most 4",
        ),
        (
            lambda: Transformer(3, 2, max_length=4, width=6, heads=4),
            InvalidArgumentError,
            "num_heads=4 does not divide embed_dim=6",
        ),
    ],
)
def test_what_does_not_fit_is_refused(device, make, error, message):
    with pytest.raises(error, match=message):
        make()
