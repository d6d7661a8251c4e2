"""The command that starts Snakemake with care for what an earlier one left."""

import os
from typing import Annotated

import typer

from isotrope.console.printing import say
from isotrope.errors import UserError

# from the first word on that is no option of this command, all are Snakemake's, `--` included
START_CONTEXT = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def start(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="everything that Snakemake takes, as in --profile profiles/slurm runs"),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="let jobs of an earlier Snakemake end first")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="end them; each saves what it has")
    ] = False,
    beside: Annotated[
        bool, typer.Option("--beside", help="start now; copies wait for their originals")
    ] = False,
) -> None:
    """Start Snakemake, also after an earlier one was killed: its lock and its SLURM jobs."""
    from isotrope.cluster import starting

    choices = {"wait": wait, "cancel": cancel, "beside": beside}
    chosen = [name for name, wanted in choices.items() if wanted]
    if len(chosen) > 1:
        raise UserError(f"--{' and --'.join(chosen)}: say one of them")
    if misplaced := [f"--{name}" for name in choices if f"--{name}" in (words or [])]:
        raise UserError(f"{misplaced[0]}: put it before the words for Snakemake")
    treatment: starting.Treatment = (
        "wait" if wait else "cancel" if cancel else "beside" if beside else "refuse"
    )
    command = starting.prepare(words or [], treatment, say)
    # signals and the exit status are Snakemake's own
    os.execv(command[0], command)  # noqa: S606
