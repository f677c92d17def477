"""Pretrained: `neurenix.meta.pretrained`, a trained learner by name."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurenix.errors import FileFormatError, InvalidArgumentError

from ..datasets.preprocess import Preprocess
from ..learner import MetaLearner
from ..methods.maml import MAML
from ..methods.prototypical import PrototypicalNetworks
from ..models.networks import Conv4
from .card import Card

FOLDER = Path(__file__).parent / "files"
WAYS = 5
STEPS = 3  # of adaptation, as the recipe tests; it trains with one
# Ink is 1 and paper 0 in Omniglot and in Glyphs, whose drawings are square.
DRAWINGS = Preprocess(28, channels=1, invert=True)


def protonet() -> MetaLearner:
    """The learner of the recipes `prototypical_networks_…`, untrained."""
    return PrototypicalNetworks(Conv4())


def maml() -> MetaLearner:
    """The learner of the recipes `maml_…` for five classes, untrained."""
    model = Conv4(ways=WAYS, downsampling="stride")
    return MAML(model, inner_lr=2.0, inner_steps=STEPS, batch_norm="transductive")


LEARNERS: dict[str, Callable[[], MetaLearner]] = {
    "conv4-omniglot-protonet": protonet,
    "conv4-omniglot-maml": maml,
    "conv4-glyphs-protonet": protonet,
    "conv4-glyphs-maml": maml,
}


@dataclass(frozen=True)
class Pretrained:
    """Trained weights, ready to use.

    name         what `pretrained` was given
    learner      with the weights: adapt it, evaluate it, train it further
    preprocess   how images were prepared in training: dark ink on light paper becomes
                 bright ink on dark, 28 × 28
    card         data, split, accuracies with intervals, batch norm's mode, licence, and
                 the command that made them; print it
    """

    name: str
    learner: MetaLearner
    preprocess: Preprocess
    card: Card

    def __repr__(self) -> str:
        return f"Pretrained({self.name!r}, {type(self.learner).__name__})"


def pretrained_names() -> tuple[str, ...]:
    """What `pretrained` takes: network, data, method.

    >>> pretrained_names()[0]
    'conv4-omniglot-protonet'
    """
    return tuple(LEARNERS)


def pretrained(name: str) -> Pretrained:
    """A learner with trained weights, from files that the package ships.

    Conv-4 (Vinyals et al. 2016, arXiv:1606.04080) for drawings of 28 × 28, trained on
    Omniglot's characters or on `Glyphs`: by Prototypical Networks (name ending in
    "protonet", any number of classes) or by MAML ("maml", at most five classes, adapted
    by three gradient steps). `Classifier(pretrained(name))` prepares images as in
    training; the learner itself reads float32 [n, 1, 28, 28], ink 1 and paper 0, or
    uint8 pixels.

    Each call makes a new learner. Nothing is downloaded.

    Raises InvalidArgumentError for another name, with the nearest; FileFormatError for
    a file that is not the one that was shipped.

    >>> found = pretrained("conv4-glyphs-protonet")
    >>> found
    Pretrained('conv4-glyphs-protonet', PrototypicalNetworks)
    >>> found.card.batch_norm
    'running'
    """
    if name not in LEARNERS:
        asked = str(name).lower().replace("_", "-")
        near = difflib.get_close_matches(asked, LEARNERS, 1, 0.4)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidArgumentError(
            f"pretrained: there is no {name!r}; {meant}There are "
            f"{', '.join(map(repr, LEARNERS))}"
        )
    card, weights = FOLDER / f"{name}.json", FOLDER / f"{name}.safetensors"
    try:
        said = Card.of_json(json.loads(card.read_text("utf-8")))
        content = weights.read_bytes()
    except FileNotFoundError as error:
        raise FileFormatError(
            f"pretrained: {error.filename} is not there; install neurenix-meta again"
        ) from error
    if hashlib.sha256(content).hexdigest() != said.sha256:
        raise FileFormatError(
            f"pretrained: {weights} is not the file that its card {card.name} "
            "describes: one of them was changed; install neurenix-meta again"
        )
    learner = LEARNERS[name]()
    learner.load(weights)
    return Pretrained(name, learner, DRAWINGS, said)
