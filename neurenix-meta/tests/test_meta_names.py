"""Names that people know from elsewhere: the error says what to use here."""

import re

import pytest

from neurenix import meta


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *meta._ELSEWHERE.items(),
        ("PrototypicalNetwork", "neurenix.meta.PrototypicalNetworks"),
        ("Maml_Plus_Pluss", "neurenix.meta.MAMLPlusPlus"),
        ("Omniglot", "neurenix.meta.datasets.Omniglot"),
        ("Adam", "nx.optim.Adam"),
        ("Linear", "nx.nn.Linear"),
    ],
)
def test_what_is_meant_is_named(name, text):
    assert not hasattr(meta, name)
    with pytest.raises(AttributeError, match=re.escape(text)):
        getattr(meta, name)
    with pytest.raises(ImportError, match=f"neurenix.meta has no {name!r}"):
        exec(f"from neurenix.meta import {name}")
    for path in re.findall(r"neurenix\.meta\.(\w+)", text):
        assert hasattr(meta, path)
