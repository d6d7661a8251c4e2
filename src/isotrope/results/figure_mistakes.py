"""Tables that figures of the user's own ask for, and that no evaluation makes.

Neither torch nor pandas is imported.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.files.regular import read_text
from isotrope.params.param_folder import read_text as read_param_file
from isotrope.plan.figures import COSTS
from isotrope.plan.index import Index

# what every group has, beside the tables and arrays of its evaluations
ALWAYS = {"TABLES": ("runs", "selection"), "ARRAYS": ("recordings", "histories", "examples")}


def mistakes_in_figures(index: Index) -> list[str]:
    """What is wrong with ``TABLES`` and ``ARRAYS`` of the user's own figures, with file and line.

    A table is called as an evaluation, or as an entry of a run's ``evaluations`` names it.
    """
    evaluated = set(registry.names("evaluation"))
    for run in index.runs.values():
        evaluated.update(alias for point in run.points.values() for alias in point.evaluations)
    evaluated.update(_named_in_text(index))
    found: list[str] = []
    for folder in registry.figure_folders():
        kind = f"figures/{folder}"
        for name in registry.listed(registry.users_folder(kind)):
            path = registry.users_folder(kind) / f"{name}.py"
            for constant, always in ALWAYS.items():
                found += _unknown(kind, name, path, constant, evaluated | {*always})
    return found


def _named_in_text(index: Index) -> Iterator[str]:
    """The words behind ``as`` in param-files whose evaluations are not known for now."""
    waiting = (f"{paths.PARAM_FILES}/{name}.yaml" for name, run in index.runs.items() if run.broken)
    for file in {*waiting, *index.mistakes}:
        with suppress(UserError):
            yield from re.findall(r"\bas: *[\"']?(\w+)", read_param_file(Path(file)))


def _unknown(kind: str, name: str, path: Path, constant: str, known: set[str]) -> Iterator[str]:
    """What is wrong with one of a figure's lists of tables."""
    try:
        named = registry.literal(kind, name, constant, ())
    except UserError as error:
        yield from error.sentences
        return
    lines = enumerate(read_text(path).splitlines(), start=1)
    line = next((number for number, text in lines if re.match(rf"{constant}\b", text)), 1)
    if not isinstance(named, tuple | list) or not all(isinstance(one, str) for one in named):
        example = '("runs", "accuracy")' if constant == "TABLES" else '("recordings",)'
        yield f"{path}:{line}: {constant}: must be names in brackets, as in {example}"
        return
    for table in named:
        if table not in known and not table.endswith(COSTS):
            hint = did_you_mean(table, sorted(known))
            yield f"{path}:{line}: {constant}: no evaluation is called '{table}'{hint}"
