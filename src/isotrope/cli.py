"""The command line: by hand what the rules do. The only module that prints."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from isotrope import paths, registry
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


def _complete_files(incomplete: str) -> list[str]:
    found = sorted(p.as_posix() for p in paths.PARAM_FILES.rglob("*.yaml"))
    return [p for p in found if p.startswith(incomplete)]


def _complete_groups(incomplete: str) -> list[str]:
    groups = {"demo", *(p.stem for p in paths.PUBLISHED.glob("*.csv"))}
    groups |= {p.name for p in paths.table_folder(".").glob("*") if p.is_dir()}
    return sorted(group for group in groups if group.startswith(incomplete))


def _complete_words(*words: str) -> Any:
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def _complete(kind: str) -> Any:
    return lambda incomplete: [n for n in registry.names(kind) if n.startswith(incomplete)]


ParamFile = Annotated[
    Path,
    typer.Argument(help="a YAML file below param-files/", autocompletion=_complete_files),
]
PointName = Annotated[str, typer.Option(help="point of the run's sweep")]
SeedList = Annotated[
    str | None, typer.Option(help="seeds, as in 1-5 or 1,3; all of the param-file if left out")
]
Device = Annotated[
    str,
    typer.Option(help="auto, cpu or cuda", autocompletion=_complete_words("auto", "cpu", "cuda")),
]
Group = Annotated[str, typer.Argument(help="a study, or demo", autocompletion=_complete_groups)]
Threads = Annotated[
    int, typer.Option(min=1, envvar="OMP_NUM_THREADS", help="CPU threads of one operation")
]


def say(text: str) -> None:
    """One line to standard output, at once."""
    print(text, flush=True)


def complain(*sentences: str) -> None:
    """Sentences to standard error."""
    print(*sentences, sep="\n", file=sys.stderr, flush=True)


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="param-files; all if left out", autocompletion=_complete_files),
    ] = None,
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
    runs = _read_each(files) if files else param_file.read_all()
    if write_index:
        index.write(index_of(runs), stamped)
    if not quiet:
        points = sum(len(run.points) for run in runs)
        seeds = sum(len(run.points) * len(run.envelope.seeds) for run in runs)
        say(f"{len(runs)} param-files are in order: {points} points, {seeds} seeds to train")


def _read_each(files: list[Path]) -> list[Any]:
    from isotrope import param_file

    runs: list[Any] = []
    sentences: list[str] = []
    for path in files:
        try:
            runs.append(param_file.read_run(path))
        except UserError as error:
            sentences += error.sentences
    if sentences:
        raise UserError(*sentences)
    return runs


@app.command()
def build(
    dataset: Annotated[str, typer.Argument(help="a data set", autocompletion=_complete("data"))],
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
def train(
    file: ParamFile,
    point: PointName = "base",
    pack: Annotated[
        str | None, typer.Option(help="a block of seeds_per_job seeds, as in 1-25; all if left out")
    ] = None,
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
def evaluate(
    file: ParamFile,
    point: PointName = "base",
    pack: Annotated[
        str | None, typer.Option(help="a block of seeds_per_job seeds, as in 1-25; all if left out")
    ] = None,
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
def collect(
    group: Group,
    table: Annotated[
        str | None, typer.Option(help="runs, or an evaluation; all tables if left out")
    ] = None,
) -> None:
    """Collect the results of a study's runs into its tables under out/tables/."""
    from isotrope.collecting import collect_group

    for path in collect_group(group, table):
        say(f"wrote {path}")


@app.command()
def summarize(group: Group) -> None:
    """Write a page for people that shows a study's tables: results, settings and times."""
    from isotrope.summary import write_summary

    say(f"wrote {write_summary(paths.table_folder(group))}")


@app.command()
def draw(
    figure: Annotated[str, typer.Argument(help="a figure", autocompletion=_complete("figures"))],
    group: Annotated[
        str,
        typer.Option(
            help="the study, or demo, whose tables are drawn", autocompletion=_complete_groups
        ),
    ] = "demo",
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
            autocompletion=_complete_words("dataset", "model", "evaluation", "figure"),
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
