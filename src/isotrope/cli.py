"""The command line: by hand what the rules do. The only module that prints."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from isotrope import arguments, paths
from isotrope.arguments import (
    DatasetName,
    Device,
    DrawnGroup,
    ExportFolder,
    ExportForm,
    ExportGroup,
    FigureName,
    Group,
    Pack,
    ParamFile,
    ParamFiles,
    PointName,
    SeedList,
    Threads,
    WithErrors,
    WithIndices,
)
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


def say(text: str) -> None:
    """One line to standard output, at once."""
    print(text, flush=True)


def complain(*sentences: str) -> None:
    """Sentences to standard error."""
    print(*sentences, sep="\n", file=sys.stderr, flush=True)


@app.command()
def check(
    files: ParamFiles = None,
    write_index: Annotated[
        bool, typer.Option("--write-index", help="also write out/index.json for Snakemake")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing if all is well")] = False,
) -> None:
    """Check param-files: every mistake with its file, line and column."""
    from isotrope import index, param_file
    from isotrope.indexing import index_of

    stamped = index.stamps()
    if files and write_index:
        raise UserError("--write-index: the index is of all param-files; name none")
    runs = param_file.read_each(files) if files else param_file.read_all()
    if write_index:
        index.write(index_of(runs), stamped)
    if not quiet:
        points = sum(len(run.points) for run in runs)
        seeds = sum(run.seeds_to_train for run in runs)
        say(f"{len(runs)} param-files are in order: {points} points, {seeds} seeds to train")


@app.command()
def build(
    dataset: DatasetName,
    settings: Annotated[
        list[str] | None, typer.Argument(help="its settings, as in task=emoji source=embedded")
    ] = None,
) -> None:
    """Build a data set, with its manifest and its preview picture, under out/data/."""
    from isotrope.by_hand import dataset_params
    from isotrope.dataset import build_dataset
    from isotrope.digests import dataset_digest

    params = dataset_params(dataset, settings or [])
    manifest = build_dataset(dataset, params, dataset_digest(dataset, params))
    say(f"built {dataset}: {manifest}")


@app.command()
def download(
    dataset: DatasetName,
    file: Annotated[str, typer.Argument(help="a file of its sources, as in mnist.npz")],
) -> None:
    """Download a file that a data set is built from, and check it against its pinned checksum."""
    from isotrope import download as downloading

    say(f"{downloading.download(dataset, file)} is whole")


@app.command()
def pin(
    dataset: DatasetName,
    api: Annotated[
        str, typer.Option(envvar="ISOTROPE_ZENODO", help="where Zenodo's interface is")
    ] = "https://zenodo.org/api",
) -> None:
    """Ask Zenodo for sizes and checksums of a data set's files, and write them down."""
    from isotrope import pinning

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
) -> None:
    """Train the seeds of a run that are not trained yet, and write the outputs of their packs."""
    from isotrope import by_hand
    from isotrope.training.pack import train_pack
    from isotrope.training.progress import Report

    for task in by_hand.training_tasks(file, point, pack, seeds, device, threads):
        console = Console(stderr=True)
        train_pack(task, Report(say, console if console.is_terminal else None))


@app.command()
def choose(file: ParamFile) -> None:
    """Choose the point of a run's sweep that gets all seeds, from its candidates' results."""
    from isotrope import choice
    from isotrope.index import current
    from isotrope.param_file import name_of

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
) -> None:
    """Run every evaluation of a run's trained seeds that was not run yet."""
    from isotrope import by_hand
    from isotrope.evaluating import evaluate_pack

    for task in by_hand.evaluation_tasks(file, point, pack, seeds, device, threads):
        evaluate_pack(task, say)


@app.command()
def ship(
    file: ParamFile,
    seed: Annotated[int, typer.Argument(min=1, help="a trained seed of the run")],
    point: PointName = "base",
) -> None:
    """Copy a trained seed into the project, where others take it instead of training it."""
    from isotrope import by_hand

    say(f"wrote {by_hand.ship(file, point, seed)}; commit it")


