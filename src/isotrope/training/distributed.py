"""Several processes that train one seed together, one on each GPU.

The first of them, rank 0, leads: it alone reads and writes files, hears signals and decides; it
hands the others what to train and tells them before each step whether there is one. ``torchrun``
sets the variables by which the processes find each other (``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``,
``MASTER_ADDR``, ``MASTER_PORT``); so does whoever starts them as tasks of a SLURM job.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch import distributed as processes

from isotrope.devices import DeviceName, claim

LEADER = 0
_PATIENCE = timedelta(days=7)  # the leader may wait long for another job that trains the same


class Ranks:
    """The processes that train together, as one of them sees it.

    Args:
        rank: the number of this process, from 0.
        count: how many there are.
    """

    def __init__(self, rank: int, count: int) -> None:
        self.rank = rank
        self.count = count

    @property
    def leads(self) -> bool:
        """Whether this process decides."""
        return self.rank == LEADER

    def tell(self, goes_on: bool = True) -> bool:
        """What the leader says about the next step; the others' own word counts for nothing."""
        word = torch.tensor(int(goes_on))
        processes.broadcast(word, LEADER)
        return bool(word)

    def hand_out(self, what: Any = None) -> Any:
        """What the leader hands to all: words, numbers and tensors on the CPU."""
        box = [what]
        processes.broadcast_object_list(box, LEADER)
        return box[0]

    def outlive_leader(self) -> NoReturn:
        """Stay until the leader has ended: it may still have to ask for the job to be queued again.

        Raises:
            SystemExit: always, with status 0.
        """
        with suppress(RuntimeError):  # what is waited for never comes, but for the end of the line
            self.hand_out()
        raise SystemExit(0)

    def add_up(self, *values: Tensor) -> list[Tensor]:
        """The sum over all processes of tensors of one type, with the same bits for all of them."""
        flat = torch.cat([value.detach().flatten() for value in values])
        processes.all_reduce(flat)
        pieces = flat.split_with_sizes([value.numel() for value in values])
        return [piece.view_as(value) for piece, value in zip(pieces, values, strict=True)]

    def share(self, values: Any) -> Any:
        """This process' part of a batch: every n-th of its images, at least one."""
        if isinstance(values, Tensor):
            own = values[self.rank :: self.count]
            return own if len(own) else values[:1]
        if isinstance(values, dict):
            return {key: self.share(value) for key, value in values.items()}
        return tuple(self.share(value) for value in values)

    def weight(self, images: int) -> float:
        """How much of a batch this process' share is; 0 where the share is a stopgap."""
        return len(range(self.rank, images, self.count)) / images


def in_company() -> bool:
    """Whether this process was started as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device: DeviceName) -> Iterator[Ranks | None]:
    """Meet the other processes, if there are any, and part from them at the end.

    Args:
        device: where they train; on GPUs each takes the one of its ``LOCAL_RANK``.
    """
    if not in_company():
        yield None
        return
    backend = "gloo"
    if device != "cpu" and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    processes.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Ranks(processes.get_rank(), processes.get_world_size())
    finally:
        processes.destroy_process_group()


def torchrun(gpus: int, words: Sequence[str], log: Callable[[str], None]) -> list[str] | None:
    """The command that starts a process on each GPU, where there are several to be used.

    So many GPUs are claimed, for the program that replaces this one.

    Args:
        gpus: how many the run asks for.
        words: the words of this command, without the program.
        log: is told if there are fewer than several that are asked for, and what is claimed.

    Returns:
        None where one process is right: one GPU is asked for or there, or there are others already.
    """
    if gpus < 2 or in_company():
        return None
    there = min(gpus, torch.cuda.device_count())
    if there < gpus:
        log(f"{gpus} GPUs are asked for, and {there or 'none'} {'are' if there > 1 else 'is'} here")
    if there < 2:
        return None
    claim(log, there, inherited=True)
    started = ("torch.distributed.run", "--standalone", "--nproc-per-node", str(there))
    return [sys.executable, "-m", *started, "-m", "isotrope.cli", *words]
