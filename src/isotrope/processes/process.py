"""Which process something belongs to, and whether that process is gone for certain.

On one machine its number and the time of its start tell, elsewhere SLURM does. No clock of one
machine is compared with that of another. Where nothing can be known, a process counts as alive.
"""

import os
import platform
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_PROC = Path("/proc")
# In these states no program of the job runs. A job that is queued again is PENDING.
_ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PENDING", "PREEMPTED", "REQUEUED", "REQUEUE_HOLD", "REVOKED", "SPECIAL_EXIT", "TIMEOUT"),
}
SQUEUE_SECONDS = 30.0
_NUMBERS = 2**31  # of processes, from 1


@dataclass(frozen=True)
class Process:
    """A process, as it describes itself to others.

    Args:
        host: the name of its machine, for people.
        machine: where its number means this process: the machine since its last start, and the
            process numbers that are seen there (a container may have some of its own).
        number: its process number.
        started: when it started, in ticks since the start of the machine, where that is known.
        slurm_job: the number of its SLURM job, if it is in one.
        slurm_cluster: the SLURM cluster, if that has a name.
        slurm_started: when SLURM started the job, as SLURM says it. A job that was queued again
            has the same number and another start.
    """

    host: str
    machine: str
    number: int
    started: int | None = None
    slurm_job: str | None = None
    slurm_cluster: str | None = None
    slurm_started: str | None = None

    @classmethod
    def this(cls) -> Self:
        """The process that asks."""
        job, cluster = (os.environ.get(f"SLURM_{name}") for name in ("JOB_ID", "CLUSTER_NAME"))
        state_and_start = _squeue(job) if job else None
        number = os.getpid()
        return cls(
            host=platform.node(),
            machine=_this_machine(),
            number=number,
            started=_started(number),
            slurm_job=job,
            slurm_cluster=cluster,
            slurm_started=state_and_start[1] if state_and_start else None,
        )

    @classmethod
    def read(cls, content: Any) -> Self | None:
        """A process from what ``asdict`` made of it; none if it is something else."""
        try:
            process = cls(**content)
        except TypeError:
            return None
        texts = (process.slurm_job, process.slurm_cluster, process.slurm_started)
        whole = (
            isinstance(process.host, str)
            and isinstance(process.machine, str)
            and bool(process.machine.strip())
            and isinstance(process.number, int)
            and 0 < process.number < _NUMBERS
            and isinstance(process.started, int | None)
            and all(isinstance(text, str | None) for text in texts)
        )
        return process if whole else None

    def __str__(self) -> str:
        job = f", SLURM job {self.slurm_job}" if self.slurm_job else ""
        return f"process {self.number} on {self.host}{job}"

    @property
    def is_here(self) -> bool:
        """Whether this machine can tell by the process number alone."""
        return self.machine == _this_machine()

    @property
    def before_restart(self) -> bool:
        """Whether a machine of this name has started since; two machines may share a name."""
        start, here = self.machine.split()[0], _this_machine().split()[0]
        return self.host == platform.node() and start != here

    def why_gone(self, ask_slurm: bool = True) -> str | None:
        """Why the process cannot be alive any more; none if it is, or may be.

        Args:
            ask_slurm: whether SLURM may be asked, which is work for its controller.
        """
        if self.is_here:
            return None if self._is_alive_here() else "that process is gone"
        if self.slurm_job is None or not ask_slurm:
            return None
        if self.slurm_cluster != os.environ.get("SLURM_CLUSTER_NAME"):
            return None  # its number means another job here
        own = self.slurm_job == os.environ.get("SLURM_JOB_ID")
        state_and_start = _squeue(self.slurm_job)
        if state_and_start is None:
            return "SLURM has started this job again" if own else None
        state, started = state_and_start
        if state in _ENDED:
            return f"SLURM says that its job is {state.lower().replace('_', ' ')}"
        if self.slurm_started not in (None, started) or (own and self.slurm_started is None):
            return "SLURM has started its job again"
        return None

    def _is_alive_here(self) -> bool:
        try:
            os.kill(self.number, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # of another user
        if self.started is None:
            return True
        state = _state(self.number)
        return state is None or (state[0] not in "ZX" and state[1] == self.started)


def _this_machine() -> str:
    with suppress(OSError):
        start = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{start} {(_PROC / 'self/ns/pid').readlink()}"
    return f"{platform.node()} {uuid.getnode():x}"


def _started(number: int) -> int | None:
    state = _state(number)
    return state[1] if state else None


def _state(number: int) -> tuple[str, int] | None:
    """State and start of a process of this machine, where the system tells."""
    try:
        text = (_PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()  # the name before may hold anything
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def _squeue(job: str) -> tuple[str, str] | None:
    """State and start of a SLURM job, ``COMPLETED`` if it is forgotten; none if SLURM is silent."""
    command = ["squeue", "--noheader", "--states=all", "--format=%A %T %S", f"--jobs={job}"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SQUEUE_SECONDS,
            check=False,
            env={**os.environ, "SLURM_TIME_FORMAT": "%s"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 and "Invalid job id" not in done.stderr:
        return None
    rows = [line.split() for line in done.stdout.splitlines()]
    # of an array, the number of one task stands for those that wait, too
    found = [(row[1], row[2]) for row in rows if len(row) == 3 and row[0] == job]
    found.sort(key=lambda row: row[0] in _ENDED)
    return found[0] if found else ("COMPLETED", "")
