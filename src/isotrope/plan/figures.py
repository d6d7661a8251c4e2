"""The figures of a study, found by their folders, and what each is drawn from.

``figures/general`` serves every study, ``figures/<study>`` one. A study's figure replaces the
general one of the same name. All is read from the sources, without an import.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.plan.sources import Sources

GENERAL = "figures/general"
DRAWN_BY = ("isotrope.results.drawing",)  # what draws every figure
COSTS = "_costs"  # ends the name of a table that a benchmark wrote, which no run makes
CELLS = "cells"  # the module in studies/<study>/ that says what panels are


class StudyFigures:
    """The figures of one study.

    Args:
        study: its name.
        sources: reads modules; shared by the studies of a plan, so that each file is read once.
    """

    def __init__(self, study: str, sources: Sources | None = None) -> None:
        self.study = study
        self._sources = sources or Sources()

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The figures by name, each with its kind for the registry."""
        own = f"figures/{self.study}"
        kinds = (GENERAL, own) if own != GENERAL else (GENERAL,)
        found = {name: kind for kind in kinds for name in registry.names(kind)}
        return dict(sorted(found.items()))

    def kind(self, figure: str) -> str:
        """The kind under which the registry knows a figure.

        Raises:
            UserError: if the study has no such figure.
        """
        if figure not in self.kinds:
            hint = did_you_mean(figure, self.kinds)
            raise UserError(f"no figure of the study {self.study} is called '{figure}'{hint}")
        return self.kinds[figure]

    def is_general(self, figure: str) -> bool:
        """Whether a figure is one that every study has, and not the study's own."""
        return self.kind(figure) == GENERAL

    def constant(self, figure: str, name: str, default: Any = None) -> Any:
        """A constant of a figure's module; one that has no default must be there.

        Raises:
            BrokenPluginError: if the module cannot be read, or lacks the constant.
            UserError: if the study has no such figure.
        """
        path = self._path(figure)
        found = self._sources.constants(path).get(name, default)
        if found is None:
            raise registry.BrokenPluginError(f"{_shown(path)}: it must assign a literal to {name}")
        return found

    def tables(self, figure: str) -> list[str]:
        """The tables that a figure is drawn from by name; those of arrays end with ``.npz``.

        Raises:
            BrokenPluginError: if the module cannot be read, or does not say it.
            UserError: if the study has no such figure.
        """
        arrays = self.constant(figure, "ARRAYS", ())
        return [*self.constant(figure, "TABLES"), *(f"{table}.npz" for table in arrays)]

    def suffixes(self, figure: str) -> list[str]:
        """What the files of a figure end with; the first is the one that is shown.

        Raises:
            UserError: if the study has no such figure.
        """
        if self.constant(figure, "ANIMATION", False):
            return [".gif", ".frames.csv"]
        latex = [".tex"] if self.constant(figure, "LATEX", False) else []
        return [".svg", ".pdf", ".csv", *latex]

    def drawn_by(self, figure: str) -> list[str]:
        """The file of a figure, and every module of the project that draws it.

        Raises:
            UserError: if the study has no such figure.
        """
        first = self._path(figure)
        found = self._sources.all_of(first) | self._drawn_by_for_all
        return [_shown(first), *sorted(_shown(path) for path in found - {first})]

    @cached_property
    def _drawn_by_for_all(self) -> set[str]:
        """The modules that draw every figure of the study, and what they import."""
        found = [path for name in DRAWN_BY if (path := self._sources.file_of(name))]
        kind = f"studies/{self.study}"
        if CELLS in registry.names(kind):
            found.append(str(registry.source(kind, CELLS).absolute()))
        return {path for module in found for path in self._sources.behind(module)}

    def _path(self, figure: str) -> str:
        if figure not in self._paths:
            self._paths[figure] = str(registry.source(self.kind(figure), figure).absolute())
        return self._paths[figure]

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {}


def all_figures() -> list[str]:
    """The name of every figure of any study."""
    folders = registry.figure_folders()
    return sorted({name for folder in folders for name in registry.names(f"figures/{folder}")})


def published(study: str) -> list[str]:
    """The file of a study's published numbers, if it has one."""
    path = paths.published(study)
    return [path.as_posix()] if path.is_file() else []


def _shown(path: str) -> str:
    """A path as rules name it: relative to the project where it lies there."""
    here = f"{Path.cwd().as_posix()}/"
    return path.removeprefix(here)