@app.command()
def collect(
    group: Group,
    table: Annotated[
        str | None, typer.Option(help="runs, or an evaluation; all tables if left out")
    ] = None,
    arrays: Annotated[
        bool, typer.Option("--arrays", help="of the one table write the arrays, not the rows")
    ] = False,
) -> None:
    """Collect the results of a study's runs into its tables under out/tables/."""
    from isotrope.collecting import collect_group

    if arrays and table is None:
        raise UserError("--arrays: name the table too, as in --table index_correlation --arrays")
    for path in collect_group(group, table, arrays):
        say(f"wrote {path}")


@app.command()
def export(
    folder: ExportFolder,
    form: ExportForm,
    group: ExportGroup = "scale",
    errors: WithErrors = False,
    indices: WithIndices = False,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Write results in the files of a published study; torch is needed for errors and indices."""
    from isotrope.by_hand import device_name
    from isotrope.exporting import export_as

    for path in export_as(form, group, folder):
        say(f"wrote {path}")
    if errors or indices:
        from isotrope.exporting_arrays import export_arrays

        for path in export_arrays(group, folder, errors, indices, device_name(device), threads):
            say(f"wrote {path}")


@app.command()
def summarize(group: Group) -> None:
    """Write a page for people that shows a study's tables: results, settings and times."""
    from isotrope.summary import write_summary

    say(f"wrote {write_summary(paths.table_folder(group))}")


@app.command()
def compare(
    study: Group,
    series: Annotated[str, typer.Option(help="series of runs, separated by commas")] = "published",
    csv: Annotated[Path | None, typer.Option(help="also write every number to this file")] = None,
    markdown: Annotated[Path | None, typer.Option(help="also write the tables there")] = None,
) -> None:
    """Show every cell that was run beside the published one, from tables."""
    from isotrope import compare as comparison
    from isotrope.files import write_whole

    cells = comparison.compare(study, series.split(","))
    console = Console()
    for table in comparison.tables(cells):
        console.print(table)
    say(comparison.summary(cells))
    for path, text in ((csv, cells.to_csv(index=False)), (markdown, comparison.markdown(cells))):
        if path is not None:
            write_whole(path, text)
            say(f"wrote {path}")


@app.command()
def sample(
    group: Group,
    manifests: Annotated[list[Path], typer.Argument(help="those of built data sets")],
) -> None:
    """Write a few images of data sets beside a study's tables, for the figure that shows them."""
    from isotrope.examples import write_examples

    say(f"wrote {write_examples(manifests, paths.examples(group))}")


@app.command()
def draw(
    figure: FigureName,
    group: DrawnGroup = "demo",
    published: Annotated[
        Path | None, typer.Option(help="CSV of published numbers to show beside ours")
    ] = None,
) -> None:
    """Draw a figure from tables, as SVG and PDF with the numbers shown as CSV. Needs no torch."""
    from isotrope.drawing import draw_figure

    for path in draw_figure(
        figure, paths.table_folder(group), published, paths.figure_folder(group) / figure
    ):
        say(f"wrote {path}")


@app.command()
def typeset(figure: FigureName, group: DrawnGroup = "demo") -> None:
    """Write the numbers of a drawn figure as a table in LaTeX, where it has one."""
    from isotrope.drawing import typeset_figure

    stem = paths.figure_folder(group) / figure
    say(f"wrote {typeset_figure(figure, stem.with_suffix('.csv'), stem.with_suffix('.tex'))}")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say of every run how far it is."""
    from isotrope import status as states
    from isotrope.index import current

    rows = states.of(current())
    if as_json:
        say(json.dumps(rows, indent=1))
        return
    Console().print(states.table(rows))


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
) -> None:
    """Write a commented skeleton of a plug-in that works as it stands."""
    from isotrope.skeletons import write_skeleton

    for line in write_skeleton(kind, name):
        say(line)


@app.command()
def schema(
    check_only: Annotated[
        bool, typer.Option("--check", help="write nothing; fail if the committed file is stale")
    ] = False,
) -> None:
    """Write the JSON schema of param-files, which editors complete from."""
    from isotrope.files import write_whole
    from isotrope.schema import param_file_schema

    text = param_file_schema()
    if check_only:
        if not paths.SCHEMA.is_file() or paths.SCHEMA.read_text(encoding="utf-8") != text:
            raise UserError(f"{paths.SCHEMA} is stale; run `isotrope schema`")
        return
    write_whole(paths.SCHEMA, text)
    say(f"wrote {paths.SCHEMA}")


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
