"""Where submitted packs are worked on: a SLURM cluster, processes of this machine, or this process.

submitit keeps its files (the pickled words, a log for each task, a batch script) in a folder for
each kind of task under ``out/submitted``. Those of tasks that ended more than a day ago are removed
when more of the kind are sent.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from submitit import DebugExecutor, LocalExecutor, SlurmExecutor
from submitit.core.core import Executor, Job
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.helpers import as_completed

from isotrope import paths
from isotrope.cluster.submitted_pack import SubmittedPack
from isotrope.cluster.submitting import Array, TaskResources
from isotrope.errors import UserError
from isotrope.files import regular

ExecutorName = Literal["slurm", "local", "debug"]
TIME_OUTS = 5  # how often a task may run into its time limit
KEPT = 24 * 3600.0  # seconds for which the files of ended tasks are kept


@dataclass(frozen=True)
class Site:
    """Where tasks run, and what only the user knows of that place.

    Args:
        executor: ``slurm``, ``local`` or ``debug``.
        partition: the cluster's partition; its default if ``None``.
        account: the account on the cluster; the user's default if ``None``.
        parallel: how many tasks of an array run at once; if ``None``, all that the cluster has
            room for, and one on this machine.
    """

    executor: ExecutorName
    partition: str | None = None
    account: str | None = None
    parallel: int | None = None


@dataclass(frozen=True)
class Sent:
    """A pack and the task that works on it."""

    pack: SubmittedPack
    job: Job[str]

    def outcome(self) -> tuple[bool, str]:
        """Whether it went well, and a word about it; waits for the task's end.

        Raises:
            Exception: what went wrong in this very process, with ``debug``.
        """
        error = self.job.exception()
        if error is None:
            return True, str(self.job.results()[0])
        if not isinstance(error, UncompletedJobError):
            raise error
        logs = [log for log in self.pack.logs if log.is_file() and log.stat().st_size]
        if logs and isinstance(error, FailedJobError):
            log = max(logs, key=lambda one: one.stat().st_mtime)
            return False, f"{regular.read_text(log).splitlines()[-1]} ({log})"
        state = self.job.state.lower()
        return False, f"{state}; see {self.job.paths.stderr}"


def executor_of(name: str | None) -> ExecutorName:
    """The executor of a command line's word; if there is none, SLURM where it is installed.

    Raises:
        UserError: if there is no such executor, or no SLURM here.
    """
    has_slurm = shutil.which("sbatch") is not None and shutil.which("srun") is not None
    if name is None:
        return "slurm" if has_slurm else "local"
    for known in ("slurm", "local", "debug"):
        if name == known:
            if known == "slurm" and not has_slurm:
                raise UserError(
                    "--executor slurm: there is no sbatch or srun here; submit on a node of the "
                    "cluster, or use --executor local"
                )
            return known
    raise UserError(f"--executor {name}: choose from slurm, local, debug")


def send(arrays: Sequence[Array], site: Site) -> Iterator[Sent]:
    """Send arrays to SLURM; those that wait for a choice start after all others went well.

    Raises:
        UserError: if SLURM does not take one.
    """
    first: list[str] = []
    for array in arrays:
        after = first if array.after_choice else []
        executor = _executor(array.resources, site, after)
        try:
            jobs = executor.submit_array(array.packs)
        except FailedJobError as error:
            raise UserError(
                f"sbatch refused {len(array.packs)} tasks of {array.resources}: {error}; see "
                "--partition, --account and --time, and resources in the param-file"
            ) from error
        if not array.after_choice:
            first.append(jobs[0].job_id.partition("_")[0])
        yield from (Sent(pack, job) for pack, job in zip(array.packs, jobs, strict=True))


def as_they_end(sent: Sequence[Sent], every: float = 5.0) -> Iterator[Sent]:
    """Sent packs as their tasks end; asks every so many seconds."""
    packs = {id(one.job): one for one in sent}
    for job in as_completed([one.job for one in sent], poll_frequency=every):
        yield packs[id(job)]


def work_here(arrays: Sequence[Array], site: Site) -> Iterator[Sent]:
    """Work on packs in processes of this machine, and give each pack when it ended.

    With ``debug`` a pack is given before, and its outcome is the work itself, in this process. On
    Ctrl-C the processes are told to end; a training saves first.
    """
    for after_choice in (False, True):
        stage = [array for array in arrays if array.after_choice == after_choice]
        waiting = [(_executor(one.resources, site), pack) for one in stage for pack in one.packs]
        running: list[Sent] = []
        try:
            while waiting or running:
                while waiting and len(running) < (site.parallel or 1):
                    executor, pack = waiting.pop(0)
                    with _ctrl_c_is_ours():
                        running.append(Sent(pack, executor.submit(pack)))
                over = [one for one in running if site.executor == "debug" or one.job.done()]
                for one in over:
                    running.remove(one)
                    yield one
                if not over:
                    time.sleep(0.2)
        finally:
            _end(running)


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """Processes that are started inside do not hear Ctrl-C: they are told once, by ``_end``."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(running: Sequence[Sent]) -> None:
    """Have local tasks end. Their numbers are those of processes that pass SIGTERM on to them.

    They are told again and again, since only a training listens.
    """
    while going := [one for one in running if not one.job.done()]:
        for one in going:
            with suppress(ProcessLookupError):
                os.kill(int(one.job.job_id), signal.SIGTERM)
        time.sleep(0.5)


