"""Tables on disk that no run here made: what they hold, and what they lack."""

import csv
from pathlib import Path

from isotrope import paths
from isotrope.files import regular
from isotrope.params.param_folder import find


def copied_tables() -> dict[str, dict[str, list[str]]]:
    """The tables on disk: for each group and table the runs that have rows there."""
    groups: dict[str, dict[str, list[str]]] = {}
    for path in sorted((paths.OUT / "tables").glob("*/*.csv")):
        groups.setdefault(path.parent.name, {})[path.stem] = []
    return groups


def copied_arrays() -> dict[str, list[str]]:
    """The arrays beside tables on disk: for each group the names of their tables."""
    groups: dict[str, list[str]] = {}
    for path in sorted((paths.OUT / "tables").glob("*/*.npz")):
        groups.setdefault(path.parent.name, []).append(path.stem)
    return groups


def untabled() -> list[str]:
    """A sentence for each param-file that stands in no table."""
    tables = (paths.OUT / "tables").glob("*/runs.csv")
    known = {name for path in tables for name in runs_in(path)}
    files = [path for path, wrong in find().items() if not wrong]
    names = [path.relative_to(paths.PARAM_FILES).with_suffix("").as_posix() for path in files]
    return [f"{name} is in no table" for name in names if name not in known]


def runs_in(path: Path) -> set[str]:
    """The runs that a table of runs holds."""
    if not path.is_file():
        return set()
    with regular.open_text(path, newline="") as file:
        return {row.get("run", "") for row in csv.DictReader(file)}
