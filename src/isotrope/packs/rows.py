"""The rows of an evaluation on disk: those of one seed in a file, and the table of a job.

The file of a seed ends with a line that holds its checksum, and that of the arrays beside it if
there are any, so that a truncated or altered one is told from a whole one; the digest of the code
that computed them, and the folder that they were written to, which the checksum covers: rows of
another run or evaluation are no rows of this one. Older files do not name their folder.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isotrope import registry
from isotrope.errors import UserError
from isotrope.files import disk, regular
from isotrope.files.arrays import Array, read_arrays, write_arrays

Row = dict[str, str]

_FIRST, _LAST = ("evaluation", "run", "point", "seed"), ("metric", "value", "n")
_END = "# end of the table, sha256 "
_SUMS = re.compile(
    r"([0-9a-f]{64})(?:, of the arrays ([0-9a-f]{64}))?(?:, code ([0-9a-f]+))?(?:, in (.+))?\n"
)


def cells_of(row: Mapping[str, Any], evaluation: str) -> Row:
    """A row as cells; floats keep every bit.

    Args:
        row: what an evaluation gave.
        evaluation: the name of its plug-in.

    Raises:
        UserError: if it lacks a metric, a value or the number of images.
    """
    check_row(row, evaluation)
    return {key: repr(float(value)) if key == "value" else str(value) for key, value in row.items()}


def check_row(row: Mapping[str, Any], evaluation: str) -> None:
    """Refuse a row that lacks what all have; the evaluation is named, and its file.

    Raises:
        UserError: if it lacks a metric, a value or the number of images.
    """
    if lacking := [key for key in _LAST if key not in row]:
        where = registry.shown_source("evaluation", evaluation)
        raise UserError(
            f"{where}: a row of the evaluation {evaluation} needs {', '.join(_LAST)}; one lacks "
            f"{', '.join(lacking)} (it has {', '.join(map(str, row))})"
        )


def results_text(rows: Sequence[Row]) -> str:
    """The table of a job: the rows of all its evaluations under the columns of all."""
    settings = dict.fromkeys(key for row in rows for key in row if key not in (*_FIRST, *_LAST))
    return _table((*_FIRST, *settings, *_LAST), rows)


def arrays_of(path: Path) -> Path:
    """The file of a seed's arrays, beside that of its rows."""
    return path.with_suffix(".npz")


def write(
    path: Path, rows: Sequence[Row], arrays: Mapping[str, Array] | None, code: str = ""
) -> None:
    """Write the rows of a seed, and before them its arrays if its evaluation gives any.

    Args:
        path: the file.
        rows: its rows.
        arrays: its arrays by name; None if its evaluation gives none.
        code: the digest of the code that computed them; empty if that is not recorded.

    Raises:
        UserError: if they cannot be written.
    """
    if arrays is not None:
        write_arrays(arrays_of(path), sorted(arrays.items()))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = _table(columns, rows)
    end = _end(path, text, arrays is not None, code, path.parent.name)
    disk.write_whole(path, text + end)


def read(path: Path, arrays: bool, log: Callable[[str], None]) -> list[Row] | None:
    """The rows of a seed; None if they are not known, or their file or the arrays' is not whole.

    Args:
        path: the file.
        arrays: whether the evaluation gives arrays beside its rows.
        log: is told of a damaged file.
    """
    try:
        content = regular.read_text(path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        content = ""
    text, mark, end = content.rpartition(_END)
    try:
        known = _code_in(end), _place_in(end)
        whole = bool(mark) and content == text + _end(path, text, arrays, *known)
    except OSError:
        path, whole = arrays_of(path), False
    rows = list(csv.DictReader(io.StringIO(text))) if whole else []
    if not whole or not _belong_to(path, rows):
        log(f"{path} is truncated or altered and is computed again")
        return None
    return rows


def checked(path: Path, remedy: str) -> list[Row]:
    """The rows of a seed, after their checksum was compared; arrays beside them are not read.

    Args:
        path: the file.
        remedy: what mends a damaged one, as the end of an error's sentence.

    Raises:
        UserError: if the file is absent, truncated, altered or of another seed.
    """
    rows = list(csv.DictReader(io.StringIO(_whole(path, remedy)[0])))
    if not _belong_to(path, rows):
        raise UserError(f"{path} is altered (it holds rows of another seed); {remedy}")
    return rows


def checked_arrays(path: Path, remedy: str) -> dict[str, Array]:
    """The arrays beside the rows of a seed, after their checksum was compared.

    Args:
        path: the file of the rows.
        remedy: what mends a damaged one, as the end of an error's sentence.

    Raises:
        UserError: if a file is absent, truncated or altered, or the rows have no arrays.
    """
    expected, arrays = _whole(path, remedy)[1], arrays_of(path)
    found = _sha256(regular.read_bytes(arrays)) if arrays.is_file() else None
    if expected is None or found != expected:
        raise UserError(f"{arrays} is absent, or not what {path.name} beside it says; {remedy}")
    return read_arrays(arrays, remedy)


def _whole(path: Path, remedy: str) -> tuple[str, str | None]:
    """The text of a file of rows without its last line, and the checksum of the arrays, if any."""
    try:
        text, _, end = regular.read_text(path).rpartition(_END)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read ({reason}); {remedy}") from error
    sums = _SUMS.fullmatch(end)
    if sums is None or sums[1] != _sha256((text + (sums[3] or "") + (sums[4] or "")).encode()):
        raise UserError(f"{path} is truncated or altered; {remedy}")
    if (sums[4] or path.parent.name) != path.parent.name:
        raise UserError(f"{path} is altered (it holds rows of {sums[4]}); {remedy}")
    return text, sums[2]


def _belong_to(path: Path, rows: Sequence[Row]) -> bool:
    """Whether rows are of the seed that their file is named by; those of a run have none."""
    seed = path.stem if path.stem.isdecimal() else None
    return all(row.get("seed") == seed for row in rows)


def code_of(path: Path) -> str:
    """The digest of the code that computed the rows of a seed; empty if it is not recorded."""
    try:
        _, _, end = regular.read_text(path).rpartition(_END)
    except (OSError, UnicodeDecodeError):
        return ""
    return _code_in(end)


def _code_in(end: str) -> str:
    """The digest of code in the last line of a file."""
    sums = _SUMS.fullmatch(end)
    return (sums[3] or "") if sums else ""


def _place_in(end: str) -> str:
    """The folder in the last line of a file."""
    sums = _SUMS.fullmatch(end)
    return (sums[4] or "") if sums else ""


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _end(path: Path, text: str, arrays: bool, code: str, place: str) -> str:
    """The last line of a file of rows; no file has one that names another folder than its own."""
    place = place and path.parent.name
    known = f", of the arrays {_sha256(regular.read_bytes(arrays_of(path)))}" if arrays else ""
    made_by = f", code {code}" if code else ""
    inside = f", in {place}" if place else ""
    return f"{_END}{_sha256((text + code + place).encode())}{known}{made_by}{inside}\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