def _executor(resources: TaskResources, site: Site, after: Sequence[str] = ()) -> Executor:
    folder = paths.submitted(site.executor, str(resources))
    _tidy(folder)
    if site.executor == "debug":
        return DebugExecutor(folder)
    if site.executor == "local":
        gpus, visible = min(resources.gpu, torch.cuda.device_count()), _visible_gpus()
        local = LocalExecutor(folder, max_num_timeout=TIME_OUTS)
        local.update_parameters(
            timeout_min=resources.minutes,
            signal_delay_s=resources.warning,
            tasks_per_node=max(1, gpus),
            # a task of one GPU sees all, and claims one that is free
            gpus_per_node=(len(visible) or torch.cuda.device_count()) if gpus == 1 else gpus,
            visible_gpus=visible,
        )
        return local
    slurm = SlurmExecutor(folder, max_num_timeout=TIME_OUTS)
    optional = {
        "gpus_per_node": resources.gpu or None,
        "partition": site.partition,
        "account": site.account,
        "array_parallelism": site.parallel,
        "dependency": f"afterok:{':'.join(after)}" if after else None,
    }
    slurm.update_parameters(
        job_name="isotrope_submit",
        nodes=1,
        ntasks_per_node=resources.processes,
        cpus_per_task=resources.threads,
        # srun has to be told since SLURM 22.05; and no process waits for one that failed
        srun_args=[f"--cpus-per-task={resources.threads}", "--kill-on-bad-exit=1"],
        mem=f"{resources.memory}M",
        time=resources.minutes,
        signal_delay_s=resources.warning,
        additional_parameters={"requeue": True, "kill-on-invalid-dep": "yes"},
        **{key: value for key, value in optional.items() if value is not None},
    )
    return slurm


def _visible_gpus() -> Sequence[int]:
    """The GPUs that the user leaves to this command, by number; empty for all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return tuple(int(word) for word in visible if word.strip().isdecimal())


def _tidy(folder: Path) -> None:
    """Remove the files of tasks that ended long ago, whose job's number their names begin with."""
    jobs: dict[str, list[Path]] = {}
    for path in folder.glob("[0-9]*"):
        jobs.setdefault(path.name.partition("_")[0], []).append(path)
    for files in jobs.values():
        names = {path.name for path in files}
        waits = any(
            name.endswith("_submitted.pkl")
            and name.replace("_submitted.pkl", "_0_result.pkl") not in names
            for name in names
        )
        with suppress(FileNotFoundError):  # another `isotrope submit` removes them, too
            last = max(path.stat().st_mtime for path in files)
            if not waits and time.time() - last > KEPT:
                for path in files:
                    path.unlink(missing_ok=True)
    for link in folder.glob(".submission_file_*"):
        if not link.exists():  # what it led to is removed
            link.unlink(missing_ok=True)
