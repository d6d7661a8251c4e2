"""Work that is shared out among copies of this process, which begin with all that it has in memory.

A copy is made by a fork, so that nothing is imported or read again. It hands its answers back as it
goes. One that ends early, by a mistake, a signal or for lack of memory, is silent: what it did not
answer is left to its maker, where the same mistake is raised once and in the open.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Rest = TypeVar("Rest")
_MOST = 8  # copies


def copies_for(items: int, each: int) -> int:
    """How many copies are worth their start; 0 where this process had better do all.

    Args:
        items: how many items there are.
        each: how many of them a copy has at least.
    """
    if sys.platform != "linux":  # elsewhere a process with PyTorch is not safely copied
        return 0
    copies = min(len(os.sched_getaffinity(0)), items // each, _MOST)
    return copies if copies > 1 else 0


def shares(groups: Sequence[Sequence[Item]], count: int) -> list[list[Item]]:
    """The items in ``count`` shares of about one size; those of a group stay together."""
    found: list[list[Item]] = [[] for _ in range(count)]
    for group in sorted(groups, key=len, reverse=True):
        min(found, key=len).extend(group)
    return found


def share_out(
    shares: Sequence[Sequence[Item]],
    answer: Callable[[Item], Answer],
    rest: Callable[[], Rest],
    heard: Callable[[Item, Answer], None],
) -> list[Rest]:
    """Have each share answered in a copy of this process; what the copies that got to an end left.

    Args:
        shares: the items of each copy.
        answer: answers an item there; what it gives can be pickled.
        rest: called there at the end.
        heard: called here with each item and its answer, as they come. An item whose copy ended
            early is never heard of.
    """
    fork, rests = get_context("fork"), []
    copies: list[BaseProcess] = []
    listening: dict[Connection, Sequence[Item]] = {}
    try:
        for share in shares:
            here, there = fork.Pipe(duplex=False)
            work = here, there, share, answer, rest
            copy = fork.Process(target=_work, args=work, daemon=True)
            copies.append(copy)
            copy.start()
            there.close()
            listening[here] = share
        while listening:
            for here in [one for one in wait([*listening]) if isinstance(one, Connection)]:
                try:
                    place, said = here.recv()
                except (EOFError, OSError):
                    listening.pop(here)
                    here.close()
                    continue
                if place is None:
                    rests.append(said)
                else:
                    heard(listening[here][place], said)
    finally:
        for one in copies:
            one.terminate()
            one.join()
    return rests


def _work(
    here: Connection,
    there: Connection,
    share: Sequence[Item],
    answer: Callable[[Item], Answer],
    rest: Callable[[], Rest],
) -> None:
    """What a copy does."""
    here.close()  # else it would not notice that its maker is gone
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)  # the others are not to be had after a fork
    # closed, it ends the listening: the exit of a copy may wait for a thread that a plug-in started
    with there, suppress(BaseException):
        for place, item in enumerate(share):
            there.send((place, answer(item)))
        there.send((None, rest()))
