"""The index of a stream: which of the user's files it reads, and what is known of each.

It is written when the data set is built and lies in its folder as ``<key>.sources.csv``. What was
trained depends on it: a file that is there or gone, or of another size, makes another index.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from isotrope import paths
from isotrope.datasets.local_data import VARIABLE, local_root
from isotrope.errors import UserError

FILE, BYTES = "file", "bytes"


def write_file_index(rows: Iterable[Mapping[str, str | int]], folder: Path, key: str) -> Path:
    """Write the index of a data set, and say where.

    Args:
        rows: for each image the path of its ``file`` below ``$ISOTROPE_DATA`` and what else is to
            be known of it, such as ``split``, ``label`` or the path of its ``mask``.
        folder: of the data set.
        key: of the data set's settings.

    Raises:
        UserError: if a file is absent.
        ValueError: if there is no row.
    """
    found = [{**row, BYTES: _size(str(row[FILE]))} for row in rows]
    if not found:
        raise ValueError("an index needs at least one file")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    path = folder / f"{key}{paths.SOURCES_OF}"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def read_file_index(folder: Path, key: str) -> list[dict[str, str]]:
    """The rows of the index of a data set, in their order; ``bytes`` with the others."""
    text = (folder / f"{key}{paths.SOURCES_OF}").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def indexed_file(file: str) -> Path:
    """Where a file of an index lies; whether it is there is not looked at.

    Raises:
        UserError: if ``$ISOTROPE_DATA`` is not set.
    """
    root = local_root()
    if root is None:
        raise UserError(f"${VARIABLE} is not set, and {file} is looked for under it; set it")
    return root / file


def _size(file: str) -> int:
    path = indexed_file(file)
    try:
        return path.stat().st_size
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); restore the file, or set ${VARIABLE} to "
            "the folder that holds it"
        ) from error
