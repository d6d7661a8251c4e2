"""The commands that work on the seeds of one run: train, choose, evaluate, ship."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from isotrope import paths
from isotrope.commands.arguments import (
    Device,
    JobThreads,
    Pack,
    ParamFile,
    PointName,
    SaveEvery,
    SeedList,
    files,
    of_runs,
    readable,
    runs,
)
from isotrope.console.printing import complain, say
from isotrope.console.waiting import somebody_waits
from isotrope.errors import UserError


def train(
    file: ParamFile,
    point: PointName = "base",
    pack: Pack = None,
    seeds: SeedList = None,
    device: Device = "auto",
    threads: JobThreads = None,
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
    from isotrope.plan import index_file
    from isotrope.results import choice, percent

    name, known = name_of(file), index_file.current(asks=index_file.only_look)
    made = choice.choose(name, known.run(name), known.digests(name))
    choice.write(name, made)
    by = made.rule.by
    factor = percent.factor_of(by, [one.value for one in made.candidates])
    for one in made.candidates:
        diverged = f", {len(one.diverged)} diverged" if one.diverged else ""
        seeds = f"{made.rule.statistic} of {len(one.values)} seeds{diverged}"
        value = percent.number(one.value, factor) + (" %" if factor else "")
        say(f"{one.point}: best {by.replace('_', ' ')} {value} ({seeds})")
    tie = f", the {made.rule.ties} of {len(made.tied)} equals" if made.tied else ""
    say(f"{made.winner} is chosen{tie}; wrote {paths.choice(name)}")


def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            help="a param-file, or the name of its run; with --like a function that makes a "
            "network, as in package.module:function or file.py:function",
            autocompletion=files,
        ),
    ],
    point: PointName = "base",
    pack: Pack = None,
    seeds: SeedList = None,
    device: Device = "auto",
    threads: JobThreads = None,
    table: Annotated[
        str | None, typer.Option(help="one evaluation, by the name of its table")
    ] = None,
    own_jobs: Annotated[
        bool,
        typer.Option(
            "--own-jobs/--no-own-jobs", help="those too that have jobs of their own in Snakemake"
        ),
    ] = True,
    like: Annotated[
        str | None,
        typer.Option(
            help="measure a network of yours as this run is: a run, a pattern of runs, or the data "
            "in their names",
            autocompletion=runs,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="with --like: weights of the network, safetensors or of torch.save",
            callback=readable,
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="with --like: a folder where all rows are written as CSV")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="with --like: print every metric, not the main ones alone")
    ] = False,
) -> None:
    """Run every evaluation of a run's trained seeds that was not run yet; or of your network."""
    from isotrope.measuring import evaluating
    from isotrope.plan import index_file
    from isotrope.tasks import by_hand

    if like is not None:
        if point != "base" or pack or seeds or not own_jobs:
            raise UserError("--like: a network of yours has no point, pack, seeds or jobs")
        _evaluate_like(str(file), like, weights, to, table, device, threads, every)
        return
    if every:
        raise UserError("--all: is for networks that are measured with --like")
    if weights is not None or to is not None or ":" in file.name:
        raise UserError(
            f"{file}: to measure a network of yours, name the run that it is measured like, too, "
            "as in --like cnn/mnist/demo"
        )
    told = []

    def tell(line: str) -> None:
        told.append(line)
        say(line)

    by_a_person = not index_file.in_job()
    for task in by_hand.evaluation_tasks(
        of_runs(file), point, pack, seeds, device, threads, table, own_jobs
    ):
        evaluating.evaluate(task, tell, own_log=by_a_person)
    if by_a_person and not told and somebody_waits():
        complain("nothing to compute: all rows of these evaluations are there")


def _evaluate_like(
    words: str,
    word: str,
    weights: Path | None,
    to: Path | None,
    table: str | None,
    device: str,
    threads: int | None,
    every: bool,
) -> None:
    """Measure a network of the user's as a run is, and tell its values beside those of runs."""
    from isotrope import devices
    from isotrope.cluster import recording
    from isotrope.files.disk import write_whole
    from isotrope.packs import rows as stored
    from isotrope.plan import index_file
    from isotrope.results import beside
    from isotrope.tasks import by_hand, like_run

    def record(rules: Sequence[str], files: Sequence[Path]) -> None:
        recording.record(rules, files, say)

    known = index_file.current(asks=index_file.only_look)
    names = like_run.meant(known, word)
    its = like_run.like(known, names)
    data = like_run.settings_of_data(known, its.run, its.point)
    chosen = list(like_run.evaluations_named(its, table))
    where = devices.choose(by_hand.device_name(device))
    with devices.arithmetic(where, threads or known.run(its.run).cpus):
        measured = like_run.Measured(words, weights, its, where, like_run.Told(say, record))
        more = f", the first of {len(names)} runs called so" if len(names) > 1 else ""
        say(f"{words} like {its.run}{more}: {like_run.words_of_data(data)}")
        found: dict[str, list[beside.Cell]] = {}
        left_out = []
        for one in chosen:
            try:
                rows = measured.rows(one)
            except UserError as error:
                left_out.append(f"{one.alias} is left out: {'; '.join(error.sentences)}")
                continue
            tested = like_run.entry_of_data(one.dataset or its.dataset)
            others = beside.seeds_beside(known, one.alias, one.name, data, tested)
            sides = words, beside.own_values(rows), others
            found[one.alias], strange = beside.cells(*sides)
            few, _ = beside.cells(*sides, most=beside.FEW)
            told = beside.text_of if every else beside.main_text
            for line in told(one.alias, found[one.alias] if every else few):
                say(line)
            for run in strange:
                say(f"  {run} was evaluated at other settings")
            if to is not None:
                at = {"evaluation": one.alias, "run": words, "point": "base"}
                cells = [stored.cells_of({**at, **row}, one.name) for row in rows]
                text = stored.results_text(cells)
                write_whole(to / f"{one.alias}.csv", text)
    for line in left_out:
        complain(line)
    if not found:
        raise UserError(f"{words}: no evaluation of {its.run} can be given to this network")
    if to is not None:
        write_whole(to / "beside-runs.csv", beside.csv_of(found))  # no table has a dash
        say(f"wrote {to}: every value of each evaluation, and beside-runs.csv")
    elif not every and any(len(cells) > 1 for cells in found.values()):
        say("these are the main values: --all prints every metric, --to FOLDER writes all as CSV")


def ship(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="a trained seed of the run")],
    point: PointName = "base",
) -> None:
    """Copy a trained seed into the project, where others take it instead of training it."""
    from isotrope.tasks import by_hand

    say(f"wrote {by_hand.ship(file, point, seed)}; commit it")
