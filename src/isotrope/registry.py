"""Plug-ins, found by the name of their file.

A data set, a model, an evaluation or a figure is one file in the folder of its kind; nothing else
names it. Listing and reading literals works on the source text, so that neither costs an import.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from isotrope.errors import UserError, did_you_mean

PACKAGE = Path(__file__).parent
KINDS = {"data": "data set", "models": "model", "evaluation": "evaluation", "figures": "figure"}


def folder(kind: str) -> Path:
    """The folder that holds the plug-ins of one kind."""
    return PACKAGE / kind


def names(kind: str) -> list[str]:
    """All plug-ins of one kind, sorted. Files whose name begins with ``_`` are none."""
    place = folder(kind)
    return list(_listed(place, place.stat().st_mtime_ns))


@cache
def _listed(place: Path, changed: int) -> tuple[str, ...]:
    """The plug-ins in a folder that last ``changed`` then: checking asks for them all the time."""
    del changed
    return tuple(sorted(p.stem for p in place.glob("*.py") if not p.stem.startswith("_")))


def source(kind: str, name: str) -> Path:
    """The file of a plug-in.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in names(kind):
        known = names(kind)
        raise UserError(f"no {KINDS[kind]} is called '{name}'{did_you_mean(name, known)}")
    return folder(kind) / f"{name}.py"


def load(kind: str, name: str) -> ModuleType:
    """Import a plug-in.

    Raises:
        UserError: if there is none of that name.
    """
    source(kind, name)
    return importlib.import_module(f"isotrope.{kind}.{name}")


@cache
def literals(path: Path) -> dict[str, Any]:
    """The constants that a module assigns at its top level, by name.

    Raises:
        ValueError: if one is assigned twice: readers would not see which one counts.
    """
    found: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        if target.id in found:
            raise ValueError(f"{path}:{node.lineno}: {target.id} is assigned twice")
        try:
            found[target.id] = ast.literal_eval(value)
        except ValueError:
            continue  # computed when imported, so not a literal
    return found


def literal(kind: str, name: str, constant: str, default: Any = None) -> Any:
    """A constant of a plug-in, read from its source without importing it.

    Raises:
        UserError: if there is no plug-in of that name.
        ValueError: if the plug-in does not assign the constant a literal and no default is given.
    """
    values = literals(source(kind, name))
    if constant in values:
        return values[constant]
    if default is None:
        raise ValueError(f"{kind}/{name}.py must assign a literal to {constant}")
    return default
