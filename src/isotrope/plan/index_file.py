"""The index as a file: every checked param-file in one JSON, which is all that the Snakefile reads.

Checking param-files needs torch; planning must not. So the head process compares the stamps (time
and size) of param-files and plug-ins with those in ``out/index.json`` and, where they differ, has
``isotrope check --write-index`` write it anew. Its jobs only read it, so that what happens to a
param-file in the meantime is the affair of its own run, and of the next head.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.console.printing import complain
from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.files.overlapping import overlapped
from isotrope.params.param_folder import find
from isotrope.plan.index import (
    DatasetEntry,
    EvaluationEntry,
    Index,
    JobEntry,
    OtherEntry,
    PointEntry,
    RunEntry,
    SelectEntry,
    StartEntry,
)

VERSION = 10
_ROOMS = (
    *("params", "datasets", "plan", "training"),
    *("data", "augmentation", "layers", "models", "features", "attacks", "evaluation"),
)
CHECKING = "checking param-files"  # begins the lines that say how far a check is
PLANNED = "ISOTROPE_PLANNED"  # set in the environment of the workflow's jobs


def stamps(root: Path = paths.PARAM_FILES) -> dict[str, list[int]]:
    """Time and size of everything that the index is made of."""
    named = {path.as_posix(): path for path in find(root)}
    for kind in (".", *_ROOMS):
        for path in (registry.PACKAGE / kind).glob("*.py"):
            named[f"isotrope/{kind}/{path.name}"] = path
    for path in (registry.PACKAGE / "studies").glob("*/cells.py"):
        named[f"isotrope/studies/{path.parent.name}/{path.name}"] = path
    named |= {path.as_posix(): path for path in registry.USERS.rglob("*.py")}
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
    content = {"version": VERSION, "stamps": stamped, **vars(index)}
    disk.write_whole(path, json_files.sealed_text(content))


def read(path: Path = paths.INDEX) -> tuple[Index, dict[str, list[int]]] | None:
    """The index and its stamps, or None where there is none that this version can read."""
    try:
        content = json_files.parse_sealed_text(regular.read_text(path))
        if content["version"] != VERSION:
            return None
        runs = {name: run_entry(run) for name, run in content["runs"].items()}
        datasets = {key: DatasetEntry(**one) for key, one in content["datasets"].items()}
        stamped: dict[str, list[int]] = content["stamps"]
        code: dict[str, str] = content["code"]
        mistakes = {path: [*map(str, said)] for path, said in content["mistakes"].items()}
        claims = {path: (str(study), str(one)) for path, (study, one) in content["claims"].items()}
        earlier = {name: run_entry(run) for name, run in content["earlier"].items()}
        studies, untried = ([*map(str, content[one])] for one in ("studies", "untried"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Index(runs, datasets, code, mistakes, earlier, claims, studies, untried), stamped


def run_entry(raw: dict[str, Any]) -> RunEntry:
    """A run's entry from plain values."""
    points = {name: _point(point) for name, point in raw["points"].items()}
    select = SelectEntry(**raw["select"]) if raw["select"] else None
    return RunEntry(**{**raw, "points": points, "select": select})


def _point(raw: dict[str, Any]) -> PointEntry:
    evaluations = {table: _evaluation(one) for table, one in raw["evaluations"].items()}
    start = StartEntry(**raw["start"]) if raw["start"] else None
    return PointEntry(**{**raw, "evaluations": evaluations, "start": start})


def _evaluation(raw: dict[str, Any]) -> EvaluationEntry:
    job = JobEntry(**raw["job"]) if raw["job"] else None
    against = OtherEntry(**raw["against"]) if raw["against"] else None
    return EvaluationEntry(**{**raw, "job": job, "against": against})


