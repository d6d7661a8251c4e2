"""Files that the user has, in the folder that ``$ISOTROPE_DATA`` names. They are only read."""

import os
from pathlib import Path

from isotrope.errors import UserError

VARIABLE = "ISOTROPE_DATA"


def local_root() -> Path | None:
    """The folder that ``$ISOTROPE_DATA`` names, or None if it is not set."""
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def local_file(path: str) -> Path:
    """A file by its path below ``$ISOTROPE_DATA``.

    Raises:
        UserError: if the variable is not set, or the file is not there.
    """
    root = local_root()
    if root is None:
        raise UserError(
            f"${VARIABLE} is not set, and {path} is looked for under it; "
            f"set it to the folder that holds {path}"
        )
    if not (root / path).is_file():
        raise UserError(
            f"{root / path}: no such file; {path} is looked for under ${VARIABLE}, "
            f"which is {root}; put it there"
        )
    return root / path


def absent_files(needed: list[str]) -> list[str]:
    """Which of these paths below ``$ISOTROPE_DATA`` are no files; all, without the variable."""
    root = local_root()
    return [path for path in needed if root is None or not (root / path).is_file()]
