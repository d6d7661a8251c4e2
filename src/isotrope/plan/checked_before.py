"""What is remembered of the checks of param-files, in ``out/checked.json``."""

from dataclasses import dataclass, field
from typing import Any

from isotrope import paths
from isotrope.files import disk, json_files, regular
from isotrope.params.param_file import Tables
from isotrope.params.trials import Trial
from isotrope.plan.code_digests import Source
from isotrope.plan.index import DatasetEntry, RunEntry
from isotrope.plan.index_file import run_entry


@dataclass(frozen=True)
class Remembered:
    """What the check of a param-file found, and what that depends on.

    Args:
        text: the checksum of its text.
        values: the checksum of its values.
        used: what was looked at: plug-ins as kind and name, and files.
        used_digest: a digest of all that.
        run_digest: a digest of all code that an import of the plug-ins runs.
        outline: the same without what their settings do not depend on; empty where the last check
            found mistakes since.
        run: its entry in the index.
        datasets: the data sets that it needs, by their keys in the index.
        tables: what it has tables of.
        untried: whether it is left open if its networks can be built.
        content: its values.
    """

    text: str
    values: str
    used: dict[str, list[Any]]
    used_digest: str
    run_digest: str
    outline: str
    run: RunEntry
    datasets: dict[str, DatasetEntry]
    tables: Tables
    untried: bool = False
    content: Any = None


@dataclass
class Memory:
    """What is known of earlier checks.

    Args:
        core: a digest of the code that checks.
        files: what was found, by the paths of param-files.
        sources: what was read of sources, by their checksums.
        reading: a digest of the code that reads sources and param-files.
        trials: what was found out of networks by building them.
    """

    core: str = ""
    files: dict[str, Remembered] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    reading: str = ""
    trials: dict[str, Trial] = field(default_factory=dict)


def read_memory() -> Memory:
    """What is remembered of the last check; nothing if there was none, or it cannot be read."""
    try:
        raw = json_files.parse_sealed_text(regular.read_text(paths.CHECKED))
        files = {path: _remembered(one) for path, one in raw["files"].items()}
        sources = {checksum: Source(*one) for checksum, one in raw["sources"].items()}
        tried = {key: Trial(*one) for key, one in raw["trials"].items()}
        return Memory(raw["core"], files, sources, raw["reading"], tried)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory()


def _remembered(raw: dict[str, Any]) -> Remembered:
    datasets = {key: DatasetEntry(**one) for key, one in raw["datasets"].items()}
    parts = {"run": run_entry(raw["run"]), "datasets": datasets, "tables": Tables(**raw["tables"])}
    return Remembered(**{**raw, **parts})


def write_memory(memory: Memory) -> None:
    """Remember it for the next check.

    Raises:
        UserError: if it cannot be written.
    """
    disk.write_whole(paths.CHECKED, json_files.sealed_text(vars(memory)))
