"""Classifier files: loaded by another process; others are refused by name."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import NAMES, PREPROCESS, arrays, drawn, flat, folder_of, network

import neurenix as nx
from neurenix import nn
from neurenix.errors import FileFormatError, InvalidArgumentError, StorageError
from neurenix.meta import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    MLP,
    R2D2,
    Classifier,
    MAMLPlusPlus,
    MatchingNetworks,
    MetaSGD,
    Preprocess,
    ProtoMAML,
    PrototypicalNetworks,
    RecurrentNetwork,
    Reptile,
    ResNet12,
    Transformer,
    load,
)
from neurenix.meta.files import architecture

OURS = {
    "Conv4": network,
    "ResNet12": lambda: ResNet12(1, (4, 4, 8, 8)),
    "PrototypicalNetworks": lambda: PrototypicalNetworks(network(), "cosine"),
    "MatchingNetworks": lambda: MatchingNetworks(network()),
    "R2D2": lambda: R2D2(network()),
    "ProtoMAML": lambda: ProtoMAML(network(), inner_steps=2),
    **{
        method.__name__: lambda method=method: method(network(ways=3), inner_steps=2)
        for method in (MAML, FOMAML, ANIL, BOIL, MetaSGD, Reptile, IMAML, MAMLPlusPlus)
    },
}


class Doubling(nn.Module):
    """A class of one's own."""

    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = factor
        self.weight = nn.Parameter(np.linspace(0.5, 1.5, 784, dtype=np.float32))

    def forward(self, x):
        return nx.flatten(x, 1) * self.weight * self.factor


QUERIES = [drawn(name, 9) for name in NAMES]


def images():
    return {name: [drawn(name, i) for i in range(2)] for name in NAMES}


def made(embedding, **settings):
    return Classifier(embedding, PREPROCESS, **settings).fit(images())


# ---- what comes back -----------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_all_of_ours_come_back_with_the_same_bits(name, tmp_path, compiled_device):
    classifier = made(OURS[name]())
    classifier.threshold = -0.5
    classifier.save(tmp_path / "c")
    found = load(tmp_path / "c")
    assert found.classes_ == NAMES and found.threshold == -0.5
    assert found.preprocess == PREPROCESS and found.counts_ == classifier.counts_
    expected = classifier.predict_proba(QUERIES)
    assert (found.predict_proba(QUERIES) == expected).all()
    assert type(found.embedding) is type(classifier.embedding)
    found.save(tmp_path / "again")
    assert (load(tmp_path / "again").predict_proba(QUERIES) == expected).all()


def test_what_was_loaded_goes_on(tmp_path, compiled_device):
    settings = {"centre": "support", "normalize": True, "unreadable": "skip"}
    one = Classifier(network(), PREPROCESS, **settings)
    one.fit({name: images()[name] for name in NAMES[:2]})
    one.save(tmp_path / "c")
    other = load(tmp_path / "c")
    for classifier in (one, other):
        classifier.add_class(NAMES[2], images()[NAMES[2]]).calibrate(0.3)
    assert (one.predict_proba(QUERIES) == other.predict_proba(QUERIES)).all()
    assert one.threshold == other.threshold and one.scale_ == other.scale_
    assert other.fit(images()).classes_ == NAMES


@pytest.mark.parametrize(
    "settings",
    [
        {"metric": "cosine", "scale": 7.5},
        {"centre": np.linspace(0, 1, 784), "batch_size": 2},
        {"preprocess": None, "normalize": True},
        {"preprocess": Preprocess(28, 3, mean=(0.1, 0.2, 0.3), std=(1, 2, 3))},
    ],
)
def test_settings_come_back(settings, tmp_path):
    embedding = MLP([784, 4]) if settings.get("preprocess") else nn.Flatten()
    preprocess = settings.pop("preprocess", PREPROCESS)
    if preprocess is None:
        examples, queries = arrays(), arrays(1, 9)["bar"]
    else:
        examples, queries = images(), QUERIES
    if preprocess is not None and preprocess.channels == 3:
        embedding = nn.Sequential(nn.Flatten(), nn.Linear(2352, 4))
    one = Classifier(embedding, preprocess, **settings).fit(examples)
    one.save(tmp_path / "c")
    other = load(tmp_path / "c")
    assert other.preprocess == preprocess and other.scale == one.scale
    assert (one.logits(queries) == other.logits(queries)).all()


def test_whole_numbers_as_classes(tmp_path):
    x = np.array([[0.0, 1.0], [1.0, 0.0]])
    Classifier(nn.Flatten()).fit(x, [3, 5]).save(tmp_path / "c")
    assert load(tmp_path / "c").classes_ == (3, 5)


