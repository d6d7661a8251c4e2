"""A progress bar where a person watches: on a terminal's standard error, nothing elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

T = TypeVar("T")


def with_progress(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, one by one, while the bar moves.

    Args:
        items: what is worked on.
        what: a few words before the bar.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        yield from progress.track(items, description=what)


@contextmanager
def transfer(what: str, total: int) -> Iterator["Transfer"]:
    """A bar for a transfer of ``total`` bytes; call ``at`` on what is given to move it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        yield Transfer(progress, what, total)


class Transfer:
    """Moves the bar of a transfer; made by ``transfer``."""

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    def at(self, done: int) -> None:
        """Move the bar to ``done`` bytes."""
        self._progress.update(self._task, completed=done)
