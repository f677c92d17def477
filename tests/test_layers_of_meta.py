"""Meta's rooms: each imports only floors below it, imports for types among them."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

META = Path(__file__).parents[1] / "neurenix-meta/src/neurenix/meta"
PACKAGE = "neurenix.meta"

# From the ground up. A room is a file or a folder of neurenix/meta; a new one must be
# given its floor here.
FLOORS = [
    {"digests", "counters", "wording", "outcome", "locking", "calls", "models"},
    {"datasets", "returned", "drawing"},
    {"identity"},
    {"tasks"},
    {"memory"},
    {"programs"},
    {"method"},
    {"task_function"},
    {"evaluation", "files"},
    {"training"},
    {"distributed"},
    {"learner"},
    {"methods"},
    {"recipes", "embedding_based", "weights"},
    {"classification", "plot"},
    {"sklearn"},
    {"commands"},
]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

# What no file may be longer than, and half of all files are shorter than.
MOST_LINES, MEDIAN_LINES = 500, 116


def name_of(path: Path) -> str:
    parts = path.relative_to(META).with_suffix("").parts
    return ".".join([PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])


FILES = {name_of(path): path for path in sorted(META.rglob("*.py"))}


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Every file of meta that one imports, anywhere in it, and the line. What a type
    checker alone imports counts, too."""
    path = FILES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            found = [*(x for x in inner if x in FILES)] or [base]
        for module in found:
            if module in FILES and module != name:
                yield module, getattr(node, "lineno", 0)


def room(module: str) -> str | None:
    parts = module.split(".")[2:]
    return parts[0] if parts else None


def test_every_room_has_a_floor() -> None:
    rooms = {found for name in FILES if (found := room(name)) is not None}
    assert rooms == FLOOR_OF.keys()


@pytest.mark.parametrize("name", sorted(FILES))
def test_rooms_import_only_floors_below(name: str) -> None:
    own = room(name)
    if own is None:
        return  # neurenix/meta/__init__.py is the roof
    wrong = []
    for module, line in imports(name):
        other = room(module)
        if other is None:
            wrong.append(f"line {line} imports the roof")
        elif other != own and FLOOR_OF[other] >= FLOOR_OF[own]:
            wrong.append(f"line {line} imports {module}, which is not below")
    assert not wrong, f"{name}: " + "; ".join(wrong)


def test_no_circle() -> None:
    graph = {
        name: {m for m, _ in imports(name) if not name.startswith(f"{m}.")}
        for name in FILES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " → ".join(reversed(error.args[1])))


def test_files_are_small() -> None:
    sizes = sorted(len(p.read_text("utf-8").splitlines()) for p in FILES.values())
    assert sizes[-1] <= MOST_LINES
    assert sizes[len(sizes) // 2] <= MEDIAN_LINES


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_first_line_says_what_happens_there(name: str) -> None:
    text = ast.get_docstring(ast.parse(FILES[name].read_text(encoding="utf-8")))
    assert text, f"{FILES[name]} has no docstring"
