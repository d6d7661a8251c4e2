"""Drawing a figure from tables on disk. Needs no results, no data set, no torch."""

from pathlib import Path

import pandas
from pandas.api.types import is_string_dtype

from isotrope import registry
from isotrope.errors import UserError
from isotrope.files import checksums, regular
from isotrope.files.arrays import Array, read_arrays
from isotrope.files.code_column import STATES
from isotrope.files.disk import write_whole
from isotrope.files.tables import (
    CODE,
    PUBLISHED_COLUMNS,
    RESULT_COLUMNS,
    RUN_COLUMNS,
    Kind,
    left_out,
    read_table,
)
from isotrope.params.labels import drawable
from isotrope.plan.figures import StudyFigures
from isotrope.results.animation import RATE, save_animation
from isotrope.results.cells import cells_of
from isotrope.results.series import KEY, Tables, nothing_published
from isotrope.results.style import save

COUNTED = ("training.epochs",)  # settings that are whole numbers in every run
DRAW_AGAIN = "run `snakemake figures` to write it again"


def draw_figure(
    study: str, name: str, table_folder: Path, published_csv: Path | None, output_stem: Path
) -> list[Path]:
    """Draw one figure and write it as SVG and PDF, an animation as GIF, with what it shows as CSV.

    Each file has a checksum in ``.sums`` beside its folder.

    Args:
        study: whose figure it is, and who says what its panels are.
        name: the figure's module in ``figures/<study>`` or ``figures/general``.
        table_folder: holds the tables that the module names in ``TABLES``, and the arrays beside
            those that it names in ``ARRAYS``.
        published_csv: the study's published numbers; None for a study without any.
        output_stem: the files' path without suffix.

    Returns:
        The files that were written.

    Raises:
        UserError: if there is no such figure, or a table is absent, empty, truncated or damaged, or
            lacks a column that the figure needs, or arrays are absent or damaged.
        BrokenPluginError: if a figure of the user's own fails.
    """
    module = registry.load(StudyFigures(study).kind(name), name)
    tables = read_tables(study, name, table_folder, published_csv)
    moves = getattr(module, "ANIMATION", False)
    ends = (".gif", ".mp4", ".frames.csv") if moves else (".svg", ".pdf", ".csv")
    files = [output_stem.with_name(f"{output_stem.name}{end}") for end in ends]
    try:
        shown, data = module.animate(tables) if moves else module.draw(tables)
        with checksums.renewed(*files):
            if moves:
                return save_animation(shown, data, output_stem, getattr(module, "RATE", RATE))
            return save(shown, data, output_stem)
    except Exception as error:
        path = registry.source(StudyFigures(study).kind(name), name)
        if isinstance(error, UserError) or not path.is_relative_to(registry.USERS):
            raise
        raise registry.broken(path, error, "cannot be drawn") from error


def read_tables(study: str, name: str, folder: Path, published_csv: Path | None) -> Tables:
    """What a figure is drawn from: arguments and errors as of ``draw_figure``."""
    module = registry.load(StudyFigures(study).kind(name), name)
    needed = getattr(module, "COLUMNS", {})
    frames = {}
    asked: dict[str, Kind]
    for table in module.TABLES:
        columns = RUN_COLUMNS if table == "runs" else RESULT_COLUMNS
        path = folder / f"{table}.csv"
        if "runs" in frames and not path.exists():
            raise UserError(
                f"{path} is not there; run `snakemake tables`, which writes it where a run of "
                f"{folder.name} has {table} among its `evaluations`"
            )
        asked = {**columns, **needed.get(table, {})}
        asked |= {column: "count" for column in COUNTED if column in asked}
        frames[table] = _drawable(read_table(path, asked, with_code=True))
    frames = code_in_runs(frames)
    published = nothing_published()
    if published_csv is not None:
        published = read_table(published_csv, PUBLISHED_COLUMNS, "restore it with `git checkout`")
    with_arrays = getattr(module, "ARRAYS", ())
    arrays = {table: _arrays(folder / f"{table}.npz") for table in with_arrays}
    lost = left_out(folder / "runs.csv") if "runs" in frames else {}
    return Tables(frames, cells_of(study), published, arrays, lost)


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays beside a table.

    Raises:
        UserError: if they are absent, damaged or were altered since they were collected.
    """
    found = read_arrays(path, DRAW_AGAIN)
    checksums.check_table(path)
    return found


def _drawable(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A table whose texts matplotlib can draw, whoever wrote them."""
    texts = [str(column) for column in frame if is_string_dtype(frame[column])]
    drawn = {column: frame[column].map(drawable, na_action="ignore") for column in texts}
    return frame.assign(**drawn)


def code_in_runs(frames: dict[str, pandas.DataFrame]) -> dict[str, pandas.DataFrame]:
    """The tables with the column ``code`` in that of runs alone.

    There it says of each seed what tells most of its weights and of its rows in the other tables.
    """
    if "runs" not in frames:
        return {table: frame.drop(columns=CODE) for table, frame in frames.items()}
    rows = pandas.concat([frame[[*KEY, CODE]] for frame in frames.values()])
    order = {state: place for place, state in enumerate(STATES)}
    places = rows[CODE].map(order).fillna(-1).groupby([rows[key] for key in KEY]).max()
    runs = frames["runs"].drop(columns=CODE).merge(places.reset_index(), on=KEY, how="left")
    runs[CODE] = runs[CODE].map({place: state for state, place in order.items()}).fillna("")
    others = {table: frame.drop(columns=CODE) for table, frame in frames.items()}
    return {**others, "runs": runs}


def typeset_figure(study: str, name: str, data_csv: Path, output: Path) -> Path:
    """Write the numbers of a figure as a table in LaTeX.

    A figure that has nothing to show, and says so, has numbers without rows: its table is a comment
    that says the same.

    Args:
        study: whose figure it is.
        name: the figure's module in ``figures/<study>`` or ``figures/general``.
        data_csv: the CSV file that was written with the figure.
        output: the ``.tex`` file.

    Raises:
        UserError: if there is no such figure, its module knows no LaTeX, or the CSV file is absent,
            truncated, damaged or altered since it was drawn.
    """
    module = registry.load(StudyFigures(study).kind(name), name)
    if not getattr(module, "LATEX", False):
        raise UserError(f"the figure {name} has no table in LaTeX; its numbers are in {data_csv}")
    if _has_no_rows(data_csv):
        text = f"% {name}: nothing of {study} to show\n"
    else:
        cells = cells_of(study)
        columns = {**dict.fromkeys(cells.panel, "text"), **module.DATA}
        again = f"run `isotrope draw {name} --group {data_csv.parent.name}`"
        data = read_table(data_csv, columns, again, check=checksums.check_figure)
        text = module.latex(data, cells)
    with checksums.renewed(output):
        write_whole(output, text)
    return output


def _has_no_rows(data_csv: Path) -> bool:
    """Whether a CSV file is there and holds the names of its columns alone."""
    if not data_csv.is_file():
        return False
    content = regular.read_bytes(data_csv)
    checksums.check_figure(data_csv, content)
    return content.count(b"\n") == 1 and content.endswith(b"\n")
