"""Drawing a figure from tables on disk. Needs no results, no data set, no torch."""

from pathlib import Path

import pandas

from isotrope import registry
from isotrope.errors import UserError
from isotrope.figures._style import save
from isotrope.files.arrays import read_arrays
from isotrope.files.disk import write_whole
from isotrope.files.tables import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table

DRAW_AGAIN = "run `snakemake figures` to write it again"


def draw_figure(
    name: str, table_folder: Path, published_csv: Path | None, output_stem: Path
) -> list[Path]:
    """Draw one figure and write it as SVG and PDF, with what it shows as CSV.

    Args:
        name: the figure's module in ``isotrope/figures``.
        table_folder: holds the tables that the module names in ``TABLES``, and the arrays beside
            those that it names in ``ARRAYS``.
        published_csv: the study's published numbers; None for a study without any.
        output_stem: the files' path without suffix.

    Returns:
        The files that were written.

    Raises:
        UserError: if there is no such figure, or a table is absent, empty, truncated or damaged, or
            lacks a column that the figure needs, or arrays are absent or damaged.
    """
    module = registry.load("figures", name)
    needed = getattr(module, "COLUMNS", {})
    tables = {}
    for table in module.TABLES:
        columns = RUN_COLUMNS if table == "runs" else RESULT_COLUMNS
        path = table_folder / f"{table}.csv"
        tables[table] = read_table(path, {**columns, **needed.get(table, {})})
    published = pandas.DataFrame(columns=list(PUBLISHED_COLUMNS))
    if published_csv is not None:
        published = read_table(published_csv, PUBLISHED_COLUMNS, "restore it with `git checkout`")
    named = getattr(module, "ARRAYS", ())
    stored = {one: read_arrays(table_folder / f"{one}.npz", DRAW_AGAIN) for one in named}
    figure, data = module.draw(tables, published, *([stored] if named else []))
    return save(figure, data, output_stem)


def typeset_figure(name: str, data_csv: Path, output: Path) -> Path:
    """Write the numbers of a figure as a table in LaTeX.

    Args:
        name: the figure's module in ``isotrope/figures``.
        data_csv: the CSV file that was written with the figure.
        output: the ``.tex`` file.

    Raises:
        UserError: if there is no such figure, its module knows no LaTeX, or the CSV file is absent,
            truncated or damaged.
    """
    module = registry.load("figures", name)
    if not getattr(module, "LATEX", False):
        raise UserError(f"the figure {name} has no table in LaTeX; its numbers are in {data_csv}")
    write_whole(
        output, module.latex(read_table(data_csv, module.DATA, f"run `isotrope draw {name}`"))
    )
    return output
