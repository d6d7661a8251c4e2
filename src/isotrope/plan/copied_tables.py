"""Tables on disk that Snakemake did not write here: what they hold, and what they lack."""

import csv
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from isotrope import paths
from isotrope.files import regular
from isotrope.params.param_folder import find
from isotrope.plan.code_words import listed
from isotrope.plan.index import RunEntry


def copied_groups(takes: Callable[[str, str, str], bool]) -> list[str]:
    """The groups of tables on disk that hold a run that is asked for.

    Args:
        takes: whether a run is, by its name, study and series; an empty word is not known.
    """
    found = []
    for folder in sorted({path.parent for path in (paths.OUT / "tables").glob("*/*.csv")}):
        study = paths.study_of(folder.name)
        rows = _rows(folder / "runs.csv") or [{}]
        runs = {(row.get("run", ""), row.get("series", "")) for row in rows}
        if any(takes(run, study, series) for run, series in runs):
            found.append(folder.name)
    return found


def copied_tables(groups: Collection[str]) -> dict[str, dict[str, list[str]]]:
    """The tables of some groups on disk: for each group and table the runs that have rows there."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted((paths.OUT / "tables").glob("*/*.csv")):
        if path.parent.name in groups:
            found.setdefault(path.parent.name, {})[path.stem] = []
    return found


def copied_arrays(groups: Collection[str]) -> dict[str, list[str]]:
    """The arrays beside tables of some groups: for each group the names of their tables."""
    found: dict[str, list[str]] = {}
    for path in sorted((paths.OUT / "tables").glob("*/*.npz")):
        if path.parent.name in groups:
            found.setdefault(path.parent.name, []).append(path.stem)
    return found


def untabled(takes: Callable[[str, str, str], bool]) -> list[str]:
    """A sentence about the param-files that stand in no table, if there are some.

    Args:
        takes: as for ``copied_groups``.
    """
    tables = (paths.OUT / "tables").glob("*/runs.csv")
    known = {name for path in tables for name in runs_in(path)}
    files = [path for path, wrong in find().items() if not wrong]
    names = [path.relative_to(paths.PARAM_FILES).with_suffix("").as_posix() for path in files]
    lacking = [name for name in names if name not in known and takes(name, "", "")]
    if not lacking:
        return []
    count = "1 run is" if len(lacking) == 1 else f"{len(lacking):,} runs are"
    return [f"{count} in no table: {listed(lacking)}"]


def lacking_seeds(group: str, runs: Mapping[str, RunEntry]) -> dict[str, list[str]]:
    """The points of a group's runs of which a seed stands in no row of its table of runs.

    Snakemake itself asks for the results of such seeds where it wrote the table, or where there is
    none; not where it was collected by hand, or copied.

    Args:
        group: the group.
        runs: the runs of the group, by name.

    Returns:
        Points by the name of the run; nothing where there is no table.
    """
    rows = _rows(paths.table_folder(group) / "runs.csv")
    held = {(row.get("run"), row.get("point"), row.get("seed")) for row in rows}
    chosen = {(run, seed) for run, _, seed in held}  # a chosen point has the name of its candidate
    found: dict[str, list[str]] = {}
    for name, run in runs.items() if rows else ():
        for point in run.evaluated:
            seeds = [str(seed) for pack in run.packs(point).values() for seed in pack]
            if point == paths.SELECTED:
                lacking = any((name, seed) not in chosen for seed in seeds)
            else:
                lacking = any((name, point, seed) not in held for seed in seeds)
            if lacking:
                found.setdefault(name, []).append(point)
    return found


def runs_in(path: Path) -> set[str]:
    """The runs that a table of runs holds."""
    return {row.get("run", "") for row in _rows(path)}


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none if it is not there."""
    if not path.is_file():
        return []
    with regular.open_text(path, newline="") as file:
        return list(csv.DictReader(file))
