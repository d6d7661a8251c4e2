"""Which studies are known, and which name of one looks like a mistake.

A study needs nothing but its name in param-files, so that no name is wrong. But one that is nearly
that of another study is asked about: its runs would stand in no figure of the study that was meant.
"""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.params.param_folder import find, read_text

NEAR = 0.75  # of difflib's ratio: one letter of four may differ


def with_files() -> set[str]:
    """The studies that have a folder of their own, figures or published numbers."""
    folders = {*registry.study_folders(), *registry.figure_folders()} - {"general"}
    return folders | {path.stem for path in paths.PUBLISHED.glob("*.csv")}


def with_runs() -> set[str]:
    """The studies that param-files name, as far as they can be read."""
    found = set[str]()
    for path, misnamed in find().items():
        if not misnamed:
            with suppress(UserError):
                found.update(re.findall(r"^study: *(\w+)", read_text(path), re.M)[:1])
    return found


def question_about(study: str) -> list[str]:
    """A sentence if a study has neither files nor runs, and nearly the name of one that has."""
    known = with_files() | with_runs()
    close = [] if study in known else get_close_matches(study, known, n=1, cutoff=NEAR)
    return [f"the study '{study}' is new; did you mean '{one}'?" for one in close]


def near_misses(studies: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each study whose name is nearly that of a better known one.

    A study with files of its own is never a mistake; of two without, the one with fewer runs may
    be.

    Args:
        studies: each run and its study.
    """
    named: dict[str, list[str]] = {}
    for run, study in studies:
        named.setdefault(study, []).append(run)
    counts = Counter({study: len(runs) for study, runs in named.items()})
    established = with_files()
    sentences = []
    for study, runs in named.items():
        if study in established:
            continue
        known = established | {other for other in named if counts[other] > counts[study]}
        if close := get_close_matches(study, known, n=1, cutoff=NEAR):
            more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
            sentences.append(
                f"param-files/{runs[0]}.yaml{more}: the study '{study}' is new; did you mean "
                f"'{close[0]}'?"
            )
    return sentences
