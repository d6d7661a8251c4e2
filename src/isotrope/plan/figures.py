"""The figures of a study, found by their folders, and what each is drawn from.

``figures/general`` serves every study, ``figures/<study>`` one. A study's figure replaces the
general one of the same name. All is read from the sources, without an import.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean

GENERAL = "figures/general"
DRAWN_BY = ("isotrope.results.drawing",)  # what draws every figure
CELLS = "cells"  # the module in studies/<study>/ that says what panels are


def figures_of(study: str) -> dict[str, str]:
    """The figures of a study by name, each with its kind for the registry."""
    own = f"figures/{study}"
    kinds = (GENERAL, own) if own != GENERAL else (GENERAL,)
    found = {name: kind for kind in kinds for name in registry.names(kind)}
    return dict(sorted(found.items()))


def figure_kind(study: str, figure: str) -> str:
    """The kind under which the registry knows a figure of a study.

    Raises:
        UserError: if the study has no such figure.
    """
    found = figures_of(study)
    if figure not in found:
        hint = did_you_mean(figure, found)
        raise UserError(f"no figure of the study {study} is called '{figure}'{hint}")
    return found[figure]


def all_figures() -> list[str]:
    """The name of every figure of any study."""
    folders = registry.figure_folders()
    return sorted({name for folder in folders for name in registry.names(f"figures/{folder}")})


def constant(study: str, figure: str, name: str, default: Any = None) -> Any:
    """A constant of a figure's module.

    Raises:
        UserError: if the study has no such figure.
    """
    return registry.literal(figure_kind(study, figure), figure, name, default)


def is_general(study: str, figure: str) -> bool:
    """Whether a figure is one that every study has, and not the study's own."""
    return figures_of(study)[figure] == GENERAL


def suffixes(study: str, figure: str) -> list[str]:
    """What the files of a figure end with that are asked for; others lie beside them.

    Raises:
        UserError: if the study has no such figure.
    """
    if constant(study, figure, "ANIMATION", False):
        return [".gif"]
    latex = constant(study, figure, "LATEX", False)
    return [".svg", *([".tex"] if latex else [])]


def tables_needed(study: str, figure: str) -> list[str]:
    """The tables that a figure is drawn from by name; those of arrays end with ``.npz``.

    Raises:
        UserError: if the study has no such figure.
    """
    arrays = constant(study, figure, "ARRAYS", ())
    return [*constant(study, figure, "TABLES"), *(f"{table}.npz" for table in arrays)]


def sources_of(study: str, figure: str) -> list[str]:
    """The file of a figure and every module of the project that draws it, imports of imports too.

    Raises:
        UserError: if the study has no such figure.
    """
    first = registry.source(figure_kind(study, figure), figure).absolute()
    waiting = [first, *(path for name in DRAWN_BY if (path := _file_of(name)))]
    if CELLS in registry.names(f"studies/{study}"):
        waiting.append(registry.source(f"studies/{study}", CELLS).absolute())
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return [_shown(first), *sorted(_shown(path) for path in found - {first})]


def _shown(path: Path) -> str:
    """A path as rules name it: relative to the project where it lies there."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _imported(path: Path) -> tuple[Path, ...]:
    """The modules of the project that a module imports."""
    return _parsed_imports(path, path.stat().st_mtime_ns, Path.cwd())


@cache
def _parsed_imports(path: Path, changed: int, root: Path) -> tuple[Path, ...]:
    del changed, root
    names = _names_imported(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return tuple(dict.fromkeys(found for name in names if (found := _file_of(name))))


def _names_imported(tree: ast.AST) -> Iterator[str]:
    """The modules that a source imports at its top or in its functions, as far as names say it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inside if _file_of(name)]
            yield from modules
            if len(modules) < len(inside):
                yield node.module


@cache
def _file_of(module: str) -> Path | None:
    """The file of a module of the project; None for others, and for packages."""
    top, _, inside = module.partition(".")
    roots = {"isotrope": registry.PACKAGE, registry.USERS.name: registry.USERS.absolute()}
    if not inside or top not in roots:
        return None
    path = roots[top].joinpath(*inside.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def published(study: str) -> list[str]:
    """The file of a study's published numbers, if it has one."""
    path = paths.published(study)
    return [path.as_posix()] if path.is_file() else []
