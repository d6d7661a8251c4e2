"""Where the files of a data set are to be had: ``workflow/sources/<data set>.yaml``.

Nothing is downloaded whose size and checksum are not *pinned* there, and nothing is read that
differs from its pin. Of files in a record of Zenodo these are published with the record only:
``isotrope pin`` asks for them once, and they are committed. Those of other files are written by
hand, and no record is named.

A data set may be made from the files of another one: it names them ``<data set>/<file>``.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationInfo, field_validator

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.files import regular
from isotrope.files.disk import write_whole
from isotrope.mistakes import complaints_of, dotted
from isotrope.settings import Settings

FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
HEADER = """\
# Where the files of {name} are to be had. Written by `isotrope pin {name}`; commit what it writes.
# Files are those of the newest version of the Zenodo record; each is fetched from its urls, then
# from mirrors, which are folders on the web: add yours, they are kept.
"""


class PinnedFile(Settings):
    """A file as it must be: ``size`` is in bytes; ``urls`` are tried in order."""

    size: int = Field(gt=0)
    md5: str = Field(pattern=r"^[0-9a-f]{32}$")
    urls: list[str] = Field(min_length=1)


class Sources(Settings):
    """The record of a data set, if it has one, and its files as they were pinned.

    Args:
        zenodo: number of the record, of any version; None where the files are from elsewhere.
        version: number of the version whose files are pinned; 0 if none is.
        mirrors: folders on the web that hold the files, too.
        files: by name.
    """

    zenodo: int | None = None
    version: int = 0
    mirrors: list[str] = Field(default_factory=list)
    files: dict[FileName, PinnedFile] = Field(default_factory=dict, validate_default=True)

    @field_validator("files")
    @classmethod
    def _they_are_from_somewhere(
        cls, files: dict[str, PinnedFile], info: ValidationInfo
    ) -> dict[str, PinnedFile]:
        if info.data.get("zenodo") is None and not files:
            raise ValueError("must be listed where no record of Zenodo is named")
        return files


def read(dataset: str) -> Sources:
    """The sources of a data set.

    Raises:
        UserError: if there are none, or their file is of another layout.
    """
    path = paths.sources(dataset)
    try:
        return _parsed(path, regular.read_text(path))
    except FileNotFoundError as error:
        known = [one.stem for one in paths.SOURCES.glob("*.yaml")]
        raise UserError(
            f"{path}: no such file: nothing is downloaded for {dataset}"
            f"{did_you_mean(dataset, known)}"
        ) from error


@lru_cache(maxsize=16)
def _parsed(path: Path, text: str) -> Sources:
    """What a file of sources says; planning asks once for each run."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML ({error}); restore the file") from error
    found, complaints = complaints_of(Sources, raw if isinstance(raw, dict) else {})
    if found is None:
        raise UserError(*(f"{path}: {dotted(where)}{what}" for where, what in complaints))
    return found


def write(dataset: str, sources: Sources) -> Path:
    """Write the sources of a data set."""
    path = paths.sources(dataset)
    text = yaml.safe_dump(sources.model_dump(), sort_keys=False, width=1000)
    write_whole(path, HEADER.format(name=dataset) + text)
    return path


def pinned(dataset: str, file: str) -> PinnedFile:
    """A file as it must be; its urls include the mirrors'.

    Raises:
        UserError: if it is not pinned.
    """
    sources = read(dataset)
    if not sources.files:
        raise UserError(
            f"{paths.sources(dataset)}: size and checksum of {file} are not known yet; run "
            f"`isotrope pin {dataset}`, which asks Zenodo for them, and commit what it writes"
        )
    if file not in sources.files:
        raise UserError(
            f"{paths.sources(dataset)}: has no file {file}{did_you_mean(file, sources.files)}"
        )
    entry = sources.files[file]
    mirrored = [f"{mirror.rstrip('/')}/{file}" for mirror in sources.mirrors]
    return entry.model_copy(update={"urls": [*entry.urls, *mirrored]})


def unpinned(dataset: str, files: list[str]) -> list[str]:
    """Of files to be fetched those that are not pinned, by the paths where they shall lie."""
    lying = [paths.download(dataset, file) for file in files]
    return [one.as_posix() for one in lying if one.name not in read(one.parent.name).files]


def checksum(path: str) -> str:
    """What a downloaded file must be, for whoever asks for it by its path: its size and md5.

    Raises:
        UserError: if it is not pinned.
    """
    dataset, file = path.split("/")[-2:]
    entry = pinned(dataset, file)
    return f"{entry.size} {entry.md5}"


def difference(path: Path, entry: PinnedFile) -> str:
    """In what a file differs from its pin, in words; empty if in nothing."""
    size = path.stat().st_size
    if size != entry.size:
        return f"it has {size} bytes, not {entry.size}"
    with regular.open_bytes(path) as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "" if md5 == entry.md5 else f"its md5 is {md5}, not {entry.md5}"


def check(dataset: str, file: str) -> Path:
    """A downloaded file, compared with its pin.

    Raises:
        UserError: if it is not there, not pinned, or another.
    """
    path, entry = paths.download(dataset, file), pinned(dataset, file)
    if not path.is_file():
        raise UserError(f"{path}: not downloaded yet; run `isotrope download {dataset} {file}`")
    if found := difference(path, entry):
        raise UserError(
            f"{path}: cut short or altered: {found}; delete it and run "
            f"`isotrope download {dataset} {file}`"
        )
    return path
