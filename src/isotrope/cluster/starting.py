"""Starting Snakemake where an earlier one may have been killed.

Each Snakemake that plans and starts jobs, a head, leaves its name in ``out/.heads`` while it is at
work. A head that was killed leaves that name, Snakemake's lock, and its SLURM jobs, which run on.
The next one would submit them a second time; the leases make that harmless, but each copy would
hold a GPU while it waits. So those jobs are looked for: SLURM jobs of this folder with the name
that Snakemake gives, which ends in a number of 32 digits.
"""

import getpass
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isotrope import paths
from isotrope.errors import UserError
from isotrope.packs import lease_files
from isotrope.processes import provenance
from isotrope.processes.process import Process

Treatment = Literal["refuse", "wait", "cancel", "beside"]
LOCKS = Path(".snakemake/locks")
LOOK_SECONDS = 10.0  # between two looks at the jobs that are waited for
_NAME = re.compile(r"(.*_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNCONFIGURED = "Could not establish a configuration source"  # installed, but of no cluster
PLANS = {"-n", "--dry-run", "--dryrun"}


class Head:
    """This Snakemake, as others find it while it is at work."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def begins(self) -> None:
        """Leave a name.

        Raises:
            UserError: if it cannot be written.
        """
        fields = "Snakemake", (), provenance.now(), Process.this()
        self._path = lease_files.write(paths.HEADS, *fields)

    def ends(self) -> None:
        """Take the name away."""
        if self._path is not None:
            lease_files.remove(self._path)


@dataclass(frozen=True)
class Job:
    """A SLURM job that a Snakemake in this folder submitted."""

    number: str
    state: str


def prepare(words: Sequence[str], treatment: Treatment, say: Callable[[str], None]) -> list[str]:
    """Make room for a new Snakemake, and return the command that starts it.

    Args:
        words: the arguments of Snakemake.
        treatment: what becomes of jobs of an earlier one: ``refuse`` to start, ``wait`` for their
            end, ``cancel`` them, or start ``beside`` them.
        say: is told what is done.

    Raises:
        UserError: if another Snakemake is at work, or left jobs and it is not said what to do with
            them, or SLURM does not answer.
    """
    if not Path("Snakefile").is_file():
        raise UserError("there is no Snakefile here: start in the project's root")
    command = [sys.executable, "-m", "snakemake"]
    if not PLANS & set(words):
        dead = _dead_heads()
        if treatment != "beside":
            _make_room(treatment, say)
        if dead and LOCKS.is_dir() and any(LOCKS.iterdir()):
            say("a Snakemake was killed here; removes its lock")
            if subprocess.run([*command, "--unlock"], check=False).returncode != 0:
                raise UserError("the lock could not be removed, as is said above")
        for path in dead:
            lease_files.remove(path)
    return [*command, *words]


def _dead_heads() -> list[Path]:
    """The names that killed heads have left.

    Raises:
        UserError: if a head is at work, or may be.
    """
    dead = []
    for head in lease_files.read_all(paths.HEADS):
        if head.process is None or head.process.why_gone() or head.process.before_restart:
            dead.append(head.path)
        elif head.process.is_here:
            raise UserError(
                f"{head} is at work in this folder; `isotrope status` says how far it is, and "
                "`snakemake` itself starts a second one if their files differ"
            )
        else:
            raise UserError(
                f"{head} may be at work in this folder; start on that machine, or delete "
                f"{head.path} if it is gone"
            )
    return dead


def _make_room(treatment: Treatment, say: Callable[[str], None]) -> None:
    """Wait until the jobs of an earlier Snakemake have ended, if that is wanted.

    Raises:
        UserError: if it is not said what to do with them.
    """
    if not (jobs := jobs_left()):
        return
    numbers = [job.number for job in jobs]
    states = Counter(job.state.lower() for job in jobs)
    count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    left = f"{count} of an earlier Snakemake: {', '.join(numbers)} ({_states_text(states)})"
    if treatment == "refuse":
        raise UserError(
            f"SLURM still has {left}; say what to do: `isotrope start --wait` lets them end first, "
            "--cancel ends them (each saves what it has), --beside starts now and lets each copy "
            "wait for its original"
        )
    if treatment == "cancel":
        _run(["scancel", *numbers], "the jobs could not be cancelled")
    say(f"{'cancelled' if treatment == 'cancel' else 'waits for'} {left}")
    while set(numbers) & {job.number for job in jobs_left()}:
        time.sleep(LOOK_SECONDS)


def _states_text(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def jobs_left() -> list[Job]:
    """The jobs that Snakemakes have submitted from this folder; none where there is no SLURM.

    Raises:
        UserError: if SLURM does not answer.
    """
    try:
        command = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%A %T %j|%Z"]
        output = _run(command, "jobs of an earlier Snakemake cannot be looked for")
    except FileNotFoundError:
        return []
    except UserError as error:
        if _UNCONFIGURED in str(error):
            return []
        raise
    jobs = []
    for line in output.splitlines():
        number, state, rest = line.split(" ", 2)
        name, _, folder = rest.partition("|")
        if _NAME.fullmatch(name) and _is_here(Path(folder)):
            jobs.append(Job(number, state))
    return jobs


def _is_here(folder: Path) -> bool:
    try:
        return folder.samefile(Path.cwd())
    except OSError:
        return False


def _run(command: Sequence[str], failure: str) -> str:
    """The output of a command.

    Raises:
        FileNotFoundError: if there is no such command.
        UserError: if it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise UserError(f"{failure}: `{' '.join(command[:2])}` says: {reason[0]}")
    return done.stdout
