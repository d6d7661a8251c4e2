"""Files that the user has, in the folder that ``$ISOTROPE_DATA`` names. They are only read.

A path below that folder may be a pattern, ``mnist/train-images-idx3-ubyte*`` for a file that may be
packed, ``dota/train/labelTxt*/*.txt`` for a folder of files: it is there if anything matches.
"""

import os
from pathlib import Path

from isotrope.errors import UserError

VARIABLE = "ISOTROPE_DATA"


def local_root() -> Path | None:
    """The folder that ``$ISOTROPE_DATA`` names, or None if it is not set."""
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def local_file(path: str) -> Path:
    """A file by its path below ``$ISOTROPE_DATA``; of several that match, the first by name.

    Raises:
        UserError: if the variable is not set, or the file is not there.
    """
    root = local_root()
    if root is None:
        raise UserError(
            f"${VARIABLE} is not set, and {path} is looked for under it; "
            f"set it to the folder that holds {path}"
        )
    found = matching_files(path)
    if not found:
        raise UserError(
            f"{root / path}: no such file; {path} is looked for under ${VARIABLE}, "
            f"which is {root}; put it there"
        )
    return found[0]


def matching_files(path: str) -> list[Path]:
    """The files that a path or pattern below ``$ISOTROPE_DATA`` means, sorted by name."""
    root = local_root()
    return sorted(one for one in root.glob(path) if one.is_file()) if root else []


def sizes(path: str) -> str:
    """What a rule watches of a path or pattern: file and bytes, or how many files and bytes."""
    found = [(one, one.stat().st_size) for one in matching_files(path)]
    if not found or "*" not in path:
        return " ".join(f"{one}:{size}" for one, size in found)
    return f"{path}:{len(found)} files:{sum(size for _, size in found)}"


def absent_files(needed: list[str]) -> list[str]:
    """Which of these paths below ``$ISOTROPE_DATA`` are no files; all, without the variable."""
    root = local_root()
    return [
        path for path in needed if root is None or not any(one.is_file() for one in root.glob(path))
    ]
