"""Many small reads of a network disk, in threads, so that their waiting times overlap.

A network file system answers within a millisecond or more, whatever is asked: asking one after the
other, a head node waits nearly all the time. Python lets other threads run while one waits.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = 32  # as many questions as an NFS client has under way without queueing them
CHUNK = 64  # items that a thread takes at once: handing over each alone would cost more than it


def overlapped(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``work`` done on every item, in threads; results in the order of the items.

    The first error of any is raised; what was not begun by then is left undone.
    """
    size = max(1, min(CHUNK, len(items) // THREADS))
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    pool = ThreadPoolExecutor(THREADS)
    try:
        done = pool.map(lambda chunk: [work(item) for item in chunk], chunks)
        return [result for results in done for result in results]
    finally:
        pool.shutdown(cancel_futures=True)
