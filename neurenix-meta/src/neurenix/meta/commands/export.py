"""`neurenix export`: a run's learner as an artefact that needs no Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import numpy as np
import typer

import neurenix as nx

from .output import note
from .runs import Run, use_device


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    target: Annotated[
        str, typer.Option(help="What is written: onnx, web, or another package's.")
    ] = "onnx",
    out: Annotated[
        Optional[Path],  # noqa: UP045  Typer reads it at run time
        typer.Option(help="Where (default: model.onnx, or model.TARGET)."),
    ] = None,
    ways: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=2, help="Classes (default: the run's)."),
    ] = None,
    shots: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Support examples of a class (default: the run's)."),
    ] = None,
    queries: Annotated[int, typer.Option(min=1, help="Queries at once.")] = 1,
    steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Steps of adaptation (default: as in training)."),
    ] = None,
    device: Annotated[str, typer.Option(help="A device, like cpu.")] = "",
) -> None:
    """Write adaptation and prediction as one program that runs without Python.

    Its inputs are support_x (float, pixels from 0 to 1), support_y (int32, class after
    class) and query_x, of the shapes that --ways, --shots and --queries say; its output
    is the queries' scores. Queries do not see each other: batch norm that takes its
    batch's statistics takes those of the support set and one query, as `predict` does.

    Examples:
        neurenix export run --out run.onnx
        neurenix export run --ways 3 --shots 2 --queries 8
    """
    use_device(device)
    learner, settings = Run(run).trained()
    count, each = ways or settings.ways, shots or settings.shots
    image = (settings.channels, settings.size, settings.size)
    labels = np.repeat(np.arange(count, dtype=np.int32), each)
    # Different images: the artefact is tried on them before it is written.
    draw = np.random.default_rng(0).random
    examples = {
        "support_x": draw((count * each, *image), np.float32),
        "support_y": labels,
        "query_x": draw((queries, *image), np.float32),
    }
    file = out or Path(f"model.{target}")
    nx.export(learner.as_function(count, steps), examples, file, target=target)
    shapes = ", ".join(f"{name} {[*x.shape]}" for name, x in examples.items())
    note(f"wrote {file}; it takes {shapes}")
