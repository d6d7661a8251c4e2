"""The last word of a log: whether it is an error, and which.

What a job says while all is well is known, and a test has real jobs say it; whatever else a log
ends with is an error: the sentence of a ``UserError``, an exception behind its traceback, or what
the shell or Python had to say.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isotrope.files import regular

Kind = Literal["well", "ended", "waits", "error"]
TAIL = 65_536  # bytes that are read of a log, at its end
LONGEST = 1_000  # characters that are kept of a line
_TRACEBACK = "Traceback (most recent call last):"
_WELL = re.compile(
    r"^(\d+ )?seeds? (of )?\d"  # an epoch, how a seed ended, where it goes on, that it was shipped
    r"|^seeds train one after the other: |^a step of one seed takes "
    r"|: \d+ to train, \d+ are finished; "
    r"|^\d+ training and \d+ validation images "
    r"|^\w+, [\d,]+ parameters$"
    r"|^snakemake does not know of "
    r"|^takes over from |^this process was silent for too long "
    r"|: \d+ seeds on \d+ images of "
    r"| is truncated or altered .*(is passed over|is computed again)$"
    r"|^(built|wrote) | is whole$| is chosen"
    r"|^\S+:\d+: \w*Warning: "
)
_ENDED = re.compile(r"^SIG\w+: [\w ]+, |^scontrol requeue ")
_WAITS = re.compile(r"^waits for ")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class LastWord:
    """How a log ends.

    Args:
        line: its last line that says something; empty if there is none.
        kind: an ``error``; or the job was told to end and has ``ended``; or it ``waits`` for
            another that is at work on the same; or all is ``well``.
        written: when the log was last written, by the file system's clock.
    """

    line: str
    kind: Kind
    written: float

    @property
    def is_error(self) -> bool:
        """Whether the line is an error."""
        return self.kind == "error"


def last_word(path: Path) -> LastWord | None:
    """How a log ends; None if it cannot be read."""
    try:
        with regular.open_bytes(path) as file:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    line, kind = _last_line([_clean(text_line) for text_line in text.splitlines()])
    return LastWord(line[:LONGEST], kind, status.st_mtime)


def _clean(line: str) -> str:
    """A line that moves no cursor and changes no colour; its indentation is kept."""
    plain = _ESCAPES.sub("", line).rstrip()
    return "".join(letter if letter.isprintable() else " " for letter in plain)


def _last_line(lines: list[str]) -> tuple[str, Kind]:
    unindented = [line for line in lines if line and not line.startswith(" ")]
    if not unindented:  # no line at all, or details of something that is not there
        return "", "well"
    known: tuple[tuple[re.Pattern[str], Kind], ...] = (
        (_WELL, "well"),
        (_ENDED, "ended"),
        (_WAITS, "waits"),
    )
    for pattern, kind in known:
        if pattern.search(unindented[-1]):
            return unindented[-1], kind
    if _TRACEBACK in unindented:
        after = unindented[len(unindented) - unindented[::-1].index(_TRACEBACK) :]
        if after:  # what follows the first line of an exception is advice
            return after[0], "error"
    return unindented[-1], "error"
