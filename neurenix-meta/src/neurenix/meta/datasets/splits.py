"""Class splits of the benchmarks, as fixed files: never a seeded shuffle."""

from __future__ import annotations

import importlib.resources
import json

from neurenix.errors import InvalidArgumentError

_FILES = {
    "omniglot": {"vinyals": "omniglot_vinyals.json"},
    "miniimagenet": {"ravi": "miniimagenet_ravi.json"},
    "cifar_fs": {"bertinetto": "cifar_fs_bertinetto.json"},
    "fc100": {"oreshkin": "fc100_oreshkin.json"},
    "cub_200": {"chen": "cub_200_chen.json"},
}
_KEYS = {"train": "train", "validation": "val", "test": "test"}


def load_split(dataset: str, name: str) -> dict[str, tuple[str, ...]]:
    """The class names of each part of a benchmark's split.

    Args:
        dataset: "omniglot", "miniimagenet", "cifar_fs", "fc100" or "cub_200".
        name: whose split.
            omniglot "vinyals": 1028 training, 172 validation and 423 test characters,
            before rotation (Vinyals et al., 2016, arXiv:1606.04080, in the form that
            Prototypical Networks' authors published, arXiv:1703.05175).
            miniimagenet "ravi": 64, 16 and 20 classes by their WordNet numbers (Ravi
            and Larochelle, 2017).
            cifar_fs "bertinetto": 64, 16 and 20 of CIFAR-100's classes (Bertinetto et
            al., 2019, arXiv:1805.08136).
            fc100 "oreshkin": 12, 4 and 4 of its superclasses, of five classes each
            (Oreshkin et al., 2018, arXiv:1805.10123).
            cub_200 "chen": 100, 50 and 50 birds (Chen et al., 2019, arXiv:1904.04232).

    Returns:
        Class names under "train", "validation" and "test".

    >>> {part: len(names) for part, names in load_split("omniglot", "vinyals").items()}
    {'train': 1028, 'validation': 172, 'test': 423}
    """
    if name not in _FILES.get(dataset, {}):
        known = [f"{d}/{s}" for d, splits in _FILES.items() for s in splits]
        raise InvalidArgumentError(
            f"no split {name!r} of {dataset!r}; there is {', '.join(known)}"
        )
    folder = importlib.resources.files("neurenix.meta.datasets") / "splits"
    text = (folder / _FILES[dataset][name]).read_text(encoding="utf-8")
    lists = json.loads(text)
    return {part: tuple(lists[key]) for part, key in _KEYS.items()}
