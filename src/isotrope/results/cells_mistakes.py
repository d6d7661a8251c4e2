"""What is wrong with the ``cells.py`` of a study, said before anything is trained, with its line.

Neither torch nor pandas is imported.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from isotrope import registry
from isotrope.errors import UserError, did_you_mean
from isotrope.files.regular import read_text
from isotrope.files.tables import MORE_COLUMNS, RUN_COLUMNS
from isotrope.plan.index import Index
from isotrope.results.cells import MODULE, Cells, cells_of

_Lines = Mapping[tuple[str, ...], int]  # of fields of Cells, and of keys of those with keys


def mistakes_in_cells(index: Index) -> list[str]:
    """What is wrong with the cells of the studies that runs belong to."""
    studies = {run.study for run in index.runs.values() if not run.broken}
    found: list[str] = []
    for study in sorted(studies):
        if MODULE in registry.names(f"studies/{study}"):
            found += _mistakes(study, _columns(index, study))
    return found


def _columns(index: Index, study: str) -> set[str]:
    """The columns that ``runs.csv`` of a study will have."""
    own = [run for run in index.runs.values() if run.study == study]
    settings = {key for run in own for point in run.points.values() for key in point.parameters}
    return {*RUN_COLUMNS, *MORE_COLUMNS, *settings}


def _mistakes(study: str, columns: Collection[str]) -> Iterator[str]:
    """The mistakes of one study, each with file and line."""
    path = registry.source(f"studies/{study}", MODULE)
    try:
        cells = cells_of(study)
    except UserError as error:
        yield from map(_with_hint, error.sentences)
        return
    except TypeError as error:
        yield f"{path}:1: {str(error).removeprefix(f'{path} ')}"
        return
    lines = _lines_of(path)

    def at(*where: str) -> str:
        line = next((lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in lines), 1)
        return f"{path}:{line}: {'.'.join(where)}"

    wrong = [*_of_wrong_types(cells)]
    yield from (f"{at(name)}: {what}" for name, what in wrong)
    if wrong:
        return
    found = [*_unknown_words(cells)]
    if path.is_relative_to(registry.USERS):  # of those of the package some runs may be gone
        found += _unknown_columns(cells, study, columns)
    yield from (f"{at(*where)}: {what}" for where, what in found)


def _with_hint(sentence: str) -> str:
    """A sentence about an unknown keyword of ``Cells``, with the nearest one that there is."""
    asked = re.search(r"Cells\.__init__\(\) got an unexpected keyword argument '(\w+)'", sentence)
    if asked is None:
        return sentence
    known = [one.name for one in fields(Cells)]
    where, _, _ = sentence.partition(": cannot")
    return f"{where}: Cells has no '{asked[1]}'{did_you_mean(asked[1], known)}"


def _of_wrong_types(cells: Cells) -> Iterator[tuple[str, str]]:
    """The fields that hold something else than they should."""
    try:
        TypeAdapter(Cells).validate_python(vars(cells))
    except ValidationError as error:
        for one in error.errors():
            inside = "".join(f"[{part!r}]" for part in one["loc"][1:])
            said = f"{one['msg'][:1].lower()}{one['msg'][1:]}"
            yield str(one["loc"][0]), f"{said}{f' at {inside}' if inside else ''}"


def _unknown_words(cells: Cells) -> Iterator[tuple[tuple[str, ...], str]]:
    """Keys of ``order`` and ``words`` that order or say nothing."""
    for name in cells.order:
        if name not in (known := ["place", "model", *cells.settings]):
            what = f"there is no such thing to order{did_you_mean(name, known)}"
            yield ("order", name), what
    for name in cells.words:
        if name not in cells.settings:
            yield ("words", name), f"no setting is called that{did_you_mean(name, cells.settings)}"


def _unknown_columns(
    cells: Cells, study: str, columns: Collection[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Columns that no run of the study has."""
    named: list[tuple[tuple[str, ...], str]] = [(("dataset",), name) for name in cells.dataset]
    for field in ("settings", "variants"):
        named += [((field, key), column) for key, column in getattr(cells, field).items()]
    for where, column in named:
        if column not in columns:
            hint = did_you_mean(column, sorted(columns))
            yield where, f"no run of {study} has the setting '{column}'{hint}"


def _lines_of(path: Path) -> _Lines:
    """The lines of the fields that a call of ``Cells`` gives, and of their keys."""
    lines: dict[tuple[str, ...], int] = {}
    for node in ast.walk(ast.parse(read_text(path))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == Cells.__name__:
            for given in node.keywords:
                lines[(str(given.arg),)] = given.value.lineno
                if isinstance(given.value, ast.Dict):
                    for key, value in zip(given.value.keys, given.value.values, strict=True):
                        name: Any = getattr(key, "value", None)
                        lines[(str(given.arg), str(name))] = value.lineno
    return lines
