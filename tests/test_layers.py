"""The house stays a house: each floor imports only floors below it."""

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "neurenix-core/src/neurenix"
META = ROOT / "neurenix-meta/src/neurenix/meta"
BACKENDS = sorted(ROOT.glob("neurenix-backend-*/src/*"))

MAP = runpy.run_path(str(ROOT / "docs/floors.py"))
HOUSE = runpy.run_path(str(ROOT / "docs/house.py"))
circles, imports, modules = HOUSE["circles"], HOUSE["imports"], HOUSE["modules"]
FLOOR_OF = {room: level for level, rooms in enumerate(MAP["FLOORS"]) for room in rooms}

# Where backends that were made before a room moved still look for it.
OLD_DOORS = {"neurenix.backends.native"}

# Device types that core must not name: third parties' are as good as ours.
NAMED_DEVICES = ("cuda", "rocm", "webgpu")

OTHER_FOLDERS = ("tests", "examples", "benchmarks", "docs")


CORE_MODULES = modules(CORE.parent, CORE)
META_MODULES = modules(META.parents[1], META)
BACKEND_MODULES = {
    name: path for b in BACKENDS for name, path in modules(b.parent, b).items()
}
ALL_MODULES = CORE_MODULES | META_MODULES | BACKEND_MODULES


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "neurenix" else None


def test_every_room_has_a_floor() -> None:
    rooms = {room(name) for name in CORE_MODULES} - {None}
    assert rooms, f"no module found under {CORE}"
    homeless = sorted(str(name) for name in rooms - FLOOR_OF.keys())
    assert not homeless, f"give each a floor in docs/floors.py: {homeless}"


@pytest.mark.parametrize("name", sorted(CORE_MODULES.keys() - OLD_DOORS))
def test_core_imports_only_floors_below(name: str) -> None:
    own = room(name)
    if own is None:
        return  # neurenix/__init__.py is the roof
    wrong = []
    for module, line in imports(name, CORE_MODULES[name], CORE_MODULES):
        if module.split(".")[0] != "neurenix":
            continue
        other = room(module)
        if other is None:
            if own != "testing":  # it stands on the roof, as users do
                wrong.append(f"line {line} imports the roof, {module}")
        elif other not in FLOOR_OF:
            wrong.append(f"line {line} imports {module}, which is not core's")
        elif FLOOR_OF[other] > FLOOR_OF[own]:
            wrong.append(f"line {line} imports {module}, a floor above")
    assert not wrong, f"{name}: " + "; ".join(wrong)


@pytest.mark.parametrize("page", MAP["PAGES"], ids=lambda page: page.name)
def test_pages_show_the_floors(page: Path) -> None:
    """After a change of the floors: python docs/floors.py"""
    text = page.read_text(encoding="utf-8")
    assert text == MAP["with_map"](text)


def test_the_roof_carries_no_testing() -> None:
    found = imports("neurenix", CORE_MODULES["neurenix"], CORE_MODULES)
    assert "testing" not in {room(module) for module, _ in found}


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set()}
    assert circles(graph) == [{"a", "b", "c"}]
    assert circles(graph | {"e": {"d"}}) == [{"a", "b", "c"}, {"d", "e"}]
    assert circles(graph | {"c": set()}) == []


def test_no_import_circle() -> None:
    assert not [
        sorted(circle) for circle in circles(HOUSE["import_graph"](ALL_MODULES))
    ]


@pytest.mark.parametrize("name", sorted(CORE_MODULES))
def test_core_names_no_device(name: str) -> None:
    """Only `DeviceType`'s constants, and words for people, may name one."""
    tree = ast.parse(CORE_MODULES[name].read_text(encoding="utf-8"))
    allowed: set[ast.AST] = set()
    for node in ast.walk(tree):
        of_type = isinstance(node, ast.ClassDef) and node.name == "DeviceType"
        constant = isinstance(node, ast.Assign) and all(
            ast.unparse(target).startswith("DeviceType.") for target in node.targets
        )
        if of_type or constant:
            allowed.update(ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            allowed.add(node.value)
    wrong = []
    for node in ast.walk(tree):
        if node in allowed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = "" if " " in node.value else node.value  # a message to people
        elif isinstance(node, ast.Name):
            text = node.id
        elif isinstance(node, ast.Attribute):
            text = node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.arg):
            text = node.arg if isinstance(node, ast.arg) else node.name
        else:
            continue
        if any(device in text.lower() for device in NAMED_DEVICES):
            wrong.append(f"line {getattr(node, 'lineno', '?')}: {text!r}")
    assert not wrong, f"{name}: " + "; ".join(wrong)


def test_packages_import_only_packages_below() -> None:
    """Core imports neither meta nor a backend, meta no backend, a backend no meta."""
    backends = {path.name for path in BACKENDS}
    wrong = []
    for name, path in ALL_MODULES.items():
        for module, line in imports(name, path, ALL_MODULES):
            top = module.split(".")[0]
            is_meta = f"{module}.".startswith("neurenix.meta.")
            if (name, module) == ("neurenix", "neurenix.meta"):
                continue  # for type checkers only: who has meta finds it as `nx.meta`
            if (top in backends and name not in BACKEND_MODULES) or (
                is_meta and name not in META_MODULES
            ):
                wrong.append(f"{name}, line {line}: {module}")
    assert not wrong, wrong


def test_no_file_over_500_lines() -> None:
    folders = [*ROOT.glob("neurenix-*"), *map(ROOT.joinpath, OTHER_FOLDERS)]
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in HOUSE["python_files"](*folders)
    }
    assert not {path: size for path, size in sizes.items() if size > 500}


def test_each_file_of_the_engines_says_first_what_happens_in_it() -> None:
    files = [
        path
        for package in ("neurenix-core/src", "neurenix-backend-cpu/cpp", "examples")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".c", ".cpp", ".h") and "build" not in path.parts
    ]
    assert files
    silent = [
        str(path.relative_to(ROOT))
        for path in files
        if not path.read_text(encoding="utf-8").startswith(("// ", "/* "))
    ]
    assert not silent