def current(
    stamped: dict[str, list[int]] | None = None,
    asks: Callable[[Index], Iterable[str]] | None = None,
) -> Index:
    """The index as the files are now; it is made anew in a process of its own where they changed.

    Runs whose param-file has mistakes are left out; ``Index.mistakes`` says which these are. In a
    job of the workflow it is the index as it was when the job was planned.

    Args:
        stamped: the stamps of now, if they are known.
        asks: the runs in an index that are asked for. Where code alone changed, only their networks
            and those of the runs that they need are built anew, and others are ``Index.untried``;
            all are without it, none with ``only_look``.

    Raises:
        UserError: if there are no param-files, or two plug-ins of one name.
    """
    if in_job():
        return as_written()
    known = read()
    stamped = stamps() if stamped is None else stamped
    names: set[str] | None = None
    if known is not None:
        names = _asked(known[0], asks)
        if known[1] == stamped and _is_whole(known[0]) and _is_built(known[0], names):
            return known[0]
    index = _made_anew(stamped, names)
    if not _is_built(index, _asked(index, asks)):
        index = _made_anew(stamped, None)
    return index


def only_look(index: Index) -> list[str]:
    """Whose networks are built for who starts nothing: nobody's, if only code changed."""
    del index
    return []


def leaves_open(stamped: dict[str, list[int]]) -> bool:
    """Whether the index that was written for files as they are now has runs that are untried."""
    known = read()
    return known is not None and known[1] == stamped and bool(known[0].untried)


def _asked(index: Index, asks: Callable[[Index], Iterable[str]] | None) -> set[str] | None:
    """The runs that must be built; None for all."""
    try:
        return None if asks is None else index.needed_by(asks(index.with_earlier()))
    except UserError:  # it is said once the index is as the files are
        return None


def _is_built(index: Index, names: set[str] | None) -> bool:
    """Whether the networks of runs can be built, as far as that was asked."""
    return not index.untried or (names is not None and names.isdisjoint(index.untried))


def _made_anew(stamped: dict[str, list[int]], names: set[str] | None) -> Index:
    status, said = _checked(names)
    if status not in (0, 2):
        raise RuntimeError("\n".join(("`isotrope check` failed:", *said)))
    known = read()
    written = (
        known is not None and known[1] == stamped and bool(known[0].mistakes or known[0].studies)
    )
    if status == 2 and not written:
        raise UserError(*said)
    if known is None:
        raise UserError(f"{paths.INDEX}: could not be written or read back; is the disk full?")
    return known[0]


def _checked(names: set[str] | None) -> tuple[int, list[str]]:
    """Have the index written in a process of its own: its exit status, and what it complained of.

    Args:
        names: the runs whose networks are built where code alone changed; None for all.

    How far it is is said here, where it takes long and somebody waits at a terminal.
    """
    command = [sys.executable, "-m", "isotrope.cli", "check", "--write-index", "--quiet"]
    command += [] if names is None else ["--built", " ".join(sorted(names))]
    command += ["--relayed"] if sys.stderr.isatty() else []
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as checking:
        for line in checking.stderr or ():
            if line.startswith(CHECKING):
                complain(line.rstrip())
            else:
                said.append(line.rstrip("\n"))
    return checking.returncode, said


def _is_whole(index: Index) -> bool:
    """Whether nothing is left out that may be there without a change of a file that is stamped.

    The package that a broken plug-in lacks may have been installed since, or a file made readable.
    """
    found = index.mistakes or index.studies
    return not found and not any(run.broken for run in index.runs.values())


def in_job() -> bool:
    """Whether Snakemake planned what this process does."""
    return bool(os.environ.get(PLANNED))


def as_written() -> Index:
    """The index as the head process wrote it, whatever the files are now: for jobs.

    It has the runs whose param-file got a mistake meanwhile, which the head may have planned.

    Raises:
        UserError: if there is none.
    """
    known = read()
    if known is None:
        raise UserError(f"{paths.INDEX} is absent or damaged; start snakemake on the head node")
    return known[0].with_earlier()
