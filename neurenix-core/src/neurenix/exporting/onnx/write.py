"""Writes an artefact as ONNX: a file, or a folder of one for each entry point."""

from __future__ import annotations

from pathlib import Path

from ...errors import StorageError
from ...io import write_atomically
from ..artefact import Exported


def write(exported: Exported, path: Path) -> None:
    """Checks each entry point's model by the ONNX checker and by onnxruntime on the
    examples, and writes all of them.

    Raises ExportError for what a model cannot hold, and for one that gives other
    values.
    """
    import onnx

    from .check import check
    from .model import model_of

    models = {}
    for entry in exported.entry_points:
        model = model_of(entry, exported.weights)
        onnx.checker.check_model(model, full_check=True)
        content = model.SerializeToString()
        check(entry, content, exported.device)
        models[entry.name] = content
    if len(models) == 1:
        write_atomically(path, next(iter(models.values())))
        return
    if path.exists() and not path.is_dir():
        raise StorageError(
            f"export: {str(path)!r} is a file; several functions are written into a "
            "folder, one model each"
        )
    path.mkdir(exist_ok=True)
    for name, content in models.items():
        write_atomically(path / f"{name}.onnx", content)
