"""Reading tables: which columns they have, and how damage is named."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas

from isotrope.errors import UserError

Columns = Mapping[str, Literal["text", "number"]]

RUN_COLUMNS: Columns = {
    "run": "text",
    "point": "text",
    "seed": "number",
    "study": "text",
    "series": "text",
    "label": "text",
    "source": "text",
    "model": "text",
    "dataset": "text",
    "status": "text",
    "origin": "text",
    "epochs": "number",
    "best_epoch": "number",
    "best_validation_accuracy": "number",
    "seconds_per_epoch_last": "number",
    "seconds_per_epoch_mean": "number",
    "peak_memory_mb": "number",
    "device": "text",
    "training_digest": "text",
}
# of runs: tables that were collected earlier lack them
SCORE_COLUMNS = ("validation_score", "best_validation_score")  # its name, and its best value
MORE_COLUMNS = ("classes", "parameters", *SCORE_COLUMNS)
RESULT_COLUMNS: Columns = {
    "run": "text",
    "point": "text",
    "seed": "number",
    "metric": "text",
    "value": "number",
    "n": "number",
}
SELECTION_COLUMNS: Columns = {
    "run": "text",
    "point": "text",
    "statistic": "text",
    "value": "number",
    "n": "number",
    "chosen": "text",
}
PUBLISHED_COLUMNS: Columns = {
    "study": "text",
    "table": "text",
    "model": "text",
    "dataset": "text",
    "setting": "text",
    "metric": "text",
    "value": "number",
    "spread": "number",
    "n": "number",
    "source": "text",
}
COLLECT_AGAIN = "run `snakemake tables` to write it again"


def read_table(path: Path, columns: Columns, remedy: str = COLLECT_AGAIN) -> pandas.DataFrame:
    """Read a table and check that it is whole.

    Args:
        path: the CSV file.
        columns: the columns it must have, each ``text`` or ``number``. Empty numbers are NaN,
            empty texts stay empty. Other columns are read as pandas sees fit.
        remedy: what mends the table, as the end of an error's sentence.

    Raises:
        UserError: if the table is absent, empty, truncated or damaged, or lacks a column, with the
            table's path and the remedy.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; {remedy}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error
    lines = csv.reader(io.StringIO(content), strict=True)
    try:
        header = next(lines, [])
        widths = [len(cells) for cells in lines]
    except csv.Error as error:
        raise UserError(f"{path}:{lines.line_num}: damaged ({error}); {remedy}") from error
    if not widths:
        raise UserError(f"{path} is empty; {remedy}")
    if absent := [column for column in columns if column not in header]:
        raise UserError(f"{path} has no column {', '.join(absent)}; {remedy}")
    if set(widths) != {len(header)} or not content.endswith("\n"):
        raise UserError(f"{path} is truncated or damaged; {remedy}")
    texts = {column: str for column, kind in columns.items() if kind == "text"}
    table = pandas.read_csv(
        io.StringIO(content),
        dtype=texts,
        keep_default_na=False,
        na_values={column: ["", "nan"] for column in header if column not in texts},
    )
    for column, kind in columns.items():
        if kind == "number" and not pandas.api.types.is_numeric_dtype(table[column]):
            raise UserError(f"{path}: column {column} holds more than numbers; {remedy}")
    return table
