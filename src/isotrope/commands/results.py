"""The commands for results that are there: tables, figures, and what is made from them."""

from pathlib import Path
from typing import Annotated

import typer

from isotrope import paths
from isotrope.commands.arguments import (
    Device,
    DrawnGroup,
    ExportFolder,
    ExportForm,
    ExportGroup,
    ExportParts,
    FigureName,
    Group,
    Threads,
    TrackedRuns,
    Tracker,
    WithWeights,
    groups,
    plain,
    readable,
)
from isotrope.console.output import Output
from isotrope.console.printing import complain, say
from isotrope.errors import UserError


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
    from isotrope.results.collecting import collect_group

    if arrays and table is None:
        raise UserError("--arrays: name the table too, as in --table index_correlation --arrays")
    for path in collect_group(group, table, arrays, complain):
        say(f"wrote {path}")


def export(
    folder: ExportFolder,
    form: ExportForm,
    group: ExportGroup = None,
    parts: ExportParts = "",
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Write results in the files that a study's authors published; torch only for some parts."""
    from isotrope.results import exporting
    from isotrope.results.what_to_run import check_tables
    from isotrope.tasks.by_hand import device_name

    module, exported = exporting.form_of(form, group)
    wanted = [part for part in parts.split(",") if part]
    exporting.check_parts(module, wanted)
    check_tables(exported, lambda one: f"isotrope export {folder} --as {form} --group {one}")
    for path in module.export(exported, folder):
        say(f"wrote {path}")
    if wanted:
        chosen = device_name(device)
        for path in module.export_parts(exported, folder, wanted, chosen, threads):
            say(f"wrote {path}")


def track(
    tracker: Tracker,
    config: TrackedRuns = "",
    weights: WithWeights = False,
) -> None:
    """Write finished seeds into MLflow or TensorBoard files under out/tracking/, each once."""
    from isotrope.tracking import track as tracking

    for line in tracking.track(tracker, config, weights):
        say(line)


def summarize(group: Group) -> None:
    """Write a page for people that shows a study's tables: results, settings and times."""
    from isotrope.results.summary import write_summary
    from isotrope.results.what_to_run import check_tables

    check_tables(group, lambda one: f"isotrope summarize {one}")
    say(f"wrote {write_summary(paths.table_folder(group))}")


def report() -> None:
    """Write out/report.html: what all results that are there come to, with every figure."""
    from isotrope.plan import index_file
    from isotrope.results.report import write_report
    from isotrope.status.troubles import troubles

    notes: tuple[str, ...] = ()
    try:
        known = index_file.current(asks=index_file.only_look).with_earlier()
        runs, found, notes = known.runs, troubles(known), tuple(known.notes)
    except UserError as error:
        runs, found, notes = {}, {}, error.sentences
    say(f"wrote {write_report(runs, found, notes)}")


def compare(
    study: Group,
    series: Annotated[
        str | None,
        typer.Option(help="series of runs, separated by commas; published, or demo, if left out"),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="also write every number to this file")] = None,
    markdown: Annotated[Path | None, typer.Option(help="also write the tables there")] = None,
) -> None:
    """Show every cell that was run beside the published one, from tables."""
    from isotrope.files.disk import write_whole
    from isotrope.results import compare_tables
    from isotrope.results.compare import compare as compared
    from isotrope.results.shortened import shortened

    usual = "published" if study == paths.study_of(study) else "demo"
    cells = compared(study, (series or usual).split(","))
    console = Output()
    if not console.is_terminal:
        console.width = 200  # nobody folds what goes into a file or a pipe
    for table in compare_tables.tables(cells):
        console.print(table)
    say(compare_tables.summary(cells))
    if sentence := shortened(study, cells):
        say(sentence)
    for path, text in (
        (csv, cells.to_csv(index=False)),
        (markdown, compare_tables.markdown(cells)),
    ):
        if path is not None:
            write_whole(path, text)
            say(f"wrote {path}")


def sample(
    group: Group,
    manifests: Annotated[
        list[Path], typer.Argument(help="those of built data sets", callback=readable)
    ],
) -> None:
    """Write a few images of data sets beside a study's tables, for the figure that shows them."""
    from isotrope.tasks.examples import write_examples

    say(f"wrote {write_examples(paths.study_of(group), manifests, paths.examples(group))}")


def draw(
    figure: FigureName,
    more: Annotated[
        list[Path] | None, typer.Argument(help="with --weights: further folders, after the first")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="the study, or STUDY-demo, whose tables are drawn; needed without --weights",
            autocompletion=groups,
            callback=plain,
        ),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            help="CSV of published numbers to show beside ours, if not the study's own",
            callback=readable,
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="draw folders of weights side by side, as in out/runs/RUN/base/seeds-1-5: they "
            "are evaluated here, no table of a study is read; needs torch"
        ),
    ] = None,
    settings: Annotated[
        str,
        typer.Option(
            help="with --weights: settings of the evaluation, as in '{images: 200, steps: 5}'"
        ),
    ] = "{}",
    output: Annotated[
        Path | None,
        typer.Option(help="with --weights: where figure and tables go; out/drawn if left out"),
    ] = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Draw a figure from tables, as SVG and PDF or GIF, with its numbers as CSV. Needs no torch.

    With --weights, the tables are made from folders of weights first.
    """
    from isotrope.plan.figures import StudyFigures
    from isotrope.results.drawing import draw_figure
    from isotrope.results.what_to_run import check_tables

    if weights:
        chosen = [*weights, *(more or [])]
        for path in _draw_weights(figure, group, chosen, settings, output, device, threads):
            say(f"wrote {path}")
        return
    if more or group is None:
        raise UserError(
            "name the study whose tables are drawn, as in --group scale, or folders of weights, as "
            "in --weights out/runs/RUN/base/seeds-1-5"
        )
    study, folder = paths.study_of(group), paths.table_folder(group)
    StudyFigures(study).kind(figure)
    check_tables(group, lambda one: f"isotrope draw {figure} --group {one}")
    if published is None and paths.published(study).is_file():
        published = paths.published(study)
    for path in draw_figure(study, figure, folder, published, paths.figure_folder(group) / figure):
        say(f"wrote {path}")


def _draw_weights(
    figure: str,
    group: str | None,
    folders: list[Path],
    settings: str,
    output: Path | None,
    device: str,
    threads: int,
) -> list[Path]:
    """Evaluate folders of weights, and draw a figure of them."""
    from isotrope import devices
    from isotrope.params.yaml_marks import parse
    from isotrope.results.drawing import draw_figure
    from isotrope.tasks import by_hand, weights_tables

    parsed = parse(settings)
    given = parsed.value
    if parsed.mistakes or not isinstance(given, dict):
        raise UserError(f"--settings {settings}: need settings as in '{{images: 200, steps: 5}}'")
    opened = weights_tables.open_folders(folders)
    study = paths.study_of(group) if group else weights_tables.study_of(opened, figure)
    place = (output or paths.DRAWN) / figure
    where = devices.choose(by_hand.device_name(device))
    with devices.arithmetic(where, threads):
        weights_tables.write_tables(opened, study, figure, given, place / "tables", where, say)
    return draw_figure(study, figure, place / "tables", None, place / figure)


def typeset(figure: FigureName, group: DrawnGroup) -> None:
    """Write the numbers of a drawn figure as a table in LaTeX, where it has one."""
    from isotrope.results.drawing import typeset_figure

    stem, study = paths.figure_folder(group) / figure, paths.study_of(group)
    csv, tex = stem.with_suffix(".csv"), stem.with_suffix(".tex")
    say(f"wrote {typeset_figure(study, figure, csv, tex)}")
