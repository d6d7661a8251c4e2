"""`isotrope status --watch`: the rows, drawn anew on the terminal every few seconds."""

import textwrap
import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from isotrope.errors import UserError
from isotrope.status.lines import lines_of
from isotrope.status.rows import Row


def watch(
    look: Callable[[], tuple[list[Row], str]],
    console: Console,
    seconds: float,
) -> None:
    """Show the rows and the sums below them, and what they have become, until Ctrl-C.

    What does not fit the terminal is counted. A mistake in a param-file is shown in place of the
    sums until it is mended; the rows stay as they were.

    Args:
        look: gives rows and sums.
        console: a terminal.
        seconds: between two looks.

    Raises:
        UserError: if the first look has nothing to show.
    """
    try:
        rows, below = look()
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                clock = f"{time.strftime('%H:%M:%S')}, every {seconds:g} s; Ctrl-C ends"
                live.update(_frame(rows, [*below.splitlines(), clock], console), refresh=True)
                time.sleep(seconds)
                try:
                    rows, below = look()
                except UserError as error:
                    below = "\n".join(error.sentences)
    except KeyboardInterrupt:
        return


def _frame(rows: Sequence[Row], below: Sequence[str], console: Console) -> Group:
    """As many rows as fit above the last lines; of many of those the last that fit half of it."""
    width, height = console.size
    parts = [part for line in below for part in textwrap.wrap(line, width)]
    last = [Text(part, no_wrap=True) for part in parts[-(height // 2) :]]
    room = height - len(last) - 1
    shown: list[Text] = []
    for index, lines in enumerate(lines_of(rows, width)):
        if len(shown) + len(lines) > room - (index + 1 < len(rows)):
            shown.append(Text(f"... and {len(rows) - index} more rows", style="dim"))
            break
        shown += lines
    return Group(*shown, *last)
