"""Heartbeats of jobs: what they hold, and whether the job is still at work.

A job writes its heartbeat every few seconds. Its age must not be taken between two clocks: a node
whose clock is ten minutes late would look lost while it trains. The times of files come from one
clock, that of the file server (on NFS and local disks), so the heartbeat's is compared with that of
a file made for the purpose beside the runs, which has no name or loses it at once. Where nothing
may be written there, this machine's clock has to do. File systems that let the writing node set a
file's time (Lustre, GPFS) need their clocks to agree within two minutes; ``--watch`` does not need
that either, since a heartbeat that changed between two looks is alive by any clock.
"""

import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import json_files, regular
from isotrope.packs import lease_files
from isotrope.packs.lease_files import Lease

_LONGEST = 100 * 365 * 86_400  # seconds
LOST = 120.0  # seconds without a heartbeat after which a job counts as lost


@dataclass(frozen=True)
class Job:
    """A heartbeat.

    Args:
        seeds: in training when it was written.
        seeds_done: how many seeds the job had finished by then; None if it did not say.
        epoch: of the seed that is the least far.
        epochs: how many there are at most.
        validation_accuracy: between 0 and 1, the mean of the seeds'; None before the first epoch.
        seconds_left: if no seed stops early; None in the first epoch of the job.
        host: the node's name.
        pid: the number of the process there.
        slurm_job: SLURM's number of the job; None outside of SLURM.
        ended: whether the job was told to end, and has saved.
        beat_at: when the file was written, by the file system's clock, in seconds since 1970.
    """

    seeds: tuple[int, ...]
    seeds_done: int | None
    epoch: int
    epochs: int
    validation_accuracy: float | None
    seconds_left: float | None
    host: str
    pid: int | None
    slurm_job: str | None
    ended: bool
    beat_at: float


def read(path: Path) -> Job | None:
    """The heartbeat in a file; None if there is none, or none that can be read."""
    try:
        with regular.open_text(path) as file:
            beat_at = os.fstat(file.fileno()).st_mtime
            content = json_files.parse_object(file.read())
        seeds = content["seeds"] if content.get("seeds") else [content["seed"]]
        return Job(
            seeds=tuple(int(seed) for seed in seeds),
            seeds_done=_number(content.get("seeds_done"), int),
            epoch=int(content["epoch"]),
            epochs=int(content["epochs"]),
            validation_accuracy=_number(content.get("validation_accuracy"), float),
            seconds_left=_seconds(content.get("seconds_left")),
            host=str(content.get("host", "")),
            pid=_number(content.get("pid"), int),
            slurm_job=None if content.get("slurm_job") is None else str(content["slurm_job"]),
            ended=bool(content.get("ended")),
            beat_at=beat_at,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _seconds(value: Any) -> float | None:
    """A time that can be said; None of one that is not known, or longer than a century."""
    found: float | None = _number(value, float)
    return found if found is None or 0 <= found <= _LONGEST else None


def _number(value: Any, kind: type[Any]) -> Any:
    return None if value is None else kind(value)


def file_system_time(folder: Path) -> float:
    """The time by the clock that sets the times of files in a folder, in seconds since 1970."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            return os.fstat(probe.fileno()).st_mtime
    except OSError:
        return time.time()


def _leases(run: str) -> list[Lease]:
    try:
        return list(lease_files.read_all(paths.leases(run)))
    except UserError:  # a folder that may not be read
        return []


def _is_gone(lease: Lease) -> bool:
    """Whether this machine knows that the process of a lease is gone."""
    return lease.process is not None and lease.process.why_gone(ask_slurm=False) is not None


class Pulse:
    """Tells jobs at work from lost ones, in one look or, better, in several.

    Args:
        folder: lies on the file system whose clock counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now: float | None = None
        self._asking = threading.Lock()
        self._beat_at: dict[Path, float] = {}  # what the last look saw, by path
        self._changed: dict[Path, float] = {}  # when a look last saw another, by our own clock
        self._leases: dict[str, list[Lease]] = {}  # those of each run that was asked about

    def begin_look(self) -> None:
        """From here on the time is another one."""
        self._now = None
        self._leases.clear()

    def age(self, written: float) -> float:
        """Seconds since a file was written; its clock is asked once a look, if at all."""
        with self._asking:
            if self._now is None:
                self._now = file_system_time(self._folder)
        return self._now - written

    def is_alive(self, path: Path, job: Job) -> bool:
        """Whether the job whose heartbeat lies at ``path`` is still at work."""
        beats = self.beats(path, job.beat_at)
        return beats and not job.ended

    def beats(self, path: Path, beat_at: float) -> bool:
        """Whether a file that was written then is written again and again."""
        before = self._beat_at.get(path)
        self._beat_at[path] = beat_at
        if before is not None and before != beat_at:
            self._changed[path] = time.monotonic()
        changed = self._changed.get(path)
        seen = changed is not None and time.monotonic() - changed < LOST
        return seen or self.age(beat_at) < LOST

    def is_held(self, run: str, path: Path) -> bool:
        """Whether a process that is at work holds a lease on what is written at ``path``.

        A training gives no other sign of life while it loads data, compiles, or takes a long step.
        """
        return any(
            not _is_gone(lease) and self.beats(lease.path, lease.beat / 1e9)
            for lease in self._leases_on(run, path)
        )

    def is_left(self, run: str, path: Path) -> bool:
        """Whether a process that is gone has left a lease on what is written at ``path``."""
        return any(_is_gone(lease) for lease in self._leases_on(run, path))

    def _leases_on(self, run: str, path: Path) -> list[Lease]:
        with self._asking:
            if run not in self._leases:
                self._leases[run] = _leases(run)
            known = self._leases[run]
        return [one for one in known if one.claims is not None and path.as_posix() in one.claims]
