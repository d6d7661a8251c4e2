"""Writing and reading tables: which columns they have, and how damage is named.

A seed that nothing vouches for stands in the table of runs with the status ``left out`` and without
numbers, for people to see; whoever reads the table is given the others.

What was collected, and the numbers beside a figure, have a checksum (`checksums`). A table without
one, made by hand or copied from elsewhere, is read as it is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from isotrope.errors import UserError
from isotrope.files import checksums, disk, regular

if TYPE_CHECKING:
    import pandas

Kind = Literal["text", "number", "count"]
Columns = Mapping[str, Kind]

RUN_COLUMNS: Columns = {
    "run": "text",
    "point": "text",
    "seed": "count",
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
CODE = "code"  # whether a row was made with the code as it is; of every table
MORE_COLUMNS = ("classes", "parameters", *SCORE_COLUMNS, CODE)
STATUS, LEFT_OUT = "status", "left out"  # of runs: a seed that nothing vouches for
RESULT_COLUMNS: Columns = {
    "run": "text",
    "point": "text",
    "seed": "number",
    "metric": "text",
    "value": "number",
    "n": "count",
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


def write_table(path: Path, text: str) -> None:
    """Write a table that was collected, and its checksum.

    Raises:
        UserError: if they cannot be written.
    """
    with checksums.renewed(path):
        disk.write_whole(path, text)


def read_table(
    path: Path,
    columns: Columns,
    remedy: str = COLLECT_AGAIN,
    with_code: bool = False,
    check: Callable[[Path, bytes], None] = checksums.check_table,
) -> pandas.DataFrame:
    """Read a table and check that it is whole.

    Args:
        path: the CSV file.
        columns: the columns it must have, each ``text``, ``number`` or ``count``. Empty numbers are
            NaN, empty texts stay empty; counts are whole numbers, none of them empty or negative.
            Other columns are read as pandas sees fit.
        remedy: what mends the table, as the end of an error's sentence.
        with_code: whether the column ``code`` is wanted, empty in tables that lack it. It is no
            setting of a run and no measure; what is drawn and compared does not depend on it.
        check: compares it with its checksum, and raises ``UserError``.

    Raises:
        UserError: if the table is absent, empty, truncated or damaged, or lacks a column, with the
            table's path and the remedy.
    """
    try:
        raw = regular.read_bytes(path)
        check(path, raw)
        content = raw.decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} is not there; {remedy}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {remedy}") from error
    lines = csv.reader(io.StringIO(content), strict=True)
    try:
        header = next(lines, [])
        rows = list(lines)
    except csv.Error as error:
        raise UserError(f"{path}:{lines.line_num}: damaged ({error}); {remedy}") from error
    widths = {len(cells) for cells in rows}
    if STATUS in header and widths == {len(header)}:
        content, rows = _without_left_out(header, rows, content)
    if not rows:
        what = "has only seeds that were left out, see its log" if widths else "is empty"
        raise UserError(f"{path} {what}; {remedy}")
    if absent := [column for column in columns if column not in header]:
        raise UserError(f"{path} has no column {', '.join(absent)}; {remedy}")
    if widths != {len(header)} or not content.endswith("\n"):
        raise UserError(f"{path} is truncated or damaged; {remedy}")
    texts = {column: str for column, kind in columns.items() if kind == "text"} | {CODE: str}
    import pandas  # only here, and below: the names of columns are known without it

    table = pandas.read_csv(
        io.StringIO(content),
        dtype=texts,
        keep_default_na=False,
        na_values={column: ["", "nan"] for column in header if column not in texts},
    )
    for column, kind in columns.items():
        if kind != "text" and not _is_number(table[column]):
            raise UserError(f"{path}: column {column} holds more than numbers; {remedy}")
        if kind == "count":
            if not _is_count(table[column]):
                raise UserError(f"{path}: column {column} holds more than whole numbers; {remedy}")
            table[column] = table[column].astype("int64")
    if with_code:
        return table if CODE in table else table.assign(code="")
    return table.drop(columns=CODE, errors="ignore")


def left_out(path: Path) -> dict[tuple[str, str], int]:
    """How many seeds of each run's point a table of runs, which was read, shows as left out."""
    with regular.open_text(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[STATUS] == LEFT_OUT]
    return dict(Counter((row["run"], row["point"]) for row in rows))


def _without_left_out(
    header: list[str], rows: list[list[str]], content: str
) -> tuple[str, list[list[str]]]:
    """The text and the rows of a table without the seeds that are left out."""
    kept = [cells for cells in rows if cells[header.index(STATUS)] != LEFT_OUT]
    if len(kept) == len(rows):
        return content, rows
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *kept])
    return text.getvalue() if content.endswith("\n") else content, kept


def _is_number(values: pandas.Series) -> bool:
    from pandas.api import types

    return types.is_numeric_dtype(values) and not types.is_bool_dtype(values)


def _is_count(values: pandas.Series) -> bool:
    return bool((values.ge(0) & values.lt(2**63) & values.mod(1).eq(0)).all())
