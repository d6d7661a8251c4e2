"""The index: every checked param-file in one JSON file, which is all that the Snakefile reads.

Checking param-files needs torch; planning must not. So the head process compares the stamps (time
and size) of param-files and plug-ins with those in ``out/index.json`` and, where they differ, has
``isotrope check --write-index`` write it anew. Its jobs only read it, so that what happens to a
param-file in the meantime is the affair of its own run, and of the next head.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import files, paths, registry
from isotrope.digests import with_local_files
from isotrope.errors import UserError, did_you_mean
from isotrope.local_data import absent_files, in_bulk, sizes
from isotrope.overlapping import overlapped
from isotrope.sources import unpinned

VERSION = 3
PLANNED = "ISOTROPE_PLANNED"  # set in the environment of the workflow's jobs


@dataclass(frozen=True)
class DatasetEntry:
    """A data set as built: what its rule needs to know."""

    name: str
    key: str
    settings: str  # key=value words for `isotrope build`
    digest: str
    local_files: list[str]  # below $ISOTROPE_DATA
    download_files: list[str] = field(default_factory=list)  # named in workflow/sources

    @property
    def manifest(self) -> str:
        """The rule's output that stands for the data set."""
        return paths.manifest(self.name, self.key).as_posix()

    @property
    def preview(self) -> str:
        """The picture that the same rule makes."""
        return paths.preview(self.name, self.key).as_posix()

    @property
    def downloads(self) -> list[str]:
        """The files that are fetched for it, outputs of a rule of their own."""
        return [paths.download(self.name, file).as_posix() for file in self.download_files]

    @property
    def made_from(self) -> str:
        """What its files depend on: its digest, and the user's files with their sizes."""
        found = [sizes(path) for path in self.local_files]
        return " ".join([self.digest, *(one for one in found if one)])

    @cached_property
    def missing_files(self) -> list[str]:
        """The user's files that are not there, and those to be fetched whose sums are unknown.

        Files in bulk are needed until the data set is built. They are looked for once.
        """
        built = Path(self.manifest).is_file()
        needed = [path for path in self.local_files if not (built and in_bulk(path))]
        return [*absent_files(needed), *unpinned(self.name, self.download_files)]


@dataclass(frozen=True)
class EvaluationEntry:
    """An evaluation of a point: ``dataset`` is a key of ``Index.datasets``."""

    name: str
    digest: str
    dataset: str


@dataclass(frozen=True)
class PointEntry:
    """A point of a run: what its rules need to know."""

    training_digest: str
    dataset: str  # a key of Index.datasets
    evaluations: dict[str, EvaluationEntry]  # by the name of the table
    parameters: dict[str, Any]

    @property
    def datasets(self) -> list[str]:
        """The data sets that it is trained and tested on, the training one first."""
        return list(dict.fromkeys([self.dataset, *(e.dataset for e in self.evaluations.values())]))


@dataclass(frozen=True)
class SelectEntry:
    """How a point is chosen, as ``envelope.Select`` describes it."""

    by: str
    statistic: str
    seeds: list[int]
    ties: str


@dataclass(frozen=True)
class RunEntry:
    """A run: what its rules need to know."""

    study: str
    series: str
    label: str
    source: str
    model: str
    dataset: str
    seeds: list[int]
    gpu: int
    cpus: int
    minutes: int
    megabytes: int
    seeds_per_job: int
    points: dict[str, PointEntry]
    select: SelectEntry | None = None

    @property
    def group(self) -> str:
        """Whose tables and figures it belongs to: the study's, or the demo's."""
        return "demo" if self.series == "demo" else self.study

    @property
    def tables(self) -> list[str]:
        """The evaluations of its points, by the names of their tables."""
        return sorted({table for point in self.points.values() for table in point.evaluations})

    @property
    def evaluated(self) -> list[str]:
        """The points whose packs are evaluated and stand in tables, as paths name them."""
        return [paths.SELECTED] if self.select else list(self.points)

    def behind(self, point: str) -> list[PointEntry]:
        """The point of that name; every candidate behind ``selected``; none if there is none."""
        if self.select and point == paths.SELECTED:
            return list(self.points.values())
        return [self.points[point]] if point in self.points else []

    def packs(self, point: str) -> dict[str, list[int]]:
        """The packs of a point, with the seeds of each; a candidate has those of the choice."""
        return self._packs_of_choice if point != paths.SELECTED else self._packs

    @cached_property
    def _packs(self) -> dict[str, list[int]]:
        return blocks_of(self.seeds, self.seeds_per_job)

    @cached_property
    def _packs_of_choice(self) -> dict[str, list[int]]:
        seeds = self.select.seeds if self.select else self.seeds
        return blocks_of(seeds, self.seeds_per_job)


