"""``isotrope import-weights``: weights that were trained elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from isotrope.commands.arguments import ParamFile, PointName
from isotrope.console.printing import say


def import_weights(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="the seed of the run that they shall be")],
    weights: Annotated[
        Path, typer.Argument(help="a safetensors file, or one that torch.save wrote of weights")
    ],
    point: PointName = "base",
) -> None:
    """Store weights that were trained elsewhere as a finished seed of a run."""
    from isotrope.tasks import by_hand

    folder = by_hand.import_seed(file, point, seed, weights)
    say(f"wrote {folder}; `snakemake` evaluates it as any other seed")
