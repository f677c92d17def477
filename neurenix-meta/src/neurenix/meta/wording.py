"""Names values in messages to people."""

from __future__ import annotations

import numpy as np

import neurenix as nx


def in_words(value: object) -> str:
    """The words for a value: its kind and its size.

    >>> in_words((1, 2)), in_words(None), in_words(nx.ones(2, 3)), in_words({"a": 1})
    ('a tuple of 2', 'None', 'a tensor of shape (2, 3)', "a dict of 'a'")
    """
    if value is None:
        return "None"
    if isinstance(value, nx.Tensor):
        return f"a tensor of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(repr, value)) or 'nothing'}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"a {type(value).__name__}"
