"""One learner reads its inputs one way, in all calls: stored pixels, tokens, values."""

import copy
import pickle

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    DtypeError,
    InvalidArgumentError,
    OutOfMemoryError,
    ShapeError,
)
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    MLP,
    R2D2,
    ConditionalNeuralProcess,
    MAMLPlusPlus,
    MatchingNetworks,
    MetaSGD,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
    TaskSampler,
)
from neurenix.meta.datasets import ArrayDataset

GRADIENT = [MAML, FOMAML, ANIL, BOIL, MetaSGD, ProtoMAML, MAMLPlusPlus, IMAML, Reptile]
EMBEDDING = [PrototypicalNetworks, MatchingNetworks, R2D2]
CLASSIFIERS = GRADIENT + EMBEDDING
WAYS, WIDTH, VOCABULARY = 3, 4, 50
PIXEL = np.float32(1 / 255)
ERRORS = (InvalidArgumentError, OutOfMemoryError, AttributeError)


def made(method, network, **options):
    if method in EMBEDDING:
        return method(network, **options)
    return method(network, inner_lr=0.1, inner_steps=2, **options)


def plain(method, **options):
    nx.manual_seed(0)
    if method is ConditionalNeuralProcess:
        return method(MLP([WIDTH + 1, 8, 5]), MLP([WIDTH + 5, 8, 2]), **options)
    return made(method, MLP([WIDTH, 8, WAYS]), **options)


def whole_task(method, largest=256, seed=0):
    """x of whole numbers, as int64."""
    rng = np.random.default_rng(seed)
    y = np.arange(2 * WAYS) % WAYS
    y = y[:, None] / WAYS if method is ConditionalNeuralProcess else y
    x, q = (rng.integers(0, largest, (2 * WAYS, WIDTH)) for _ in range(2))
    x[0, 0] = largest - 1
    return x, y, q, y


def told(found):
    """A prediction as one array."""
    parts = found if isinstance(found, tuple) else (found,)
    return np.concatenate([x.numpy() for x in parts])


def answers(learner, task):
    """What a learner says of a task in each way of asking."""
    x, y, q, _ = task
    context = (x, y) if isinstance(learner, ConditionalNeuralProcess) else ()
    return {
        "adapted": told(learner.adapt_to_task(x, y)(q)),
        "evaluated": learner.evaluate([task]).scores["loss"],
        "as it is": told(learner(*context, q)),
    }


def same(found, wanted):
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, 2e-5, 2e-6, err_msg=name)


FORMS = {
    "array": lambda x: x,
    "tensor": nx.tensor,
    "list": lambda x: x.tolist(),
    "int32": lambda x: x.astype(np.int32),
    "int64": lambda x: x.astype(np.int64),
    "uint16": lambda x: x.astype(np.uint16),
    "int64 tensor": lambda x: nx.tensor(x.astype(np.int64), dtype=nx.int64),
}


@pytest.mark.parametrize("method", [*CLASSIFIERS, ConditionalNeuralProcess])
def test_pixels(compiled_device, method):
    """Pixels in any form are what floats from 0 to 1 are."""
    x, y, q, z = whole_task(method)
    as_floats = x.astype(np.float32) * PIXEL, y, q.astype(np.float32) * PIXEL, z
    wanted = answers(plain(method), as_floats)
    learner = plain(method)
    pixels = x.astype(np.uint8), q.astype(np.uint8)
    for form in FORMS.values():
        task = form(pixels[0]), y, form(pixels[1]), z
        same(answers(learner, task), wanted)
        assert learner.kinds.inputs == "pixels"
    same(answers(learner, as_floats), wanted)
    # and what has adapted to one form predicts for every other
    adapted = learner.adapt_to_task(as_floats[0], y)
    for form in FORMS.values():
        np.testing.assert_allclose(
            told(adapted(form(pixels[1]))), wanted["adapted"], 2e-5, 2e-6
        )
    np.testing.assert_array_equal(told(adapted(x=pixels[1])), told(adapted(pixels[1])))


