"""Signs of life of what usually ends at once: a line now and then where it takes longer."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from isotrope.console.printing import complain

FIRST, EACH = 2.0, 5.0  # seconds until a line, and from one to the next


def somebody_waits() -> bool:
    """Whether standard error is a terminal: files and logs of jobs stay as they are."""
    return sys.stderr.isatty()


@contextmanager
def signs_of_life(words: Callable[[], str], relayed: bool = False) -> Iterator[None]:
    """While what is inside takes long, say on standard error how far it is.

    Only where somebody waits at a terminal: files and logs of jobs stay as they are.

    Args:
        words: how far it is now, in a line.
        relayed: whether standard error goes to a process that shows these lines at a terminal.
    """
    if not relayed and not somebody_waits():
        yield
        return
    over = threading.Event()

    def tell() -> None:
        seconds = FIRST
        while not over.wait(seconds):
            complain(words())
            seconds = EACH

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