def blocks_of(seeds: list[int], seeds_per_job: int) -> dict[str, list[int]]:
    """The blocks 1-n, (n+1)-2n, ... of the fixed grid that hold seeds, each with its seeds."""
    packs: dict[str, list[int]] = {}
    for seed in seeds:
        first = (seed - 1) // seeds_per_job * seeds_per_job + 1
        packs.setdefault(f"{first}-{first + seeds_per_job - 1}", []).append(seed)
    return packs


@dataclass(frozen=True)
class Index:
    """All runs and the data sets that they need."""

    runs: dict[str, RunEntry]
    datasets: dict[str, DatasetEntry]

    def waiting_for(self, run: str) -> list[str]:
        """The user's files without which the run cannot be made."""
        entry = self.runs[run]
        needed = {key for point in entry.points.values() for key in point.datasets}
        return sorted({f for key in needed for f in self.datasets[key].missing_files})

    def digests(self, run: str) -> dict[str, str]:
        """The training digest of each point of a run, with the sums of the user's files.

        Raises:
            UserError: if the manifest of a data set is damaged.
        """
        found = {}
        for name, point in self.runs[run].points.items():
            manifest = Path(self.datasets[point.dataset].manifest)
            known = [manifest] if manifest.is_file() else []
            found[name] = with_local_files(point.training_digest, *known)
        return found

    def run(self, name: str) -> RunEntry:
        """The run of that name.

        Raises:
            UserError: if there is none.
        """
        if name not in self.runs:
            hint = did_you_mean(name, self.runs)
            raise UserError(f"{paths.PARAM_FILES}/{name}.yaml: no such param-file{hint}")
        return self.runs[name]


def stamps(root: Path = paths.PARAM_FILES) -> dict[str, list[int]]:
    """Time and size of everything that the index is made of."""
    found = root.rglob("*.y*ml") if root.is_dir() else ()
    named = {path.as_posix(): path for path in found if not path.name.startswith(".")}
    for kind in (".", "data", "models", "evaluation", "training"):
        for path in (registry.PACKAGE / kind).glob("*.py"):
            named[f"isotrope/{kind}/{path.name}"] = path
    names = sorted(named)
    stamped = overlapped(_stamp, [named[name] for name in names])
    return dict(zip(names, stamped, strict=True))


def _stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:  # gone since it was listed, or a link to nowhere: the check says which
        return [0, 0]
    return [found.st_mtime_ns, found.st_size]


def write(index: Index, stamped: dict[str, list[int]], path: Path = paths.INDEX) -> None:
    """Write the index; ``stamped`` was taken before the param-files were read."""
    content = {"version": VERSION, "stamps": stamped, **asdict(index)}
    files.write_whole(path, json.dumps(content, indent=1))


def read(path: Path = paths.INDEX) -> tuple[Index, dict[str, list[int]]] | None:
    """The index and its stamps, or None where there is none that this version can read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            return None
        runs = {name: _run(run) for name, run in content["runs"].items()}
        datasets = {key: DatasetEntry(**one) for key, one in content["datasets"].items()}
        stamped: dict[str, list[int]] = content["stamps"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Index(runs, datasets), stamped


def _run(raw: dict[str, Any]) -> RunEntry:
    points = {name: _point(point) for name, point in raw["points"].items()}
    select = SelectEntry(**raw["select"]) if raw["select"] else None
    return RunEntry(**{**raw, "points": points, "select": select})


def _point(raw: dict[str, Any]) -> PointEntry:
    evaluations = {table: EvaluationEntry(**one) for table, one in raw["evaluations"].items()}
    return PointEntry(**{**raw, "evaluations": evaluations})


def current(stamped: dict[str, list[int]] | None = None) -> Index:
    """The index as the files are now; it is made anew in a process of its own where they changed.

    In a job of the workflow it is the index as it was when the job was planned.

    Args:
        stamped: the stamps of now, if they are known.

    Raises:
        UserError: with every mistake of every param-file.
    """
    if in_job():
        return as_written()
    known = read()
    if known is not None and known[1] == (stamps() if stamped is None else stamped):
        return known[0]
    command = [sys.executable, "-m", "isotrope.cli", "check", "--write-index", "--quiet"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 2:
        raise UserError(*done.stderr.splitlines())
    if done.returncode != 0:
        raise RuntimeError(f"`isotrope check` failed:\n{done.stderr}")
    known = read()
    if known is None:
        raise UserError(f"{paths.INDEX}: could not be written or read back; is the disk full?")
    return known[0]


def in_job() -> bool:
    """Whether Snakemake planned what this process does."""
    return bool(os.environ.get(PLANNED))


def as_written() -> Index:
    """The index as the head process wrote it, whatever the files are now: for jobs.

    Raises:
        UserError: if there is none.
    """
    known = read()
    if known is None:
        raise UserError(f"{paths.INDEX} is absent or damaged; start snakemake on the head node")
    return known[0]