@pytest.mark.parametrize("method", [*CLASSIFIERS, ConditionalNeuralProcess])
@pytest.mark.parametrize("dtype", [np.int64, np.uint16])
def test_values(compiled_device, method, dtype):
    """Other whole numbers are values; from then on uint8 are values, too."""
    x, y, q, z = whole_task(method, largest=6)
    wanted = answers(plain(method), (x.astype(float), y, q.astype(float), z))
    learner = plain(method)
    for kind in (dtype, np.uint8, np.float64, np.float16):
        same(answers(learner, (x.astype(kind), y, q.astype(kind), z)), wanted)
    assert learner.kinds.inputs == "values"


@pytest.mark.parametrize("method", CLASSIFIERS)
def test_tokens(compiled_device, method):
    """A network that begins with an embedding gets the whole numbers that they are: it
    does what a linear layer does with one-hot rows."""
    nx.manual_seed(0)
    first = nn.Linear(VOCABULARY, 5, bias=False)
    rest = nn.Flatten(), nn.Linear(5 * WIDTH, WAYS)
    of_rows = made(method, nn.Sequential(first, *copy.deepcopy(rest)))
    table = nn.Embedding(VOCABULARY, 5)
    table.weight.assign(first.weight.value().detach().transpose())
    network = nn.Sequential(table, *rest)
    x, y, q, z = whole_task(method, VOCABULARY)
    rows = np.eye(VOCABULARY, dtype=np.float32)
    wanted = answers(of_rows, (rows[x], y, rows[q], z))
    for kind in (np.int64, np.uint8):
        learner = made(method, copy.deepcopy(network))
        task = x.astype(kind), y, q.astype(kind), z
        same(answers(learner, task), wanted)
        assert learner.kinds.inputs == "tokens"
        for form in FORMS.values():
            same(answers(learner, (form(task[0]), y, form(task[2]), z)), wanted)
    fresh = made(method, copy.deepcopy(network))
    assert fresh(q).shape == (len(q), WAYS) and fresh.kinds.inputs == "tokens"
    for each in (made(method, network), of_rows):
        sgd = optim.SGD(each.parameters(), lr=0.1)
        task = (x, y, q, z) if each is not of_rows else (rows[x], y, rows[q], z)
        each.meta_learn([task], sgd, 2, 1, validation=[task], progress=False)
    np.testing.assert_allclose(table.weight.numpy().T, first.weight.numpy(), 1e-3, 1e-5)


@pytest.mark.parametrize("method", [MAML, PrototypicalNetworks])
@pytest.mark.parametrize("kind", ["pixels", "tokens", "values", "floats"])
def test_data_sets(compiled_device, method, kind):
    """A sampler's tasks, those taken out of it, and arrays: read alike."""
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 4
    x = rng.integers(0, VOCABULARY, (12, WIDTH))
    x = {"pixels": x.astype(np.uint8), "floats": x / 7.0}.get(kind, x)
    data = ArrayDataset(x, labels)
    nx.manual_seed(0)
    network = MLP([WIDTH, 8, 2])
    if kind == "tokens":
        network = nn.Sequential(
            nn.Embedding(VOCABULARY, 5), nn.Flatten(), nn.Linear(5 * WIDTH, 2)
        )
    learner = made(method, network)
    sampler = TaskSampler(data, 2, 1, 2, seed=0, tasks=3)
    by_sampler = learner.evaluate(sampler).scores["loss"]
    assert learner.kinds.inputs == (None if kind == "floats" else kind)
    np.testing.assert_allclose(
        learner.evaluate(list(sampler)).scores["loss"], by_sampler, 1e-6
    )
    raw = []
    for i in range(3):
        rows = sampler.batch_indices(i, 1)
        support, query = data.examples[rows.support[0]], data.examples[rows.query[0]]
        raw.append((support, rows.support_labels, query, rows.query_labels))
    np.testing.assert_allclose(learner.evaluate(raw).scores["loss"], by_sampler, 1e-6)
    task = sampler[0]
    np.testing.assert_allclose(
        learner.adapt_to_task(*raw[0][:2])(raw[0][2]).numpy(),
        learner.adapt_to_task(task[0], task[1])(task[2]).numpy(),
        1e-6,
    )
    endless = TaskSampler(data, 2, (1, 2), 1, seed=0)
    learner.meta_learn(endless, steps_per_epoch=2, progress=False)


