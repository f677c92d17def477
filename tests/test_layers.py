"""The house stays a house: each floor imports only floors below it."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "neurenix-core/src/neurenix"
META = ROOT / "neurenix-meta/src/neurenix/meta"
BACKENDS = sorted(ROOT.glob("neurenix-backend-*/src/*"))

# From the ground up. Rooms on one floor may know each other, as long as no circle
# comes of it; a new room must be given its floor here.
FLOORS = [
    {
        "callers",
        "errors",
        "dtypes",
        "tree",
        "user_lines",
        "attributes",
        "sizes",
        "arguments",
    }
    | {"keywords"},
    {"primitives"},
    {"program"},
    {"passes"},
    {"backends"},
    {"phynexus"},
    {"devices", "foreign_names"},
    {"missing"},
    {"dispatch", "settings", "profiling"},
    {"tape"},
    {"methods", "tensor", "interpreter"},
    {"state"},
    {"autograd", "transforms", "functions", "random", "array_api", "debug", "linalg"},
    {"nn", "optim", "io"},
    {"testing", "cli"},
    {"__main__"},
]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

# Where backends that were made before a room moved still look for it.
OLD_DOORS = {"neurenix.backends.native"}

# Device types that core must not name: third parties' are as good as ours.
NAMED_DEVICES = ("cuda", "rocm", "webgpu")

OTHER_FOLDERS = ("tests", "examples", "benchmarks", "docs")


def python_files(*folders: Path) -> list[Path]:
    found = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted(
        path
        for path in found
        if not {".venv", "build", "dist"} & set(path.relative_to(ROOT).parts)
    )


def module_name(path: Path, source_root: Path) -> str:
    parts = list(path.relative_to(source_root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(source_root: Path, package: Path) -> dict[str, Path]:
    return {module_name(path, source_root): path for path in python_files(package)}


CORE_MODULES = modules(CORE.parent, CORE)
META_MODULES = modules(META.parents[1], META)
BACKEND_MODULES = {
    name: path for b in BACKENDS for name, path in modules(b.parent, b).items()
}
ALL_MODULES = CORE_MODULES | META_MODULES | BACKEND_MODULES


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """Every module that `path` imports, anywhere in it, and the line.

    An import inside a function counts; one under `if TYPE_CHECKING:` does not, since
    nothing is imported by it when the program runs.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            submodules = [f"{base}.{alias.name}" for alias in node.names]
            inside = [module for module in submodules if module in known]
            for module in inside:
                yield module, node.lineno
            if len(inside) < len(submodules):
                yield base, node.lineno


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "neurenix" else None


def test_every_room_has_a_floor() -> None:
    rooms = {room(name) for name in CORE_MODULES} - {None}
    assert rooms, f"no module found under {CORE}"
    homeless = sorted(str(name) for name in rooms - FLOOR_OF.keys())
    assert not homeless, f"give each a floor in FLOORS: {homeless}"


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


def test_the_roof_carries_no_testing() -> None:
    found = imports("neurenix", CORE_MODULES["neurenix"], CORE_MODULES)
    assert "testing" not in {room(module) for module, _ in found}


def test_no_import_circle() -> None:
    graph = {
        name: {
            module
            for module, _ in imports(name, path, ALL_MODULES)
            if module in ALL_MODULES and not name.startswith(f"{module}.")
        }
        - {name}
        for name, path in ALL_MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " → ".join(reversed(error.args[1])))


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
            if (top in backends and name not in BACKEND_MODULES) or (
                is_meta and name not in META_MODULES
            ):
                wrong.append(f"{name}, line {line}: {module}")
    assert not wrong, wrong


def test_no_file_over_500_lines() -> None:
    folders = [*ROOT.glob("neurenix-*"), *map(ROOT.joinpath, OTHER_FOLDERS)]
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*folders)
    }
    assert not {path: size for path, size in sizes.items() if size > 500}
