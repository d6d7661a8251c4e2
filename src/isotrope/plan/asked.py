"""Which runs were asked for last, so that ``isotrope status`` shows these and not all there are.

Whoever starts work, Snakemake or ``isotrope submit``, leaves their names in ``out/asked.json``.
"""

import json
from collections.abc import Iterable
from contextlib import suppress

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.disk import write_whole
from isotrope.plan.index import Index
from isotrope.plan.selection import Selection


def remember(names: Iterable[str], besides: bool = False) -> None:
    """Keep the names of runs that are asked for; a disk that cannot be written is no harm.

    Args:
        names: the runs.
        besides: whether those that were asked for before still are.
    """
    known = _read() if besides else None
    content = json.dumps(sorted({*names, *(known or ())}), indent=1)
    with suppress(OSError, UserError):
        write_whole(paths.ASKED, content + "\n")


def shown(index: Index) -> list[str]:
    """The runs that were asked for, one's own, and those of which anything is there.

    Of a study's demo that is all runs, if anything of one is there: a user may have added some.
    Where nothing was asked for yet, these are the runs that ``snakemake`` alone would make.
    """
    asked = _read()
    if asked is None:
        asked = set(Selection.from_config({}).names(index))
    runs = paths.OUT / "runs"
    there = {name for name in index.runs if (runs / name).is_dir()}
    demos = {index.runs[name].study for name in there if index.runs[name].series == "demo"}
    return [
        name
        for name, run in index.runs.items()
        if name in asked | there
        or run.series == "own"
        or (run.series == "demo" and run.study in demos)
    ]


def _read() -> set[str] | None:
    """The names that were kept; None if there are none, or they cannot be read."""
    try:
        content = json.loads(regular.read_text(paths.ASKED))
    except (OSError, ValueError, RecursionError):
        return None
    return {str(name) for name in content} if isinstance(content, list) else None
