"""The data sets that runs need: whether they are there, and what of them is in digests."""

from dataclasses import dataclass, replace
from pathlib import Path

from isotrope import paths
from isotrope.digests import local_sums
from isotrope.errors import UserError
from isotrope.plan.index import DatasetEntry
from isotrope.status.logs import last_word


@dataclass(frozen=True)
class DatasetStatus:
    """A data set as it is.

    Args:
        missing: the user's files that it cannot be made without.
        sums: the checksums of the user's files that it was made from.
        trouble: why it cannot be made or read, in a sentence; empty if nothing is known.
        log: the log that says so.
    """

    missing: list[str]
    sums: list[str]
    trouble: str = ""
    log: str | None = None


def status_of(entry: DatasetEntry) -> DatasetStatus:
    """Look at the files of a data set: its manifest, and the logs of what failed to make it."""
    missing = replace(entry).missing_files  # an entry keeps what it once found
    manifest = Path(entry.manifest)
    try:
        return DatasetStatus(missing, local_sums(manifest))
    except UserError as error:
        if manifest.is_file():
            return DatasetStatus(missing, [], error.sentences[0])
    for made, log, what in _steps(entry):
        word = None if made.is_file() else last_word(log)
        if word is not None and word.is_error:
            return DatasetStatus(missing, [], f"{what}: {word.line}", log.as_posix())
    return DatasetStatus(missing, [])


def _steps(entry: DatasetEntry) -> list[tuple[Path, Path, str]]:
    """What is made before the manifest and with it: the file, the log of its rule, and a name."""
    fetched = [Path(path) for path in entry.downloads]
    manifest = Path(entry.manifest)
    log = paths.data_folder(entry.name) / f"{entry.key}.log"
    return [
        *(
            (file, file.with_name(f"{file.name}.log"), f"download of {file.name}")
            for file in fetched
        ),
        (manifest, log, f"data set {entry.name}/{entry.key}"),
    ]
