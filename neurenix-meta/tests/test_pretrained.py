"""Shipped weights: as their cards say, refused if changed, and ready for pictures."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import twelve_shapes
from pictures import NAMES, folder_of
from PIL import Image

import neurenix as nx
from neurenix.errors import FileFormatError, InvalidArgumentError
from neurenix.meta import (
    MAML,
    Classifier,
    Preprocess,
    PrototypicalNetworks,
    TaskSampler,
    pretrained,
    pretrained_names,
)
from neurenix.meta.datasets import Glyphs, MissingDataError, Omniglot
from neurenix.meta.datasets.cache import data_root
from neurenix.meta.models.batch_norm import mode_of
from neurenix.meta.recipes.glyphs import CLASSES
from neurenix.meta.weights import pretrained as room
from neurenix.meta.weights.card import Card

ALL = pretrained_names()


@pytest.mark.parametrize("name", ALL)
def test_the_card_says_what_is_in_the_file(name):
    found = pretrained(name)
    learner, card = found.learner, found.card
    assert type(learner) is (MAML if name.endswith("maml") else PrototypicalNetworks)
    assert (room.FOLDER / f"{name}.safetensors").stat().st_size < 1_000_000
    assert card.name == name and card.batch_norm == mode_of(learner)
    assert card.parameters == sum(p.value().size for p in learner.parameters())
    assert "Apache-2.0" in card.licence
    assert ("MIT" in card.licence) == ("omniglot" in name)
    assert card.command == f"python benchmarks/pretrain.py {name}"
    assert Card.of_json(json.loads(json.dumps(card.to_json()))) == card
    said = str(card)
    for words in ("± ", "% in validation", "licence", card.batch_norm, card.command):
        assert words in said
    own = "Omniglot" if "omniglot" in name else "Glyphs"
    five = [s for s in card.scores if (s.ways, s.shots) == (5, 1) and own in s.data]
    assert five and all(80 < s.accuracy <= 100 and s.interval > 0 for s in five)
    learner.state_dict()["model.blocks.0.0.weight"]
    assert pretrained(name).learner is not learner


@pytest.mark.parametrize("name", ALL)
def test_the_accuracy_is_that_of_the_card(name, compiled_device):
    """On some of its test tasks; Glyphs needs no files."""
    found = pretrained(name)
    glyphs = Glyphs(range(CLASSES["test"].start, CLASSES["test"].start + 100))
    tasks = TaskSampler(glyphs, 5, 1, 5, seed=0, tasks=60)
    result = found.learner.evaluate(tasks)
    (said,) = [
        score
        for score in found.card.scores
        if "Glyphs" in score.data and (score.ways, score.shots) == (5, 1)
    ]
    assert said.transductive == result.transductive and said.steps == result.steps
    interval = 100 * result.interval("accuracy")
    assert abs(100 * result.accuracy - said.accuracy) < 2 * interval + said.interval


@pytest.mark.omniglot
def test_images_are_prepared_as_in_training():
    try:
        data = Omniglot(split="train")
    except MissingDataError as error:
        pytest.skip(str(error))
    file = data_root(None) / "omniglot" / "images_background.zip"
    if not file.exists():
        pytest.skip(f"{file} is not there: Omniglot is at hand unpacked")
    with zipfile.ZipFile(file) as archive:
        inside = sorted(
            n for n in archive.namelist() if data.classes[0] in n and n.endswith(".png")
        )
        images = [Image.open(io.BytesIO(archive.read(n))) for n in inside]
    prepared = np.stack([room.DRAWINGS.pixels(image) for image in images])
    expected = data.class_examples(0)
    assert np.abs(prepared.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ALL)
def test_from_a_folder_to_a_file_that_another_process_reads(name, tmp_path):
    root, new = folder_of(tmp_path / "shapes", 5), folder_of(tmp_path / "new", 4, 10)
    classifier = Classifier(pretrained(name)).fit(root)
    assert classifier.preprocess == Preprocess(28, channels=1, invert=True)
    assert classifier.classes_ == NAMES
    assert classifier.evaluate(new).accuracy >= 0.75  # chance is a third
    classifier.save(tmp_path / "file")
    program = (
        "import sys, neurenix.meta as meta\n"
        "found = meta.load(sys.argv[1])\n"
        "print(*found.predict(sys.argv[2]))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "file", new],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == classifier.predict(new).tolist()


def test_twelve_classes_of_photos_of_all_sizes_in_ten_lines(tmp_path):
    signs = twelve_shapes.write(tmp_path / "signs", count=5, seed=0)
    new = twelve_shapes.write(tmp_path / "new", count=3, seed=1)
    classifier = Classifier(pretrained("conv4-omniglot-protonet"))
    scores = classifier.fit(signs).evaluate(new)
    assert scores.count == 36 and len(classifier.classes_) == 12
    assert scores.accuracy > 0.7, scores  # chance is 8 %


def test_another_preprocess_may_be_given():
    own = Preprocess(28, channels=1, invert=True, fit="pad")
    assert Classifier(pretrained(ALL[0]), own).preprocess is own


def test_maml_knows_five_classes():
    classifier = Classifier(pretrained("conv4-glyphs-maml"))
    glyphs = Glyphs(6, 2)
    examples = {n: list(glyphs.class_examples(n)) for n in glyphs.classes}
    with pytest.raises(InvalidArgumentError, match="does not adapt to 6 classes"):
        classifier.fit(examples)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("conv4-omniglot-protonets", "conv4-omniglot-protonet"),
        ("conv4_glyphs_maml", "conv4-glyphs-maml"),
        ("Conv4-Omniglot-MAML", "conv4-omniglot-maml"),
    ],
)
def test_a_name_that_is_none_is_told_the_nearest(name, near):
    with pytest.raises(InvalidArgumentError, match=f"did you mean '{near}'\\? There"):
        pretrained(name)
    with pytest.raises(InvalidArgumentError, match="there is no 'resnet50'"):
        pretrained("resnet50")


@pytest.mark.parametrize("part", ["safetensors", "json"])
def test_files_that_were_changed_are_refused(part, tmp_path, monkeypatch):
    name = ALL[0]
    shutil.copytree(room.FOLDER, tmp_path / "files")
    monkeypatch.setattr(room, "FOLDER", tmp_path / "files")
    assert pretrained(name).card.name == name
    file = Path(tmp_path / "files" / f"{name}.{part}")
    content = bytearray(file.read_bytes())
    if part == "json":
        start = content.index(b'"sha256"') + 12
        content[start] = ord("0") if content[start] != ord("0") else ord("1")
    else:
        content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match="one of them was changed"):
        pretrained(name)
    file.unlink()
    with pytest.raises(FileFormatError, match=f"{name}.{part} is not there"):
        pretrained(name)


def test_training_goes_on_from_there():
    learner = pretrained("conv4-glyphs-protonet").learner
    nx.manual_seed(0)
    history = learner.meta_learn(
        TaskSampler(Glyphs(20), 5, 1, 5, seed=1), steps_per_epoch=2, progress=False
    )
    assert history["accuracy"][-1] > 0.8
