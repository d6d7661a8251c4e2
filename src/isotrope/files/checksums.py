"""Checksums of files that have no place for one: tables with their arrays, and files of figures.

That of ``GROUP/NAME`` lies in ``.sums/GROUP`` beside the folder. A file without one, made by hand,
copied from elsewhere or written by an earlier version, is taken as it is.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular

FIGURE_FILES = (".svg", ".pdf", ".csv", ".tex", ".gif", ".mp4")


def path_of(path: Path) -> Path:
    """The file that holds the checksum of another."""
    folder = path.parent
    return folder.parent / ".sums" / folder.name / f"{path.name}.json"


def write(path: Path, content: bytes) -> None:
    """Write the checksum of a file with this content.

    Raises:
        UserError: if it cannot be written.
    """
    disk.write_whole(path_of(path), json.dumps(disk.checksum(content)) + "\n")


def is_as_written(path: Path, content: bytes) -> bool:
    """Whether a file has the content that its checksum stands for, or has no checksum."""
    try:
        return bool(json_files.parse(regular.read_bytes(path_of(path))) == disk.checksum(content))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False


def check_table(path: Path, content: bytes) -> None:
    """Compare a collected table, or the arrays beside one, with its checksum.

    Raises:
        UserError: if it was altered.
    """
    if not is_as_written(path, content):
        target = "tables" if path.suffix == ".csv" else "figures"
        raise UserError(
            f"{path} was altered since it was collected; delete it and run `snakemake {target}`, "
            f"or delete {path_of(path)} if you put it there yourself"
        )


def altered_figures(files: Iterable[Path]) -> dict[Path, str]:
    """Those of some files of figures that were altered since they were drawn, each with a sentence.

    A file that cannot be read is none of them.
    """
    found = {}
    for path in files:
        try:
            check_figure(path, regular.read_bytes(path))
        except UserError as error:
            found[path] = error.sentences[0]
        except OSError:
            continue
    return found


def check_figure(path: Path, content: bytes) -> None:
    """Compare a file of a figure, as ``out/figures/GROUP/NAME.csv``, with its checksum.

    Raises:
        UserError: if it was altered.
    """
    if not is_as_written(path, content):
        name = path.name.partition(".")[0]
        raise UserError(
            f"{path} was altered since it was drawn; run `isotrope draw {name} --group "
            f"{path.parent.name}` to draw it again, or delete {path_of(path)} if you put it there "
            "yourself"
        )
