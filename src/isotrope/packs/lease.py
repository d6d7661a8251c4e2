"""Leases: only one process at a time works on the same files.

Snakemake's lock keeps two heads apart, but a head that was killed leaves its jobs running, and the
next one submits them again. So whoever trains or evaluates holds a lease on all that it writes: a
file in ``.leases`` of the run that names the process and its SLURM job. A second copy waits for the
first, and then finds its work done or takes it up.

Race-free by names alone: a process writes a file whose name no other ever has, and looks for others
afterwards. Of two that want the same, whoever looks last sees the other; where each sees the other,
both withdraw and try again after a random pause. A dead lease is deleted by that name, which is
never a newer one's. Nothing is locked, so this holds on network disks too.

The heartbeat is the time of the file: setting it needs no space on a full disk. A thread sets it,
not the training's steps, since loading, a long step or an evaluation would be silent. Whoever waits
watches by its own clock whether the time *changes*; clocks of two machines are never compared.
A process that is known to be gone, or whose SLURM job is, need not be waited for.

A process that was suspended so long that another took over notices it: before each file gets its
name, ``files.ask_guard`` asks whether the lease is still there.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom
from types import TracebackType
from typing import Self

from isotrope import paths
from isotrope.files import disk
from isotrope.packs import lease_files
from isotrope.packs.lease_files import Lease
from isotrope.processes import provenance
from isotrope.processes.process import Process
from isotrope.processes.signals import EXIT_AGAIN, Interruption

BEAT_SECONDS = 10.0  # between two heartbeats
LOOK_SECONDS = 4.0  # between two looks at the leases of others, on average
ASK_SECONDS = 60.0  # between two questions to SLURM about one job
STALE_SECONDS = 120.0  # without a heartbeat, after which the holder counts as dead

Log = Callable[[str], None]


class LeaseLostError(Exception):
    """This process was not heard of for so long that another has taken over."""


def hold(
    run: str,
    title: str,
    claims: Iterable[Path],
    work: Callable[[], None],
    log: Log,
    interruption: Interruption | None = None,
    again: bool = True,
    reads: Iterable[Path] = (),
) -> None:
    """Work while no other process writes the same files; wait for one that does.

    Two that only read the same files do not wait for each other.

    Where the lease is lost in the middle, the work is left before it writes another file, and is
    done again when the one that took over has ended: it takes up what it finds.

    Args:
        run: the run that the work belongs to.
        title: what the work is, for those that wait for it.
        claims: the files and folders that it writes.
        work: the work.
        log: is told who is waited for, and why no longer.
        interruption: hears signals for the work too; where it is left out, they are heard while
            another process is waited for.
        again: whether the work can be done again in this process.
        reads: the files and folders that it reads while no other process may write them.

    Raises:
        UserError: if the lease cannot be written.
        SystemExit: after a signal while another process is waited for; or after the lease was
            lost, if the work cannot be done again.
    """
    wanted = _WantedLease(paths.leases(run), title, claims, reads, log)
    while True:
        with nullcontext(interruption) if interruption else Interruption() as heard:
            held = wanted.acquire(heard)
            if interruption is None and heard.signal is not None:
                lease_files.remove(held.path)
                heard.leave(log, 1, "waits no longer")
        try:
            with held, disk.guarded(held.check):
                work()
        except LeaseLostError:
            log("this process was silent for too long and has lost its lease; it writes nothing")
            if not again:
                raise SystemExit(EXIT_AGAIN) from None
        else:
            return


class _HeldLease:
    """A lease of this process; as a context it is kept alive, and removed in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._thread.start()
        except BaseException:
            lease_files.remove(self.path)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()
        lease_files.remove(self.path)

    def check(self) -> None:
        """Give a sign of life.

        Raises:
            LeaseLostError: if another process has removed the lease.
        """
        try:
            os.utime(self.path)
        except OSError as error:
            if lease_files.is_absent(error):
                raise LeaseLostError(self.path) from error
            # whatever else is wrong with the disk, the next writing says

    def _beat(self) -> None:
        with suppress(LeaseLostError):
            while not self._end.wait(BEAT_SECONDS):
                self.check()


@dataclass
class _Watch:
    """What this process has observed of another's heartbeat, by its own clock."""

    last_beat: int
    last_look: float
    silent_seconds: float = 0.0
    last_question: float | None = None


class _WantedLease:
    """A lease that this process wants.

    Args:
        folder: where leases of the run lie.
        title: what the work is.
        claims: the files and folders that it writes.
        reads: the files and folders that it reads.
        log: is told who is waited for, and why no longer.
    """

    def __init__(
        self, folder: Path, title: str, claims: Iterable[Path], reads: Iterable[Path], log: Log
    ) -> None:
        self.folder = folder
        self.title = title
        self.claims = {path.as_posix() for path in claims}
        self.reads = {path.as_posix() for path in reads}
        self.log = log
        self._process = Process.this()
        self._watched: dict[Path, _Watch] = {}
        self._announced: set[Path] = set()

    def acquire(self, interruption: Interruption) -> _HeldLease:
        """Wait until no other lease conflicts, and take this one.

        Raises:
            SystemExit: after a signal.
            UserError: if the lease cannot be written.
        """
        while True:
            if not (others := self._conflicting_leases()):
                fields = self.title, self.claims, provenance.now(), self._process
                mine = lease_files.write(self.folder, *fields, self.reads)
                try:
                    if not (others := self._conflicting_leases(mine)):
                        return _HeldLease(mine)
                except BaseException:
                    lease_files.remove(mine)
                    raise
                lease_files.remove(mine)
            for other in others:
                if other.path not in self._announced:
                    self.log(f"waits for {other}")
                    self._announced.add(other.path)
            self._pause(interruption)

    def _conflicting_leases(self, mine: Path | None = None) -> list[Lease]:
        """The leases of others that claim the same; those of dead processes are removed."""
        found = []
        for other in lease_files.read_all(self.folder):
            if other.path == mine or not other.conflicts_with(self.claims, self.reads):
                continue
            if (why := self._why_expired(other)) is None:
                found.append(other)
            else:
                self.log(f"takes over from {other}; {why}")
                lease_files.remove(other.path)
        return found

    def _why_expired(self, other: Lease) -> str | None:
        """Why a lease need not be respected any more; none if it must be."""
        if other.is_left_behind:
            return "this process could not remove it"
        now = time.monotonic()
        watch = self._watched.setdefault(other.path, _Watch(other.beat, now))
        if other.beat != watch.last_beat:
            watch.last_beat, watch.silent_seconds = other.beat, 0.0
        else:  # a pause of this process is not the other's silence
            watch.silent_seconds += min(now - watch.last_look, 2 * LOOK_SECONDS)
        watch.last_look = now
        if watch.silent_seconds >= STALE_SECONDS:
            return f"not heard of for {watch.silent_seconds:.0f} s"
        ask = watch.last_question is None or now - watch.last_question >= ASK_SECONDS
        if ask:
            watch.last_question = now
        return other.process.why_gone(ask) if other.process else None

    def _pause(self, interruption: Interruption) -> None:
        """Wait a little, for no two processes equally long.

        Raises:
            SystemExit: after a signal.
        """
        end = time.monotonic() + SystemRandom().uniform(0.5, 1.5) * LOOK_SECONDS
        while (left := end - time.monotonic()) > 0:
            if interruption.signal is not None:
                interruption.leave(self.log, 1, "waits no longer")
            time.sleep(min(left, 0.2))
