"""What a user reads. The only module that prints."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from isotrope.errors import UserError


def say(text: str) -> None:
    """One line to standard output, at once.

    Raises:
        UserError: if it is a file on a disk that is full or broken.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop(sys.stdout)
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"this output could not be written: {reason}; free space, then start again: what was "
            "saved before is kept"
        ) from error


def complain(*sentences: str) -> None:
    """Sentences to standard error, if that can be written."""
    try:
        print(*sentences, sep="\n", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Forget what could not be written: the end of the program would try, and fail, again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
