"""The manifest of a built data set: its files with sizes and checksums, and what it was built from.

A manifest is written last, so that its existence says that the data set was built whole; reading
compares the files with it, so that one that was cut short or altered since is named, not used. It
holds a checksum of its own content; an older one without it must list the files beside it.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from isotrope import paths
from isotrope.datasets.local_data import VARIABLE, local_file, local_root
from isotrope.digests import not_built
from isotrope.errors import UserError
from isotrope.files import json_files, regular
from isotrope.settings import Settings


class DataFile(Settings):
    """A file of a data set: ``path`` is relative to ``root``, ``size`` is in bytes."""

    path: str
    root: Literal["folder", "ISOTROPE_DATA", "downloads"]
    size: int
    sha256: str


class Manifest(Settings):
    """What a built data set consists of; ``images`` counts them per split."""

    dataset: str
    settings: dict[str, Any]
    revision: int
    digest: str
    files: list[DataFile]
    image_shape: tuple[int, int, int]
    classes: int
    images: dict[str, int]
    versions: dict[str, str]


def _sha256(path: Path) -> str:
    with regular.open_bytes(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _known_sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 (they tell versions)
    """The checksum of a file, taken once per process unless its size or time changes."""
    return _sha256(path)


def describe(path: Path, folder: Path) -> DataFile:
    """A file in the data set's folder, a download or one of the user's, as the manifest lists it.

    Raises:
        ValueError: if it lies elsewhere.
    """
    root = local_root()
    size, sha256 = path.stat().st_size, _sha256(path)
    if path.is_relative_to(folder):
        inside = path.relative_to(folder).as_posix()
        return DataFile(path=inside, root="folder", size=size, sha256=sha256)
    if path.is_relative_to(paths.DOWNLOADS):
        inside = path.relative_to(paths.DOWNLOADS).as_posix()
        return DataFile(path=inside, root="downloads", size=size, sha256=sha256)
    if root is not None and path.is_relative_to(root):
        inside = path.relative_to(root).as_posix()
        return DataFile(path=inside, root="ISOTROPE_DATA", size=size, sha256=sha256)
    raise ValueError(f"a data set's files lie in its folder or under ${VARIABLE}, not at {path}")


def rebuild(manifest: Path) -> str:
    """The end of a message about a data set that has to be built again."""
    return f"run `snakemake --force {manifest}` to build the data set again"


def read_manifest(path: Path) -> Manifest:
    """The manifest of a built data set.

    Raises:
        UserError: if there is none, or it is not whole.
    """
    if not path.is_file():
        raise not_built(path)
    try:
        content = json_files.parse_object(regular.read_bytes(path))
        is_sealed = json_files.is_sealed(content)
        content.pop(json_files.CHECKSUM, None)
        found = Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise UserError(f"{path}: not a whole manifest ({reason}); {rebuild(path)}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a whole manifest ({error}); {rebuild(path)}") from error
    if not is_sealed and (unlisted := _unlisted(found, path)):
        raise UserError(f"{path}: does not list {unlisted} beside it; {rebuild(path)}")
    return found


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest with its checksum."""
    content = json_files.sealed(manifest.model_dump(mode="json"))
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _unlisted(manifest: Manifest, path: Path) -> str:
    """The first file of a data set that its manifest does not list; empty if it lists all."""
    key = path.name.removesuffix(paths.manifest("", "").name)
    listed = {file.path for file in manifest.files if file.root == "folder"}
    made = (f"{key}.npz", f"{key}{paths.SOURCES_OF}")
    return next((one for one in made if (path.parent / one).exists() and one not in listed), "")


def path_of(file: DataFile, manifest: Path) -> Path:
    """Where a file that a manifest lists lies.

    Raises:
        UserError: if it should lie under ``$ISOTROPE_DATA`` and does not.
    """
    if file.root == "folder":
        return manifest.parent / file.path
    return paths.DOWNLOADS / file.path if file.root == "downloads" else local_file(file.path)


def verify(file: DataFile, manifest: Path) -> None:
    """Compare a file with its entry in the manifest.

    Raises:
        UserError: if the file is absent, or its size or checksum is another.
    """
    path, remedy = path_of(file, manifest), rebuild(manifest)
    if file.root == "ISOTROPE_DATA":
        remedy = f"restore the file, or {remedy} from what is there now"
    elif not path.exists():
        raise UserError(f"{path}: no such file, though {manifest.name} lists it; {remedy}")
    if not path.is_file():
        raise UserError(f"{path}: is no file; {remedy}")
    found = path.stat()
    if found.st_size != file.size:
        raise UserError(
            f"{path}: cut short or replaced: it has {found.st_size} bytes where {manifest.name} "
            f"lists {file.size}; {remedy}"
        )
    sha256 = _known_sha256(path.resolve(), found.st_size, found.st_mtime_ns)
    if sha256 != file.sha256:
        raise UserError(
            f"{path}: altered: its sha256 begins {sha256[:16]} where {manifest.name} lists "
            f"{file.sha256[:16]}; {remedy}"
        )
