"""Writes an artefact as ONNX: a file, or a folder of one for each entry point."""

from __future__ import annotations

from pathlib import Path

from ...errors import ExportError, StorageError
from ...io import write_atomically
from ..artefact import EntryPoint, Exported
from ..folder import check_nothing_else, write_folder

MOST_BYTES = 2**31 - 1  # of a message of protobuf, which a model is
_START = b"Neurenix"  # the producer's name, which stands at a model's start


def write(exported: Exported, path: Path) -> None:
    """Checks each entry point's model by the ONNX checker and by onnxruntime on the
    examples, and writes all of them; what was there goes once they are whole.

    Raises ExportError for what a model cannot hold, and for one that gives other
    values; StorageError for a path that holds something else, or cannot be written.
    """
    import onnx

    from .check import check
    from .model import model_of

    several = len(exported.entry_points) > 1
    _check_target(path, several)  # before the long work
    models = {}
    for entry in exported.entry_points:
        names = (*entry.state, *entry.weights)
        weights = sum(exported.weights[name].nbytes for name in names)
        _check_size(entry, weights, weights)
        model = model_of(entry, exported.weights)
        _check_size(entry, model.ByteSize(), weights)
        onnx.checker.check_model(model, full_check=True)
        content = model.SerializeToString()
        check(entry, content, exported.device)
        models[entry.name] = content
    if several:
        write_folder(path, {f"{name}.onnx": x for name, x in models.items()})
    else:
        write_atomically(path, next(iter(models.values())))


def _check_target(path: Path, several: bool) -> None:
    if not several or not path.exists():
        return
    if not path.is_dir():
        raise StorageError(
            f"export: {str(path)!r} is a file; several functions are written into a "
            "folder, one model each"
        )
    check_nothing_else(path, lambda name: _is_ours(path / name))


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        return file.suffix == ".onnx" and _START in opened.read(32)


def _check_size(entry: EntryPoint, size: int, weights: int) -> None:
    if size > MOST_BYTES:
        raise ExportError(
            f"export to ONNX: {entry.name} would be a model of {size / 1e9:.2f} GB, "
            f"{weights / 1e9:.2f} GB of it weights, and a file holds "
            f"{MOST_BYTES / 1e9:.2f} GB; give the weights as an input "
            "(nn.functional_call), which is no part of the file, or export a smaller "
            "network"
        )
