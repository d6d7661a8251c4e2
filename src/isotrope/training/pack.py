"""A pack: the seeds that one job trains, and the files that it promises.

Seeds that are finished in the store, or come with the project, are taken from there; the others are
trained, one after the other or some at once, and put into the store. Then the pack's files are
written: ``weights.safetensors`` (every parameter and buffer with a leading axis of seeds),
``history.csv`` and ``run.json``.
"""

import time
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial

import torch

from isotrope import devices
from isotrope.console.wording import range_text
from isotrope.files import disk
from isotrope.packs import code_records, lease, resume, store
from isotrope.packs.log_file import logged
from isotrope.packs.summary import OUTPUTS
from isotrope.processes.signals import Interruption
from isotrope.training import distributed, shipped, stack_width
from isotrope.training.distributed import Ranks
from isotrope.training.job import PackJob
from isotrope.training.outputs import assemble
from isotrope.training.progress import Report
from isotrope.training.task import TrainingTask


def train_pack(task: TrainingTask, report: Report) -> None:
    """Train the seeds of a pack that are missing, and write the pack's files.

    Waits until a GPU is free, and while another process is at work on the pack, or on one of its
    seeds.

    Raises:
        UserError: if the device or the data are not there, the model does not take the images, a
            file cannot be written, or a stored seed is damaged or of another training.
        SystemExit: after a signal that asks the job to end; every unfinished seed is saved.
    """
    with distributed.joined(task.device) as ranks:
        device = devices.choose(task.device, report.log)
        if ranks is None or ranks.leads:
            title = f"the training of {task.run}, {task.point}, seeds {range_text(task.seeds)}"
            claims = [task.folder, *(task.stored(seed) for seed in task.seeds)]
            with Interruption() as interruption:
                work = partial(_logged, task, report, device, ranks, interruption)
                again = ranks is None  # else the others could not follow
                lease.hold(task.run, title, claims, work, report.log, interruption, again)
        else:
            with _arithmetic(task, device), Interruption() as unheard:
                PackJob(task, Report(lambda _: None), device, unheard, 0, ranks).follow(ranks)


def _arithmetic(task: TrainingTask, device: torch.device) -> AbstractContextManager[None]:
    training = task.training
    return devices.arithmetic(device, task.threads, training.precision, training.deterministic)


def _logged(
    task: TrainingTask,
    report: Report,
    device: torch.device,
    ranks: Ranks | None,
    interruption: Interruption,
) -> None:
    """``_lead``; what it says goes into the pack's log, too, if nobody else sees to that."""
    if not report.own_log:
        _lead(task, report, device, ranks, interruption)
        return
    with logged(task.folder / "train.log", report.log) as log:
        _lead(task, replace(report, log=log), device, ranks, interruption)


def _lead(
    task: TrainingTask,
    report: Report,
    device: torch.device,
    ranks: Ranks | None,
    interruption: Interruption,
) -> None:
    """What ``train_pack`` says, as the one process or the first of several, with the lease."""
    began = time.monotonic()
    shipped.take(task, report.log)
    missing = [seed for seed in task.seeds if not store.holds(task.stored(seed))]
    report.log(
        f"{task.run}, {task.point}, seeds {range_text(task.seeds)}: {len(missing)} to train, "
        f"{len(task.seeds) - len(missing)} are finished; {devices.describe(device)}, "
        f"{task.threads} CPU threads"
    )
    with _arithmetic(task, device):
        if missing:
            if task.code.digest:
                code_records.record(task.run, task.code)
                report.log(task.code.words)
            PackJob(task, report, device, interruption, len(missing), ranks).train(missing)
        elif ranks is not None:
            ranks.hand_out(None)
        assemble(task, device, began)
    for seed in task.seeds:  # what killed jobs left behind
        resume.discard(task.unfinished(seed))
        disk.remove_parts(task.stored(seed))
    stack_width.forget(task)
    for path in (*(task.folder / name for name in OUTPUTS), task.heartbeat):
        disk.remove_parts(path)
    with suppress(OSError):  # all is stored: a heartbeat that stays fails no job
        task.heartbeat.unlink(missing_ok=True)
