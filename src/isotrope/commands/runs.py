"""The commands that work on the seeds of one run: train, choose, evaluate, ship."""

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from isotrope import paths
from isotrope.commands.arguments import (
    Device,
    Pack,
    ParamFile,
    PointName,
    SaveEvery,
    SeedList,
    Threads,
)
from isotrope.console.printing import say


def train(
    file: ParamFile,
    point: PointName = "base",
    pack: Pack = None,
    seeds: SeedList = None,
    device: Device = "auto",
    threads: Threads = 1,
    save_every: SaveEvery = 30.0,
    eager: Annotated[
        bool, typer.Option("--eager", help="launch steps one by one, without CUDA graphs")
    ] = False,
) -> None:
    """Train the seeds of a run that are not trained yet, and write the outputs of their packs."""
    from isotrope.cluster import rendezvous
    from isotrope.plan import index_file
    from isotrope.tasks import by_hand
    from isotrope.training import distributed
    from isotrope.training.pack import train_pack
    from isotrope.training.progress import Report

    rendezvous.export()
    gpus = 0 if device == "cpu" else by_hand.gpus_of(file)
    if command := distributed.torchrun(gpus, sys.argv[1:], say):
        os.execv(command[0], command)  # noqa: S606 - the words are our own
    for task in by_hand.training_tasks(
        file, point, pack, seeds, device, threads, save_every, eager
    ):
        console = Console(stderr=True)
        shown = console if console.is_terminal else None
        train_pack(task, Report(say, shown, own_log=not index_file.in_job()))


def choose(file: ParamFile) -> None:
    """Choose the point of a run's sweep that gets all seeds, from its candidates' results."""
    from isotrope.params.param_folder import name_of
    from isotrope.plan.index_file import current
    from isotrope.results import choice

    name, known = name_of(file), current()
    made = choice.choose(name, known.run(name), known.digests(name))
    choice.write(name, made)
    for one in made.candidates:
        diverged = f", {len(one.diverged)} diverged" if one.diverged else ""
        seeds = f"{made.rule.statistic} of {len(one.values)} seeds{diverged}"
        say(f"{one.point}: best {made.rule.by.replace('_', ' ')} {one.value:.4f} ({seeds})")
    tie = f", the {made.rule.ties} of {len(made.tied)} equals" if made.tied else ""
    say(f"{made.winner} is chosen{tie}; wrote {paths.choice(name)}")


def evaluate(
    file: ParamFile,
    point: PointName = "base",
    pack: Pack = None,
    seeds: SeedList = None,
    device: Device = "auto",
    threads: Threads = 1,
    table: Annotated[
        str | None, typer.Option(help="one evaluation, by the name of its table")
    ] = None,
    own_jobs: Annotated[
        bool,
        typer.Option(
            "--own-jobs/--no-own-jobs", help="those too that have jobs of their own in Snakemake"
        ),
    ] = True,
) -> None:
    """Run every evaluation of a run's trained seeds that was not run yet."""
    from isotrope.measuring import evaluating
    from isotrope.plan import index_file
    from isotrope.tasks import by_hand

    for task in by_hand.evaluation_tasks(
        file, point, pack, seeds, device, threads, table, own_jobs
    ):
        evaluating.evaluate(task, say, own_log=not index_file.in_job())


def ship(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="a trained seed of the run")],
    point: PointName = "base",
) -> None:
    """Copy a trained seed into the project, where others take it instead of training it."""
    from isotrope.tasks import by_hand

    say(f"wrote {by_hand.ship(file, point, seed)}; commit it")
