"""Which runs a word may have meant that no run answers to."""

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from isotrope.errors import did_you_mean

_SHOWN = 3  # runs behind a pattern


def nearest_runs(pattern: str, runs: Iterable[str]) -> str:
    """The end of a message about a name or pattern that no run has: the nearest that there are.

    A pattern, and a name of fewer than three parts, is mended word by word: of ``my_nett/*`` the
    nearest is ``my_net/*``, shown with the runs behind it.
    """
    known = list(runs)
    words = {word for name in known for word in name.split("/")}
    parts = pattern.split("/")
    whole = len(parts) == 3 and not set(pattern) & set("*?[")
    found: dict[str, list[str]] = {}
    for place, part in enumerate(() if whole else parts):
        for close in get_close_matches(part.strip("*"), words, n=3, cutoff=0.6):
            mended = "/".join([*parts[:place], close, *parts[place + 1 :]])
            for one in (mended, f"{mended}/*", f"*/{mended}", f"*/{mended}/*"):
                if behind := [name for name in known if fnmatchcase(name, one)]:
                    found.setdefault(one, behind)
                    break
    if not found:
        return did_you_mean(pattern, known)
    said = (f"'{one}' ({_listed(behind)})" for one, behind in list(found.items())[:_SHOWN])
    return f"; did you mean {' or '.join(said)}?"


def _listed(runs: list[str]) -> str:
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return ", ".join(runs[:_SHOWN]) + more
