"""Writes the seeds of the runs that are asked for into a tracker, and says what is there now.

MLflow keeps the figures of their groups, too, as far as they are drawn.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from filelock import FileLock, Timeout

from isotrope import paths
from isotrope.console.terminal import with_progress
from isotrope.errors import UserError, did_you_mean
from isotrope.files import checksums, disk
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.plan.selection import Selection
from isotrope.processes.programs import command_to_install
from isotrope.tracking.seeds import TrackedSeed, packs_of, read_pack

TRACKERS = ("mlflow", "tensorboard")
LEFT_DELETED = "left deleted"
OUTCOMES = ("new", "brought up to date", "as before", LEFT_DELETED)


class Writer(Protocol):
    """Writes seeds; ``look`` is the command that shows them."""

    look: str

    def put(self, seed: TrackedSeed) -> tuple[str, dict[str, Any]]:
        """Write what is not there yet of a seed; one of ``OUTCOMES``, and where it is."""


@runtime_checkable
class FigureWriter(Protocol):
    """A writer that keeps figures, too."""

    def put_figures(self, group: str, files: Sequence[Path]) -> str:
        """Keep the files of a group's figures as they are now; one of ``OUTCOMES``."""


def track(tracker: str, words: str = "", weights: bool = False) -> list[str]:
    """Write every finished seed into a tracker.

    Args:
        tracker: ``mlflow`` or ``tensorboard``.
        words: the runs, as Snakemake's ``--config`` has them: ``series=demo runs=...``; every run
            if empty.
        weights: whether MLflow keeps weights, too.

    Returns:
        Sentences about what was done.

    Raises:
        UserError: for mistakes in ``words`` or in param-files; if the tracker is not installed, or
            another process writes; if no run asked for is finished, or a file of one is damaged:
            the sound ones are then written all the same.
    """
    if tracker not in TRACKERS:
        raise UserError(f"no tracker is called '{tracker}'{did_you_mean(tracker, TRACKERS)}")
    if weights and tracker != "mlflow":
        raise UserError("--weights: only mlflow keeps weights; leave it out")
    opening = _writer(tracker, weights)
    known = index_file.current(asks=index_file.only_look)
    names = _names(known, words)
    counts: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    listed: list[dict[str, Any]] = []
    mistakes: list[str] = []
    with _alone(), opening as writer:
        for name in with_progress(names, f"{tracker}: runs"):
            for seed in _seeds(known, name, mistakes):
                outcome, where = writer.put(seed)
                counts[outcome] += 1
                listed.append(_line(seed) | where)
        if isinstance(writer, FigureWriter):
            for group in sorted({known.runs[line["run"]].group for line in listed}):
                altered = checksums.altered_figures(drawn := figures_of(group))
                mistakes += altered.values()
                if files := [path for path in drawn if path not in altered]:
                    figures[writer.put_figures(group, files)] += 1
        if not listed and not mistakes:
            raise UserError("no run that is asked for is finished; run `snakemake evaluations`")
        path = paths.tracked(tracker)
        if listed:
            disk.write_whole(path, json.dumps({"seeds": listed}, indent=1) + "\n")
    if mistakes:
        raise UserError(*mistakes)
    sentences = [f"seeds: {_said(counts)}", f"wrote {path}; look with `{writer.look}`"]
    if figures:
        sentences.insert(1, f"figures of studies: {_said(figures)}")
    if counts[LEFT_DELETED]:
        sentences.insert(1, "what was deleted in MLflow stays so; restore it there to see it again")
    return sentences


def figures_of(group: str) -> list[Path]:
    """The files of a group's figures that are there, sorted."""
    found = paths.figure_folder(group).glob("*")
    return sorted(
        path for path in found if path.suffix in checksums.FIGURE_FILES and path.is_file()
    )


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])


def _names(known: Index, words: str) -> list[str]:
    """The runs that are asked for, in the words of Snakemake's ``--config``."""
    try:
        parts = shlex.split(words)
    except ValueError as error:
        raise UserError(f"--config: {words}: {str(error).lower()}") from error
    if not parts:
        return list(known.runs)
    pairs = [word.partition("=") for word in parts]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise UserError(f"--config: '{wrong[0]}': write key=value, as in series=demo")
    return Selection.from_config({key: value for key, _, value in pairs}).names(known)


def _writer(tracker: str, weights: bool) -> AbstractContextManager[Writer]:
    """The writer of a tracker.

    Raises:
        UserError: if the tracker is not installed.
    """
    try:
        if tracker == "mlflow":
            from isotrope.tracking import mlflow_runs

            return mlflow_runs.opened(weights)
        from isotrope.tracking import tensorboard_events

        return tensorboard_events.opened()
    except ImportError as error:
        raise UserError(
            f"{tracker} cannot be imported ({error}); run `{command_to_install(tracker)}`"
        ) from error


@contextmanager
def _alone() -> Iterator[None]:
    """No other process writes while this one does.

    Raises:
        UserError: if another does.
    """
    lock = FileLock(paths.TRACKING / ".lock", timeout=0)
    with disk.named_errors(paths.TRACKING, "written"):
        paths.TRACKING.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise UserError(
                f"{lock.lock_file} is held: another `isotrope track` writes {paths.TRACKING}; "
                "wait until it is done, and start again"
            ) from error
    try:
        yield
    finally:
        lock.release()


def _seeds(known: Index, name: str, mistakes: list[str]) -> Iterator[TrackedSeed]:
    """The finished seeds of a run; a sentence joins ``mistakes`` for each damaged one."""
    group = known.runs[name].group
    try:
        packs = packs_of(known, name)
    except UserError as error:
        mistakes += error.sentences
        return
    mistakes += dict.fromkeys(str(one) for pack in packs for one in pack.left_out)
    for pack in (one for one in packs if one.seeds):
        try:
            seeds = read_pack(pack, group)
        except UserError as error:
            mistakes += error.sentences
        else:
            yield from seeds


def _line(seed: TrackedSeed) -> dict[str, Any]:
    """The entry of a seed in the list of tracked seeds."""
    return {
        "run": seed.run,
        "point": seed.point,
        "seed": seed.seed,
        "training_digest": seed.digest,
        "status": seed.status,
        "evaluations": seed.evaluations,
    }
