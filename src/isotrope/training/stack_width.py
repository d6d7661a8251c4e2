"""How many seeds train at once: as the param-file says, or as this device does it fastest.

On a CPU one: a stack there takes longer than its seeds in turn (benchmarks/results/packs.md). On a
GPU as many as fit its memory (all of it, whatever is free), if steps of the stack, measured before
the first one counts, are faster than steps of single seeds. What was measured is remembered beside
the unfinished seeds: a job that is started again must form the same stacks.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

import torch

from isotrope import devices, paths
from isotrope.files import json_files, regular
from isotrope.files.disk import write_whole
from isotrope.params.blocks import Plugin
from isotrope.params.wrapping import stackable, why_not_stacked
from isotrope.training.loop import LockstepTraining
from isotrope.training.task import TrainingTask

SHARE = 0.8  # of the memory: validation and the best epochs' weights need some, too
_WARMING, _TIMED = 3, 5  # steps


class Trial(Protocol):
    """Gives a training of so many seeds that may be thrown away."""

    def __call__(self, width: int, plain: bool = False) -> LockstepTraining:
        """Plain is neither compiled nor recorded as a graph: what fails says why it does."""


class Cost(NamedTuple):
    """A training step of some seeds together: seconds, and the most bytes in use."""

    seconds: float
    bytes: int


def width_of(
    task: TrainingTask,
    device: torch.device,
    trial: Trial,
    seeds: int,
    log: Callable[[str], None],
) -> int:
    """How many seeds train at once.

    Args:
        task: what is trained.
        device: where.
        trial: gives a training.
        seeds: how many there are.
        log: is told why, where there was a choice.
    """
    wanted = 1 if task.stack is None and device.type == "cpu" else task.stack
    if seeds == 1 or wanted == 1:
        return 1
    if (known := _remembered(task, device)) is not None:
        return min(known, seeds, wanted or seeds)
    if reason := _refusal(task, trial):
        log(f"seeds train one after the other: {reason}")
        return 1
    if wanted is not None:
        return min(wanted, seeds)
    room = int(SHARE * devices.memory_total(device))
    width = fastest(lambda width: measured(trial, width, device), seeds, room, log)
    remember(task, device, width)
    return width


def fastest(cost: Callable[[int], Cost], seeds: int, room: int, log: Callable[[str], None]) -> int:
    """The faster of two ways: one seed after the other, or as many at once as fit the memory.

    Args:
        cost: measures a step of so many seeds; may run out of memory.
        seeds: how many there are.
        room: bytes that may be used.
        log: is told what was measured.
    """
    try:
        one, two = cost(1), cost(2)
    except torch.OutOfMemoryError:
        log("seeds train one after the other: two at once do not fit the memory")
        return 1
    each = max(1, two.bytes - one.bytes)
    width = max(1, min(seeds, 1 + int((room - one.bytes) // each)))
    while width > 1:
        try:
            stack = two if width == 2 else cost(width)
        except torch.OutOfMemoryError:
            width //= 2
            continue
        pays = stack.seconds < width * one.seconds
        log(
            f"a step of one seed takes {1000 * one.seconds:.2f} ms, of {width} at once "
            f"{1000 * stack.seconds:.2f} ms: "
            + (f"{width} at once" if pays else "one after the other")
        )
        return width if pays else 1
    return 1


def measured(trial: Trial, width: int, device: torch.device) -> Cost:
    """What a step of so many seeds costs, with the memory that graphs keep for themselves."""
    devices.free_memory(device)
    devices.start_memory_peak(device)
    before = devices.memory_held(device)
    training = trial(width)
    training.try_out(_WARMING)
    devices.synchronize(device)
    begin = time.perf_counter()
    training.try_out(_TIMED)
    devices.synchronize(device)
    seconds = (time.perf_counter() - begin) / _TIMED
    return Cost(seconds, max(0, devices.memory_held(device, most=True) - before))


def _refusal(task: TrainingTask, trial: Trial) -> str | None:
    """Why the model cannot be stacked; none if it can."""
    if not stackable(Plugin(task.model_name, task.model_params)):
        return f"{task.model_name} says that it cannot be stacked"
    try:
        trial(2, plain=True).try_out(1)
    except torch.OutOfMemoryError:
        return "two at once do not fit the memory"
    except (ValueError, RuntimeError) as error:
        return f"{task.model_name} cannot be stacked ({why_not_stacked(error)})"
    return None


def remember(task: TrainingTask, device: torch.device, width: int) -> None:
    """Let jobs of this training on this kind of device train so many seeds at once from now on."""
    said = {"device": devices.describe(device), "width": width}
    write_whole(paths.stack_width(task.run, task.point, task.training_digest), json.dumps(said))


def _remembered(task: TrainingTask, device: torch.device) -> int | None:
    path = paths.stack_width(task.run, task.point, task.training_digest)
    try:
        said = json_files.parse_object(regular.read_bytes(path))
        width, where = int(said["width"]), said["device"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return max(1, width) if where == devices.describe(device) else None


def forget(task: TrainingTask) -> None:
    """Remove what was remembered, once no seed of the point is unfinished."""
    path = paths.stack_width(task.run, task.point, task.training_digest)
    if any(path.parent.glob("*.pt*")):
        return
    path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or not empty
        path.parent.rmdir()
