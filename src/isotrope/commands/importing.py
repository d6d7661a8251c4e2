"""The commands that take over what was made elsewhere: weights, and authors' param-files."""

from pathlib import Path
from typing import Annotated

import typer

from isotrope.commands.arguments import ParamFile, PointName, readable
from isotrope.console.printing import say


def import_weights(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="the seed of the run that they shall be")],
    weights: Annotated[
        Path,
        typer.Argument(
            help="a safetensors file, or one that torch.save wrote of weights", callback=readable
        ),
    ],
    point: PointName = "base",
) -> None:
    """Store weights that were trained elsewhere as a finished seed of a run."""
    from isotrope.tasks import by_hand

    folder = by_hand.import_seed(file, point, seed, weights)
    say(f"wrote {folder}; `snakemake` evaluates it as any other seed")


def import_param_file(
    file: Annotated[
        Path,
        typer.Argument(help="a param-file as the authors of a study wrote it", callback=readable),
    ],
    study: Annotated[
        str | None,
        typer.Option(help="whose authors; may be left out where one study alone reads such files"),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="the new file; param-files/<model>/<data>/<name>.yaml if left out"),
    ] = None,
) -> None:
    """Write a param-file of a study's authors as one of this project."""
    from isotrope.params import foreign

    say(f"wrote {foreign.import_param_file(file, study, to)}")
