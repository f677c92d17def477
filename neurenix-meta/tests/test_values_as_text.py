"""Values as text: every value another one, the same one in every process."""

import math
import os
import threading
import types

import identity_cases
import pytest
from identity_cases import OTHERS, helper, settings

from neurenix.meta.identity.descriptions import differences, listed
from neurenix.meta.identity.values_as_text import text_of


def test_many_differences_are_counted():
    saved, now = ({str(i): text for i in range(9)} for text in ("a", "b"))
    text = listed(differences(saved, now))
    assert text.startswith("0=a saved, b now; 1=a") and text.endswith("; and 6 more")


def test_a_difference_within_a_long_text_is_shown():
    table = {f"setting {i}": i for i in range(60)}
    (text,) = differences(
        {"config": text_of(table)}, {"config": text_of({**table, "setting 30": -1})}
    )
    assert "'setting 30': 30, " in text and "'setting 30': -1" in text
    assert len(text) < 200


@pytest.mark.parametrize("name", OTHERS)
def test_texts_tell_values_apart(name):
    one, again = settings()[name], settings()[name]
    texts = [text_of(value) for value in (one, *OTHERS[name])]
    assert text_of(again) == texts[0]
    assert len(set(texts)) == len(texts)
    assert not any("0x" in text for text in texts)


def test_values_without_a_text_are_their_type():
    tree = []
    tree.append(tree)
    cyclic = types.SimpleNamespace()
    cyclic.self = cyclic
    wide = [0]
    for _ in range(40):
        wide = [wide, wide]
    with open(os.devnull) as file:
        for value, expected in (
            (threading.Lock(), "_thread.lock"),
            (file, "_io.TextIOWrapper"),
            (iter([1]).__class__, "list_iterator"),
            (tree, "[<itself>]"),
            (cyclic, "types.SimpleNamespace(self=<itself>)"),
        ):
            assert text_of(value) == expected
    assert len(text_of(wide)) < 3000
    assert len(text_of(list(range(10**5)))) < 3000
    assert text_of(list(range(10**5))) != text_of(list(range(10**5 - 1)))


def test_globals_of_a_function_count(monkeypatch):
    before = text_of(helper), text_of(lambda x: helper(x))
    monkeypatch.setattr(identity_cases, "FACTOR", 3.0)
    after = text_of(helper), text_of(lambda x: helper(x))
    assert before[0] != after[0] and before[1] != after[1]


def of_the_system(x):
    return x * float(os.environ.get("SCALE", "1")) + math.pi


def test_what_a_library_holds_counts_by_name(monkeypatch):
    before = text_of(of_the_system)
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert text_of(of_the_system) == before
    assert "os.environ='os.environ', math.pi='math.pi'" in before


def recursive(n):
    return n * recursive(n - 1) if n else 1


def test_functions_that_name_themselves_have_a_text():
    assert text_of(recursive) == text_of(recursive)
    assert "<itself>" in text_of(recursive)


def test_where_a_function_stands_does_not_count():
    sources = (
        "def f(x):\n    '''One.'''\n    return x + 1",
        "\n\n\n# moved\ndef f(x):\n    '''Two.'''\n    # why\n    return x + 1",
    )
    found = []
    for number, source in enumerate(sources):
        space = {"__name__": f"module{number}"}
        exec(compile(source, f"file{number}.py", "exec"), space)
        found.append(text_of(space["f"]))
    assert found[0] == found[1]