def test_tokens_of_uint8_in_a_data_set(compiled_device):
    x = np.random.default_rng(0).integers(0, VOCABULARY, (12, WIDTH))
    labels = np.arange(12) % 4
    nx.manual_seed(0)
    network = nn.Sequential(nn.Embedding(VOCABULARY, 5), nn.Flatten())
    learner = PrototypicalNetworks(network)
    scores = [
        learner.evaluate(
            TaskSampler(ArrayDataset(x.astype(kind), labels), 2, 1, 2, tasks=3)
        ).scores["loss"]
        for kind in (np.uint8, np.int64)
    ]
    np.testing.assert_array_equal(*scores)


class Rounds(nn.Module):
    """Takes floats and whole numbers, and means another thing by them."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, WAYS)

    def forward(self, x):
        return self.table(x.to(nx.int32)).mean(dim=1)


@pytest.mark.parametrize("kind", ["pixels", "tokens", "values"])
def test_what_is_said_holds(compiled_device, kind):
    nx.manual_seed(0)
    learner = MAML(Rounds(), inner_lr=0.1, inner_steps=1, inputs=kind)
    x, y, q, _ = whole_task(MAML, VOCABULARY)
    for dtype in (np.uint8, np.int64):
        learner.adapt_to_task(x.astype(dtype), y)
        found = learner(q.astype(dtype)).numpy()
        seen = np.zeros_like(q) if kind == "pixels" else q
        table = learner.model.table.weight.numpy()
        np.testing.assert_allclose(found, table[seen].mean(axis=1), 1e-5)


IMAGES = ArrayDataset(np.zeros((8, WIDTH), np.uint8), np.arange(8) % 4)
NUMBERS = ArrayDataset(np.full((8, WIDTH), 300), np.arange(8) % 4)
FLOATS = ArrayDataset(np.zeros((8, WIDTH)), np.arange(8) % 4)


@pytest.mark.parametrize(
    "kind, data, error, words",
    [
        ("values", IMAGES, InvalidArgumentError, "'values', and those of arrays 'pix"),
        ("pixels", NUMBERS, InvalidArgumentError, "arrays holds 300, .* from 0 to 255"),
        ("tokens", FLOATS, DtypeError, "arrays is of float32, .* reads tokens"),
    ],
)
def test_data_sets_of_another_kind_are_refused(kind, data, error, words):
    learner = MAML(MLP([WIDTH, 2]), inputs=kind)
    with pytest.raises(error, match=words):
        learner.evaluate(TaskSampler(data, 2, 1, 1, tasks=2))
    assert learner.kinds.inputs == kind


PIXELS, WHOLE = np.ones((3, WIDTH), np.uint8), np.full((3, WIDTH), -2)
LABELS = [0, 1, 2]


@pytest.mark.parametrize(
    "kind, support, query, error, words",
    [
        (None, PIXELS, WHOLE, InvalidArgumentError, "uint8 .* beside inputs of int64"),
        ("pixels", WHOLE, PIXELS, InvalidArgumentError, "support_x holds -2, .* 255"),
        ("pixels", PIXELS, WHOLE, InvalidArgumentError, "task 0: query_x holds -2"),
        ("tokens", WHOLE, WHOLE / 2, DtypeError, "query_x is of float64, .* tokens"),
        ("tokens", WHOLE + 2**40, WHOLE, InvalidArgumentError, "holds 1099511627774"),
        (None, [["a"] * WIDTH] * 3, WHOLE, InvalidArgumentError, "support_x is no ten"),
        (None, [[1], [2, 3], [4]], WHOLE, ShapeError, "support_x is ragged"),
    ],
)
def test_inputs_of_another_kind_are_refused(kind, support, query, error, words):
    learner = MAML(MLP([WIDTH, 3]), inputs=kind)
    with pytest.raises(error, match=words):
        learner.evaluate([(support, LABELS, query, LABELS)])
    assert learner.kinds == (kind, None)
    if "support" in words:
        with pytest.raises(error, match=words):
            learner.adapt_to_task(support, LABELS)
        assert learner.kinds == (kind, None)


def test_an_adapted_network_refuses_what_its_learner_does(compiled_device):
    learner = MAML(MLP([WIDTH, 3]))
    adapted = learner.adapt_to_task(PIXELS, LABELS)
    with pytest.raises(InvalidArgumentError, match=r"the input holds -2, .* pixels"):
        adapted(WHOLE)
    with pytest.raises(InvalidArgumentError, match=r"the input holds -2, .* pixels"):
        learner(WHOLE)
    again = pickle.loads(pickle.dumps(copy.deepcopy(adapted)))
    np.testing.assert_array_equal(again(PIXELS).numpy(), adapted(PIXELS).numpy())
    assert list(adapted.state_dict()) == list(learner.model.state_dict())


@pytest.mark.parametrize("method", [MAML, ProtoMAML, PrototypicalNetworks])
def test_compiled_calls_read_alike(compiled_device, method):
    """Of what has adapted, and of the learner: also what was compiled before."""
    x, y, q, z = whole_task(method)
    pixels = q.astype(np.uint8)
    learner = plain(method)
    asked = nx.compile(lambda x: learner(x), state=[learner])
    as_pixels = asked(pixels).numpy()
    np.testing.assert_allclose(as_pixels, asked(q * PIXEL).numpy(), 1e-5, 1e-6)
    assert learner.kinds.inputs is None  # nothing is decided in a program
    learner.evaluate([(x, y, q, z)])  # as values
    np.testing.assert_array_equal(asked(pixels).numpy(), asked(q.astype(float)).numpy())
    adapted = learner.adapt_to_task(x, y)
    predict = nx.compile(lambda x: adapted(x), state=[adapted])
    for query in (pixels, q, q.astype(float)):
        np.testing.assert_array_equal(predict(query).numpy(), adapted(q).numpy())
    one = nx.vmap(lambda x: adapted(x[None])[0])(nx.tensor(pixels))
    np.testing.assert_allclose(one.numpy(), adapted(q).numpy(), 1e-5, 1e-6)
    assert adapted.to(nx.float64)(q).dtype is nx.float64


def test_strange_kinds_are_refused():
    with pytest.raises(InvalidArgumentError, match="MAML: inputs='bytes'; expected No"):
        MAML(MLP([1, 1]), inputs="bytes")
    with pytest.raises(InvalidArgumentError, match="R2D2: inputs=3; expected None"):
        R2D2(MLP([1, 1]), inputs=3)
    with pytest.raises(InvalidArgumentError, match="MAML: targets='either'; expected "):
        MAML(MLP([1, 1]), targets="either")
    process = ConditionalNeuralProcess
    with pytest.raises(InvalidArgumentError, match="inputs='tokens'; its encoder read"):
        process(MLP([2, 1]), MLP([2, 2]), inputs="tokens")
    with pytest.raises(InvalidArgumentError, match="ProtoMAML: targets='values'"):
        ProtoMAML(MLP([1, 1]), targets="values")


def test_a_use_that_fails_decides_nothing(compiled_device):
    learner = MAML(MLP([WIDTH, 3]), inner_steps=1)
    good = [(PIXELS, LABELS, PIXELS, LABELS)]
    others = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)

    def train(tasks, optimizer=None, **options):
        options = {"tasks_per_batch": 1, "progress": False, **options}
        learner.meta_learn(tasks, optimizer, **options)

    failing = [
        lambda: learner.evaluate([(PIXELS, LABELS, PIXELS, [0, 1, 7])]),
        lambda: learner.evaluate(good, transductive=True),
        lambda: learner.evaluate(good, max_memory=1),
        lambda: learner.adapt_to_task(PIXELS, [0, 1, 7]),
        lambda: train(good, others),
        lambda: train(good, validation=[1]),
        lambda: train(good, callbacks=[3]),
        lambda: learner(PIXELS[:, :2]),
    ]
    for fails in failing:
        with pytest.raises(ERRORS):
            fails()
        assert learner.kinds == (None, None)
    learner.evaluate(good)
    assert learner.kinds == ("pixels", "classes")


@pytest.mark.parametrize(
    "keep", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_keep_it(compiled_device, keep):
    learner = MAML(MLP([WIDTH, 3]), inner_steps=1)
    assert keep(learner).kinds == (None, None)
    learner.evaluate([(PIXELS, LABELS, PIXELS, LABELS)])
    assert keep(learner).kinds == ("pixels", "classes")


@pytest.mark.parametrize("method", [*CLASSIFIERS, ConditionalNeuralProcess])
def test_files_keep_it(compiled_device, method, tmp_path):
    task = whole_task(method)
    pixels = (task[0].astype(np.uint8), task[1], task[2].astype(np.uint8), task[3])
    learner = plain(method)
    learner.meta_learn([pixels], tasks_per_batch=1, progress=False)
    wanted = answers(learner, pixels)
    learner.save(tmp_path / "learner.safetensors")
    fresh = plain(method)
    fresh.load(tmp_path / "learner.safetensors")
    assert fresh.kinds == learner.kinds and fresh.kinds.inputs == "pixels"
    same(answers(fresh, task), wanted)  # int64, which a new learner takes for values
    other = plain(method, inputs="values")
    before = [p.numpy() for p in other.parameters()]
    with pytest.raises(
        InvalidArgumentError, match="inputs='pixels' saved, 'values' now"
    ):
        other.load(tmp_path / "learner.safetensors")
    assert other.kinds.inputs == "values"
    for p, was in zip(other.parameters(), before):
        np.testing.assert_array_equal(p.numpy(), was)


def without_kinds(path):
    """A file as it was written before learners kept their kinds."""
    content = nx.load(path)
    del content["learner"]["kinds"]
    nx.save(content, path)


def test_older_files_are_read(compiled_device, tmp_path):
    learner = MAML(MLP([WIDTH, 3]), inner_steps=1)
    tasks = [(PIXELS, LABELS, PIXELS, LABELS)]
    learner.meta_learn(
        tasks, epochs=2, tasks_per_batch=1, checkpoint=tmp_path, progress=False
    )
    for path in tmp_path.iterdir():
        without_kinds(path)
    fresh = MAML(MLP([WIDTH, 3]), inner_steps=1)
    fresh.load(tmp_path)
    assert fresh.kinds == (None, None)
    fresh.meta_learn(
        tasks, epochs=3, tasks_per_batch=1, checkpoint=tmp_path, progress=False
    )
    assert fresh.kinds == ("pixels", "classes")


def test_checkpoints_keep_it(compiled_device, tmp_path):
    """A run goes on as what it was."""

    def run(epochs, tasks, **options):
        nx.manual_seed(0)
        learner = MAML(MLP([WIDTH, 3]), inner_steps=1, **options)
        learner.meta_learn(
            tasks, epochs=epochs, tasks_per_batch=1, checkpoint=tmp_path, progress=False
        )
        return learner

    pixels = [(PIXELS, LABELS, PIXELS, LABELS)]
    assert run(1, pixels).kinds == ("pixels", "classes")
    assert run(2, pixels).kinds == ("pixels", "classes")
    values = [(PIXELS.astype(int), LABELS, PIXELS.astype(int), LABELS)]
    with pytest.raises(
        InvalidArgumentError, match="inputs='pixels' saved, 'values' now"
    ):
        run(3, values)


class CastsItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(256, 3)

    def forward(self, x):
        return self.embedding(x.long()).mean(axis=1)


def test_bytes_that_may_be_tokens_or_pixels_are_asked_about(compiled_device):
    x = np.random.default_rng(0).integers(0, 256, (6, 4)).astype(np.uint8)
    learner = MAML(CastsItself(), inner_steps=1)
    with pytest.raises(InvalidArgumentError, match="'tokens' or inputs='pixels'"):
        learner.adapt_to_task(x, np.arange(6) % 3)
    assert learner.kinds.inputs is None
    told = MAML(CastsItself(), inner_steps=1, inputs="tokens")
    found = told.adapt_to_task(x, np.arange(6) % 3)(x).numpy()
    assert len(np.unique(found, axis=0)) == 6


def test_tokens_beyond_the_vocabulary_are_named(compiled_device):
    embed = nn.Sequential(nn.Embedding(50, 3), nn.Flatten(), nn.Linear(12, 3))
    labels = np.arange(6) % 3
    for dtype in (np.int64, np.uint8):
        x = np.full((6, 4), 200, dtype)
        with pytest.raises(IndexError, match="200"):
            MAML(embed, inner_steps=1).adapt_to_task(x, labels)


def test_labels_that_are_texts_are_named(compiled_device):
    x, labels = np.eye(3, dtype=np.float32), np.array(["a", "b", "c"])
    learner = MAML(MLP([3, 3]), inner_steps=1)
    with pytest.raises(InvalidArgumentError, match="labels are numbers from 0"):
        learner.evaluate([(x, labels, x, labels)])