def test_another_process(tmp_path, compiled_device):
    """From a folder to a file here, from the file to predictions there."""
    known, new = folder_of(tmp_path / "known"), folder_of(tmp_path / "new", 2, 5)
    learner = PrototypicalNetworks(network())
    classifier = Classifier(learner, PREPROCESS).fit(known)
    classifier.calibrate(0.2)
    classifier.save(tmp_path / "shapes.safetensors")
    program = """
import sys, neurenix as nx, numpy as np
nx.init({"device": sys.argv[1]})
from neurenix.meta import load
classifier = load("shapes.safetensors")
np.save("p.npy", classifier.predict_proba("new"))
print([str(label) for label in classifier.predict("new")])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, compiled_device],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([str(x) for x in classifier.predict(new)])
    assert (np.load(tmp_path / "p.npy") == classifier.predict_proba(new)).all()


def test_it_is_a_safetensors_file_without_pickle(tmp_path):
    from safetensors.numpy import load_file

    made(network()).save(tmp_path / "c")
    tensors = load_file(tmp_path / "c")
    assert tensors["support.kept"].shape == (6, 8)
    assert tensors["values.blocks.0.0.weight"].shape == (8, 1, 3, 3)
    header = (tmp_path / "c").read_bytes()[:100_000]
    assert b"Conv4" in header and b"pickle" not in header


# ---- one's own -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        Doubling,
        lambda: nn.Sequential(Doubling(), nn.ReLU()),
        lambda: PrototypicalNetworks(Doubling()),
    ],
)
def test_a_class_of_ones_own(make, tmp_path):
    embedding = make()
    for parameter in embedding.parameters():
        parameter.assign(parameter * 1.5)
    classifier = made(embedding)
    classifier.save(tmp_path / "c")
    with pytest.raises(InvalidArgumentError, match=r"Doubling, of .*embedding=\w+\("):
        load(tmp_path / "c")
    given = make()
    found = load(tmp_path / "c", embedding=given)
    assert (found.logits(QUERIES) == classifier.logits(QUERIES)).all()
    before, after = (x.state_dict() for x in (make(), given))
    assert all((before[name] == after[name]).all().item() for name in before)


def test_another_architecture(tmp_path):
    made(Doubling()).save(tmp_path / "own")
    made(network()).save(tmp_path / "ours")
    for file, given, text in (
        ("own", Doubling(3.0), "factor=2.0 saved, 3.0 now"),
        ("own", network(), "Doubling saved, Conv4 now"),
        ("own", PrototypicalNetworks(Doubling()), "PrototypicalNetworks now"),
        ("own", flat, "was made from a Doubling"),
        ("ours", network(head="mean"), "Flatten saved, GlobalAveragePool2d now"),
    ):
        with pytest.raises(InvalidArgumentError, match=text):
            load(tmp_path / file, embedding=given)
    assert load(tmp_path / "ours", embedding=network()).classes_ == NAMES


def test_a_callable(tmp_path):
    classifier = made(flat)
    classifier.save(tmp_path / "c")
    found = load(tmp_path / "c", embedding=flat)
    assert (found.logits(QUERIES) == classifier.logits(QUERIES)).all()
    for given in (None, network()):
        with pytest.raises(InvalidArgumentError, match=r"callable pictures\.flat"):
            load(tmp_path / "c", embedding=given)
    with pytest.raises(InvalidArgumentError, match="784 numbers then, 3 now"):
        load(tmp_path / "c", embedding=lambda x: flat(x)[:, :3])
    with pytest.raises(InvalidArgumentError, match="of other values"):
        load(tmp_path / "c", embedding=lambda x: flat(x) * 1.01)


# ---- files that are none -------------------------------------------------------------


def test_what_is_no_classifier(tmp_path):
    with pytest.raises(StorageError):
        load(tmp_path / "none")
    (tmp_path / "text").write_text("no classifier")
    with pytest.raises(FileFormatError, match="no safetensors file"):
        load(tmp_path / "text")
    nx.save({"weight": nx.ones(2)}, tmp_path / "weights")
    with pytest.raises(FileFormatError, match="holds no classifier"):
        load(tmp_path / "weights")
    PrototypicalNetworks(network()).save(tmp_path / "learner")
    with pytest.raises(FileFormatError, match=r"learner\.load\(path\) reads it"):
        load(tmp_path / "learner")
    with pytest.raises(StorageError, match="make the folder"):
        made(flat).save(tmp_path / "no folder" / "c")


def test_a_bit_that_was_changed(tmp_path):
    made(network()).save(tmp_path / "c")
    content = bytearray((tmp_path / "c").read_bytes())
    for place in (len(content) - 3, len(content) // 2, 200):
        damaged = content.copy()
        damaged[place] ^= 1
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(FileFormatError):
            load(tmp_path / "damaged")
    (tmp_path / "damaged").write_bytes(content[:-10])
    with pytest.raises(FileFormatError):
        load(tmp_path / "damaged")


def without(key):
    def change(content):
        del content[key]

    return change


def architecture_with(change):
    def changed(content):
        said = json.loads(content["embedding"])
        change(said["modules"])
        content["embedding"] = json.dumps(said)

    return changed


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c.update(format=3), r"in format 3; Neurenix .* upgrade it"),
        (lambda c: c.update(settings="{"), "lacks a part"),
        (lambda c: c.update(settings="{}"), "lacks a part"),
        (without("classes"), "lacks a part"),
        (without("values"), "lacks a part"),
        (lambda c: c["support"].pop("kept"), "lacks a part"),
        (lambda c: c["values"].pop("blocks.0.0.weight"), "damaged"),
        (
            architecture_with(lambda m: m[""].update({"class": "Conv9"})),
            "a 'Conv9', which Neurenix .* has not",
        ),
        (architecture_with(lambda m: m.pop("")), "damaged"),
        (
            architecture_with(lambda m: m[""]["attributes"].update(blocks={"x": []})),
            "damaged",
        ),
        (architecture_with(lambda m: m[""].update({"class": "os.system"})), "has not"),
    ],
)
def test_files_that_were_altered(change, text, tmp_path):
    made(network()).save(tmp_path / "c")
    content = nx.load(tmp_path / "c")
    change(content)
    nx.save(content, tmp_path / "other")
    with pytest.raises(FileFormatError, match=text):
        load(tmp_path / "other")


# ---- files of before -----------------------------------------------------------------

BEFORE = Path(__file__).parent / "golden" / "classifiers"
EXPECTED = json.loads((BEFORE / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", EXPECTED)
def test_files_of_before(name, device):
    """Attributes of layers are part of the format: renaming one asks for a new one."""
    classifier = load(BEFORE / f"{name}.safetensors")
    assert type(classifier.embedding).__name__ == name
    assert classifier.classes_ == ("a", "b", "c") and classifier.threshold == -50.0
    columns = np.arange(16) + 1 / 4
    stripes = [np.tile(np.sin(columns / i), (1, 16, 1)) for i in (1, 2, 3)]
    found = classifier.predict_proba(np.stack(stripes).astype(np.float32))
    assert np.allclose(found, EXPECTED[name], rtol=1e-3, atol=1e-4)


# ---- architectures -------------------------------------------------------------------


def again(module):
    modules, values = architecture.described(module)
    return architecture.built(json.loads(json.dumps(modules)), values)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: RecurrentNetwork(3, 4, 2), (2, 5, 3)),
        (lambda: Transformer(3, 2, max_length=5), (2, 5, 3)),
        (lambda: nn.Sequential(nn.Embedding(5, 3), nn.Dropout(0.5)), None),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.GroupNorm(2, 2)), (2, 1, 6, 6)),
        (lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.LeakyReLU()), (2, 1, 6, 6)),
        (lambda: MLP([3, 4, 2], nn.GELU), (2, 3)),
    ],
)
def test_networks_come_back(make, shape):
    one = make().eval()
    two = again(one)
    x = nx.tensor([[0, 1]]) if shape is None else nx.randn(*shape)
    assert (one(x) == two(x)).all().item()
    assert repr(one) == repr(two) and not two.training


def test_what_was_changed_later_and_what_is_shared_comes_back():
    layer = nn.Linear(3, 3)
    one = nn.Sequential(layer, nn.ReLU(), layer)
    one[1] = nn.Tanh()
    layer.bias.requires_grad_(False)
    two = again(one)
    assert two[0] is two[2] and isinstance(two[1], nn.Tanh)
    assert not two[0].bias.requires_grad and two[0].weight.requires_grad
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    two = again(tied)
    assert two[0].weight is two[1].weight and two[0].bias is not two[1].bias
    noisy = nn.Dropout(0.5)
    noisy.generator = nx.Generator(5)
    x = nx.ones(50)
    copied = again(noisy)
    assert (noisy(x) == copied(x)).all().item()


def test_what_no_file_can_describe_is_named():
    with pytest.raises(architecture.NotOursError, match="1 is a Doubling, of"):
        architecture.described(nn.Sequential(nn.ReLU(), Doubling()))
    layer = nn.Linear(1, 1)
    layer.function = print
    with pytest.raises(architecture.NotOursError, match="the whole is a Linear, which"):
        architecture.described(layer)


def test_names_of_classes_are_enough():
    names = [kind.__name__ for kind in architecture._classes(nn.Module)]
    assert len(set(architecture._classes(nn.Module))) == len(set(names))
