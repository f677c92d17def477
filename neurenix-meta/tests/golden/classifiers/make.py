"""Writes the classifier files that later versions must read, and what they predict.

Only a new `FORMAT` makes new files; those of the old stay beside them.
"""

import json
from pathlib import Path

import numpy as np

import neurenix as nx
from neurenix.meta import (
    MAML,
    R2D2,
    Classifier,
    Conv4,
    MAMLPlusPlus,
    PrototypicalNetworks,
    ResNet12,
)

HERE = Path(__file__).parent
MADE = {
    "Conv4": lambda: Conv4(hidden=2),
    "ResNet12": lambda: ResNet12(1, (1, 1, 2, 2)),
    "PrototypicalNetworks": lambda: PrototypicalNetworks(Conv4(hidden=2), "cosine"),
    "R2D2": lambda: R2D2(Conv4(hidden=2)),
    "MAML": lambda: MAML(Conv4(hidden=2, ways=3, batch_norm="transductive")),
    "MAMLPlusPlus": lambda: MAMLPlusPlus(Conv4(hidden=2, ways=3), inner_steps=2),
}


def images(count: int, seed: int) -> np.ndarray:
    """Stripes of as many widths, a little apart for each seed."""
    columns = np.arange(16) + seed / 4
    rows = [np.sin(columns / (1 + i)) for i in range(count)]
    return np.stack([np.tile(r, (16, 1))[None] for r in rows]).astype(np.float32)


if __name__ == "__main__":
    expected = {}
    for name, make in MADE.items():
        nx.manual_seed(0)
        examples = {label: images(3, 0)[i : i + 1] for i, label in enumerate("abc")}
        classifier = Classifier(make(), threshold=-50.0).fit(examples)
        classifier.save(HERE / f"{name}.safetensors")
        expected[name] = classifier.predict_proba(images(3, 1)).tolist()
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
