"""The param-files that there are: where they may lie, what they may be called, and their bytes.

A param-file is a file, or a link to one that may lie anywhere; its name is that of the link. Links
to folders are not followed, and named. Nothing but files is read: a named pipe would wait for
ever, and a device has no end.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import regular

LARGEST = 100_000  # bytes of a param-file
LONGEST_RUN = 90  # letters of a run's name: SLURM's plug-in joins all names of a job to one of 255
_SHAPE = "<model>/<dataset>/<variant>.yaml"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def first_line(model: str, dataset: str) -> str:
    """The comment that names the schema for an editor: where a plug-in is the user's, theirs.

    Raises:
        UserError: if there is no such model or data set, or two.
    """
    named = (registry.source("models", model), registry.source("data", dataset))
    mine = any(path.is_relative_to(registry.USERS) for path in named)
    schema = paths.SCHEMA_WITH_PLUGINS if mine else paths.SCHEMA
    return f"# yaml-language-server: $schema=../../../{schema.as_posix()}"


def find(root: Path = paths.PARAM_FILES) -> dict[Path, str]:
    """Every param-file below ``root``, with a sentence if its name is wrong, else an empty text.

    A link to a folder, and a folder that cannot be listed, have a sentence of their own.
    """
    files: dict[Path, str] = {}
    seen: dict[str, Path] = {}
    for path, wrong in sorted(_listed(root)):
        if wrong:
            files[path] = wrong
            continue
        first = seen.setdefault(str(path.with_suffix("")).lower(), path)
        if first != path:
            files[path] = (
                f"{path}: its name differs from {first} in case or ending only; rename one"
            )
        elif path.suffix != ".yaml":
            files[path] = f"{path}: the name of a param-file ends in .yaml; rename it"
        else:
            files[path] = ""
    return files


def _listed(root: Path) -> Iterator[tuple[Path, str]]:
    """What lies below ``root`` and is called like a param-file, and what hides some; nothing twice.

    What is hidden itself is passed over: an editor's copy.
    """
    closed: list[OSError] = []
    for above, folders, files in os.walk(root, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (path := Path(above, name)).is_symlink():
                yield path, _linked(path)
        for name in (*folders, *files):
            path = Path(above, name)
            called = path.suffix.lower() in (".yaml", ".yml") and not name.startswith(".")
            if called and not (name in folders and path.is_symlink()):
                yield path, ""
    for error in closed:
        path = Path(os.fsdecode(error.filename))
        yield path, f"{path}: cannot be listed: {error.strerror}"


def _linked(folder: Path) -> str:
    return f"{folder}: a link to a folder; make it a folder, and link the param-files in it"


def name_of(path: Path, root: Path = paths.PARAM_FILES) -> str:
    """The name of the run whose param-file, or the link to it, lies at ``path``.

    Raises:
        UserError: if it does not lie below ``root``.
    """
    # links above the project may be followed, that of a param-file says nothing of its name
    followed = os.path.realpath(path.parent), os.path.realpath(root)
    written = os.path.normpath(path.parent.absolute()), os.path.normpath(root.absolute())
    for place, top in (written, followed):
        if Path(place).is_relative_to(top) and path.name not in ("", ".."):
            return (Path(place).relative_to(top) / path.name).with_suffix("").as_posix()
    raise UserError(f"{path}: a param-file lies at {root}/{_SHAPE}")


def place_mistake(path: Path, root: Path = paths.PARAM_FILES) -> str | None:
    """What is wrong with the place or the name of a param-file, if anything."""
    try:
        name = name_of(path, root)
    except UserError as error:
        return error.sentences[0]
    parts = name.split("/")
    if len(parts) != 3 or path.suffix != ".yaml":
        return f"{path}: a param-file lies at {root}/{_SHAPE}; move it"
    for part in parts:
        if not _PART.fullmatch(part):
            return f"{path}: '{part}' in its path; use letters, digits, '_', '-' and '.' only"
    if len(name) > LONGEST_RUN:
        return f"{path}: {len(name)} letters; a run's name has {LONGEST_RUN} at most, shorten it"
    linked = (root / parts[0], root / parts[0] / parts[1])
    return next((_linked(folder) for folder in linked if folder.is_symlink()), None)


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a file, which may have ``largest`` bytes.

    Raises:
        UserError: if it is no file, cannot be read, or is too large.
    """
    try:
        if kind := regular.kind_of(path.stat().st_mode):
            raise UserError(f"{path}: {kind}, not a file; move it away")
        with regular.open_bytes(path) as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > largest:
        raise UserError(f"{path}: over {largest} bytes; a param-file is a page of text")
    return content


def read_text(path: Path) -> str:
    """The text of a param-file.

    Raises:
        UserError: if it is no file, cannot be read, is too large, or is not UTF-8.
    """
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error
