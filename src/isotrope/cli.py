"""The command line: by hand what the rules do."""

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from isotrope import paths
from isotrope.commands.importing import import_weights
from isotrope.commands.results import (
    collect,
    compare,
    draw,
    export,
    sample,
    summarize,
    track,
    typeset,
)
from isotrope.commands.start import START_CONTEXT, start
from isotrope.commands.status import status
from isotrope.commands.submit import submit
from isotrope.console import arguments
from isotrope.console.arguments import (
    DatasetName,
    Device,
    Pack,
    ParamFile,
    ParamFiles,
    PointName,
    SaveEvery,
    SeedList,
    Threads,
)
from isotrope.console.printing import complain, say
from isotrope.errors import UserError

app = typer.Typer(
    help="Train, test and compare image networks that should not care how large, how turned or "
    "where a thing is. Snakemake calls these commands; each also works by hand, in the "
    "project's root.",
    epilog="Run everything with `snakemake`, see what it would do with `snakemake -n`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def check(
    files: ParamFiles = None,
    write_index: Annotated[
        bool, typer.Option("--write-index", help="also write out/index.json for Snakemake")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing if all is well")] = False,
) -> None:
    """Check param-files: every mistake with its file, line and column."""
    from isotrope.params.param_file import read_each
    from isotrope.plan import checking, index_file
    from isotrope.plan.indexing import index_of
    from isotrope.plan.studies import near_misses

    stamped = index_file.stamps()
    if files and write_index:
        raise UserError("--write-index: the index is of all param-files; name none")
    found = index_of(read_each(files)) if files else checking.check_folder()
    if write_index:
        index_file.write(found, stamped)
    if not quiet:
        for name, run in found.runs.items():
            if run.broken:
                complain(f"{name} waits for a plug-in: {'; '.join(run.broken)}")
        named = ((name, run.study) for name, run in found.runs.items() if not run.broken)
        for sentence in near_misses(named):
            complain(sentence)
        whole = [run for run in found.runs.values() if not run.broken]
        points = sum(len(run.points) for run in whole)
        seeds = sum(run.seeds_to_train for run in whole)
        say(f"{len(whole)} param-files are in order: {points} points, {seeds} seeds to train")


@app.command()
def build(
    dataset: DatasetName,
    settings: Annotated[
        list[str] | None, typer.Argument(help="its settings, as in task=emoji source=embedded")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="the name of its files, as in emoji: settings as in the param-files"),
    ] = None,
) -> None:
    """Build a data set, with its manifest and its preview picture, under out/data/."""
    from isotrope.datasets.building import build_dataset
    from isotrope.digests import dataset_digest
    from isotrope.tasks import building

    if key is not None and settings:
        raise UserError(f"--key {key}: its settings are those of the param-files; name none")
    if key is not None:
        params = building.params_in_index(dataset, key)
    else:
        params = building.params_in_words(dataset, settings or [])
    manifest = build_dataset(dataset, params, dataset_digest(dataset, params))
    say(f"built {dataset}: {manifest}")


@app.command()
def download(
    dataset: DatasetName,
    file: Annotated[str, typer.Argument(help="a file of its sources, as in mnist.npz")],
) -> None:
    """Download a file that a data set is built from, and check it against its pinned checksum."""
    from isotrope.datasets import download as downloading

    say(f"{downloading.download(dataset, file)} is whole")


@app.command()
def pin(
    dataset: DatasetName,
    api: Annotated[
        str, typer.Option(envvar="ISOTROPE_ZENODO", help="where Zenodo's interface is")
    ] = "https://zenodo.org/api",
) -> None:
    """Ask Zenodo for sizes and checksums of a data set's files, and write them down."""
    from isotrope.datasets import pinning

    path, found = pinning.pin(dataset, api)
    for name, entry in found.files.items():
        say(f"{name}: {entry.size} bytes, md5 {entry.md5}")
    say(f"wrote {path}, version {found.version} of the record; commit it")


@app.command()
def train(
    file: ParamFile,
    point: PointName = "base",
    pack: Pack = None,
    seeds: SeedList = None,
    device: Device = "auto",
    threads: Threads = 1,
    save_every: SaveEvery = 30.0,
) -> None:
    """Train the seeds of a run that are not trained yet, and write the outputs of their packs."""
    from isotrope.cluster import rendezvous
    from isotrope.tasks import by_hand
    from isotrope.training import distributed
    from isotrope.training.pack import train_pack
    from isotrope.training.progress import Report

    rendezvous.export()
    gpus = 0 if device == "cpu" else by_hand.gpus_of(file)
    if command := distributed.torchrun(gpus, sys.argv[1:], say):
        os.execv(command[0], command)  # noqa: S606 - the words are our own
    for task in by_hand.training_tasks(file, point, pack, seeds, device, threads, save_every):
        console = Console(stderr=True)
        train_pack(task, Report(say, console if console.is_terminal else None))


@app.command()
def choose(file: ParamFile) -> None:
    """Choose the point of a run's sweep that gets all seeds, from its candidates' results."""
    from isotrope.params.param_file import name_of
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


@app.command()
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
    from isotrope.tasks import by_hand

    for task in by_hand.evaluation_tasks(
        file, point, pack, seeds, device, threads, table, own_jobs
    ):
        evaluating.evaluate(task, say)


@app.command()
def ship(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="a trained seed of the run")],
    point: PointName = "base",
) -> None:
    """Copy a trained seed into the project, where others take it instead of training it."""
    from isotrope.tasks import by_hand

    say(f"wrote {by_hand.ship(file, point, seed)}; commit it")


for command in (submit, collect, export, track, summarize, compare, sample, draw, typeset, status):
    app.command()(command)
app.command(name="import-weights")(import_weights)
app.command(context_settings=START_CONTEXT)(start)


@app.command()
def new(
    kind: Annotated[
        str,
        typer.Argument(
            help="dataset, model, evaluation or figure",
            autocompletion=arguments.words("dataset", "model", "evaluation", "figure"),
        ),
    ],
    name: Annotated[str, typer.Argument(help="small letters, digits and _")],
    core: Annotated[
        bool, typer.Option("--core", help="into the package, for everybody, not into plugins/")
    ] = False,
    study: Annotated[
        str, typer.Option(help="of a figure: the one study that it is for", metavar="STUDY")
    ] = "general",
) -> None:
    """Write a commented skeleton of a plug-in that works as it stands, into plugins/."""
    from isotrope.skeletons import write_skeleton

    for line in write_skeleton(kind, name, core, study):
        say(line)


@app.command()
def schema(
    check_only: Annotated[
        bool, typer.Option("--check", help="write nothing; fail if the committed file is stale")
    ] = False,
) -> None:
    """Write the JSON schema of param-files, which editors complete from.

    The committed one knows the package's plug-ins; one with yours too lies under out/.
    """
    from isotrope.params import schema as schemas

    if check_only:
        if not schemas.is_current():
            raise UserError(f"{paths.SCHEMA} is stale; run `isotrope schema`")
        return
    say(f"wrote {schemas.write_committed()}")
    if path := schemas.write_users():
        say(f"wrote {path}")


def main() -> None:
    """Run a command; what the user can mend ends with status 2 and no traceback."""
    try:
        app()
    except UserError as error:
        complain(*error.sentences)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(141)  # whoever read the output has seen enough


if __name__ == "__main__":
    main()
