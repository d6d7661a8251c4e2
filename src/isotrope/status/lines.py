"""Rows as lines of text: in columns on a wide terminal, on a narrow one the detail stands below."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.text import Text

from isotrope.status.rows import Row

WIDE = 140  # columns of a terminal on which a row is one line
_STYLES = {
    "failed": "bold red",
    "interrupted": "red",
    "diverged": "magenta",
    "stale": "yellow",
    "running": "green",
    "queued": "",
    "done": "dim",
    "waiting": "dim",
}
_STATE = max(len(state) for state in _STYLES)
_MOST = 4  # lines of a detail


def lines_of(rows: Sequence[Row], width: int | None) -> Iterator[list[Text]]:
    """The lines of each row.

    Args:
        rows: what to show.
        width: columns of the terminal; without one each row is one line, however long, as programs
            that read lines want it.
    """
    counts = [f"{row.finished}/{row.seeds}" for row in rows]
    names = [" ".join(part for part in (row.name, row.point, row.packs) if part) for row in rows]
    count_width = max(map(len, counts), default=0)
    name_width = max(map(len, names), default=0)
    left = _STATE + count_width + 4
    beside = width is not None and width >= WIDE and left + name_width <= width // 2
    for row, count, name in zip(rows, counts, names, strict=True):
        head = f"{row.state:<{_STATE}}  {count:>{count_width}}  "
        if width is None:
            lines = [f"{head}{name}  {row.detail}"]
        elif beside:
            lines = _wrapped(f"{head}{name:<{name_width}}  ", row.detail, width)
        else:
            lines = _wrapped(head, name, width)
            if row.detail:
                lines += _wrapped(" " * left, row.detail, width)
        texts = [Text(line.rstrip(), no_wrap=True, overflow="crop") for line in lines]
        texts[0].stylize(_STYLES[row.state], 0, len(row.state))
        yield texts


def _wrapped(head: str, text: str, width: int) -> list[str]:
    """Text behind a head, and below itself where it is longer than the line."""
    room = max(width - len(head), 10)
    parts = textwrap.wrap(text, room, break_on_hyphens=False, max_lines=_MOST, placeholder=" ...")
    first, *others = parts or [""]
    return [head + first, *(" " * len(head) + part for part in others)]
