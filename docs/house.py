"""The house in figures: rooms (files), arrows (imports between them), circles, and what
the signatures say. `python docs/house.py [CHECKOUT]` prints them, a line a package.

`tests/test_layers.py` holds the imports to the floors of `docs/floors.py`.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path


def python_files(*folders: Path) -> list[Path]:
    """Those that people wrote: nothing that was built or installed, or is generated."""
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*.py")
        if not {".venv", "build", "dist"} & set(path.parts)
        and path.name not in ("_bindings.py", "_phynexus.py")
    )


def module_name(path: Path, source_root: Path) -> str:
    parts = list(path.relative_to(source_root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(source_root: Path, package: Path) -> dict[str, Path]:
    return {module_name(path, source_root): path for path in python_files(package)}


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """Every module that `path` imports, anywhere in it, and the line.

    An import inside a function counts, and one that only type checkers see: who reads a
    file has to know that one too.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
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


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The largest sets of modules that reach each other."""

    def reached(name: str) -> set[str]:
        seen, waiting = set(), [name]
        while waiting:
            for other in graph[waiting.pop()] - seen:
                seen.add(other)
                waiting.append(other)
        return seen

    beyond = {name: reached(name) for name in graph}
    found: list[set[str]] = []
    for name in sorted(graph):
        if name in beyond[name] and not any(name in circle for circle in found):
            found.append({other for other in beyond[name] if name in beyond[other]})
    return found


def import_graph(known: dict[str, Path]) -> dict[str, set[str]]:
    """The modules that each of them imports, a package's own face aside."""
    return {
        name: {
            module
            for module, _ in imports(name, path, known)
            if module in known and not name.startswith(f"{module}.")
        }
        - {name}
        for name, path in known.items()
    }


def signatures(path: Path) -> Iterator[ast.arguments]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.args


def figures(known: dict[str, Path]) -> dict[str, object]:
    graph = import_graph(known)
    lines = [len(p.read_text(encoding="utf-8").splitlines()) for p in known.values()]
    longest, annotated, vague = 0, 0, 0
    for path in known.values():
        for arguments in signatures(path):
            given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            longest = max(longest, len(given))
            texts = [ast.unparse(a.annotation) for a in given if a.annotation]
            annotated += len(texts)
            vague += sum("Any" in text for text in texts)
    return {
        "rooms": len(known),
        "median lines": int(statistics.median(lines)),
        "longest file": max(lines),
        "arrows": sum(len(others) for others in graph.values()),
        "circles": len(circles(graph)),
        "longest signature": longest,
        "Any in annotated": f"{vague} of {annotated}",
    }


def main(checkout: Path) -> None:
    core = checkout / "neurenix-core/src/neurenix"
    places = {
        f"core/{folder.name}": (core.parent, folder)
        for folder in sorted(core.iterdir())
        if (folder / "__init__.py").exists()
    }
    meta = checkout / "neurenix-meta/src/neurenix/meta"
    places |= {"core": (core.parent, core), "meta": (meta.parents[1], meta)}
    for place, (root, folder) in places.items():
        told = figures(modules(root, folder)).items()
        print(f"{place:18}", *(f"{name} {value}," for name, value in told))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1])
