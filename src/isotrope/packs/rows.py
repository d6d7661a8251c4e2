"""The rows of an evaluation on disk: those of one seed in a file, and the table of a job.

The file of a seed ends with a line that holds its checksum, and that of the arrays beside it if
there are any, so that a truncated or altered one is told from a whole one.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isotrope.files import disk
from isotrope.files.arrays import Array, write_arrays

Row = dict[str, str]

_FIRST, _LAST = ("evaluation", "run", "point", "seed"), ("metric", "value", "n")
_END = "# end of the table, sha256 "


def cells_of(row: Mapping[str, Any]) -> Row:
    """A row as cells; floats keep every bit."""
    return {key: repr(float(value)) if key == "value" else str(value) for key, value in row.items()}


def results_text(rows: Sequence[Row]) -> str:
    """The table of a job: the rows of all its evaluations under the columns of all."""
    settings = dict.fromkeys(key for row in rows for key in row if key not in (*_FIRST, *_LAST))
    return _table((*_FIRST, *settings, *_LAST), rows)


def arrays_of(path: Path) -> Path:
    """The file of a seed's arrays, beside that of its rows."""
    return path.with_suffix(".npz")


def write(path: Path, rows: Sequence[Row], arrays: Mapping[str, Array] | None) -> None:
    """Write the rows of a seed, and before them its arrays if its evaluation gives any.

    Raises:
        UserError: if they cannot be written.
    """
    if arrays is not None:
        write_arrays(arrays_of(path), sorted(arrays.items()))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = _table(columns, rows)
    disk.write_whole(path, text + _end(path, text, arrays is not None))


def read(path: Path, arrays: bool, log: Callable[[str], None]) -> list[Row] | None:
    """The rows of a seed; None if they are not known, or their file or the arrays' is not whole.

    Args:
        path: the file.
        arrays: whether the evaluation gives arrays beside its rows.
        log: is told of a damaged file.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        content = ""
    text, mark, _ = content.rpartition(_END)
    try:
        whole = bool(mark) and content == text + _end(path, text, arrays)
    except FileNotFoundError:
        path, whole = arrays_of(path), False
    if not whole:
        log(f"{path} is truncated or altered and is computed again")
        return None
    return list(csv.DictReader(io.StringIO(text)))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _end(path: Path, text: str, arrays: bool) -> str:
    """The last line of a file of rows."""
    known = f", of the arrays {_sha256(arrays_of(path).read_bytes())}" if arrays else ""
    return f"{_END}{_sha256(text.encode())}{known}\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
