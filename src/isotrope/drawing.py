"""Drawing a figure from tables on disk. Needs no results, no data set, no torch."""

from pathlib import Path

import pandas

from isotrope import registry
from isotrope.figures._style import save
from isotrope.table_files import PUBLISHED_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, read_table


def draw_figure(
    name: str, table_folder: Path, published_csv: Path | None, output_stem: Path
) -> list[Path]:
    """Draw one figure and write it as SVG and PDF, with what it shows as CSV.

    Args:
        name: the figure's module in ``isotrope/figures``.
        table_folder: holds the tables that the module names in ``TABLES``.
        published_csv: the study's published numbers; None for a study without any.
        output_stem: the files' path without suffix.

    Returns:
        The files that were written.

    Raises:
        UserError: if there is no such figure, or a table is absent, empty, truncated or damaged, or
            lacks a column that the figure needs.
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
    figure, data = module.draw(tables, published)
    return save(figure, data, output_stem)
