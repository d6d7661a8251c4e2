"""What a user reads. The only module that prints.

Signs that are not letters (control characters, ends of lines inside a sentence, bytes that are no
UTF-8) are shown as Python writes them, so that no name moves the cursor or makes a second sentence.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

from isotrope.errors import UserError, in_one_line

LONGEST = 1000  # characters of a sentence: words of a user's may be long
MOST = 100  # sentences at once
BROKEN_PIPE = 128 + signal.SIGPIPE  # what a shell says of a program that dies of it


def say(text: str) -> None:
    """Lines to standard output, at once; a program that nobody listens to any more ends quietly.

    Raises:
        UserError: if it is a file on a disk that is full or broken.
        SystemExit: with the status of a broken pipe, if whoever read the output has seen enough.
    """
    try:
        print("\n".join(map(in_one_line, text.split("\n"))), flush=True)
    except BrokenPipeError:
        nobody_reads(sys.stdout)
    except OSError as error:
        _drop(sys.stdout)
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"this output could not be written: {reason}; free space, then start again: what was "
            "saved before is kept"
        ) from error


def nobody_reads(stream: TextIO) -> NoReturn:
    """End the program quietly, since whoever read its output has seen enough.

    Raises:
        SystemExit: with the status of a broken pipe.
    """
    _drop(stream)
    raise SystemExit(BROKEN_PIPE) from None


def complain(*sentences: str) -> None:
    """Sentences to standard error, if that can be written: a line each, none too long."""
    if not sentences:
        return
    lines = [in_one_line(sentence, LONGEST) for sentence in sentences[:MOST]]
    if len(sentences) > MOST:
        lines.append(f"and {len(sentences) - MOST:,} more")
    try:
        print(*lines, sep="\n", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Forget what could not be written: the end of the program would try, and fail, again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
