"""What a user can mend is a ``UserError``; everything else is a bug and keeps its traceback."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

_MENDABLE = (IsADirectoryError, NotADirectoryError, FileExistsError, PermissionError)
_NO_PATH = {
    errno.ENAMETOOLONG: "too long for a name of a file; give a shorter one",
    errno.ELOOP: "is a link that leads to itself; remove it",
}
LISTED = 30  # names that a message lists at most: more than any kind of plug-in has, not than runs

LONGEST = 200  # letters of a name that is looked for


def in_one_line(text: str, longest: int | None = None) -> str:
    """A text as a message shows it: what would split or garble a line is written as an escape.

    Args:
        text: any text, that of a user's file among them.
        longest: letters that are shown; of a longer text the middle is left out.
    """
    if not text.isprintable():
        shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        text = "".join(shown)
    if longest is None or len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 5]} ... {text[-end:]}"


class UserError(Exception):
    """Mistakes that the user can mend, each one sentence: where, what was found, what to do.

    The command line prints the sentences, one a line and without a traceback, and ends with
    exit status 2.
    """

    def __init__(self, *sentences: str) -> None:
        self.sentences = tuple(in_one_line(sentence) for sentence in sentences)
        super().__init__("\n".join(self.sentences))


def of_the_system(error: OSError) -> UserError | None:
    """What a user can mend of a refusal of the system's; None if the program itself is wrong.

    A file where a folder should be, the reverse, a pipe in the place of either, what may not be
    read or written, and names that are too long or lead in a circle.
    """
    if error.filename is None:
        return None
    if error.errno in _NO_PATH:
        return UserError(f"{error.filename}: {_NO_PATH[error.errno]}")
    reason = (error.strerror or type(error).__name__).lower()
    if error.errno == errno.ENXIO:  # a named pipe, a socket or a device
        return UserError(f"{error.filename}: {reason}; move it away and start again")
    if not isinstance(error, _MENDABLE):
        return None
    return UserError(
        f"{error.filename}: {reason}; move it away, or give permission, and start again"
    )


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest choices, else the first of all."""
    return _nearest(in_one_line(name, LONGEST), tuple(sorted(set(choices))))


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(f"'{one}'" for one in close) + "?"
    if known:
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        return "; choose from " + ", ".join(known[:LISTED]) + more
    return ""
