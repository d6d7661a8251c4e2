"""What Snakemake is asked for, and what that needs: the Snakefile's input functions.

Needs neither torch nor the plug-ins: all it knows of param-files comes from the index, and where
tables are the only thing there (``out/tables`` copied into a fresh clone), from the tables.
"""

import csv
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import index, paths, registry
from isotrope.errors import UserError, did_you_mean
from isotrope.index import DatasetEntry, Index, PointEntry, RunEntry
from isotrope.local_data import VARIABLE, local_root
from isotrope.param_file import find
from isotrope.selection import Selection

Figures = Mapping[str, str]  # figure: study


class Plan:
    """The files behind the targets, for one selection of runs.

    Args:
        config: Snakemake's ``config``: studies, series, runs.
        head: whether this is the process that plans; only it compares the index with the files.

    Raises:
        UserError: for mistakes in the selection or in any param-file.
    """

    def __init__(self, config: Mapping[str, Any], head: bool = True) -> None:
        self.head = head
        self.selection = Selection.of(config) if head else Selection()
        self.tables_are_sources = not (paths.OUT / "runs").exists() and bool(copied_tables())
        if head and not self.tables_are_sources:
            self._asked()

    @cached_property
    def index(self) -> Index:
        """All runs; read when first needed: drawing from tables needs no param-file checked."""
        return index.current() if self.head else index.as_written()

    @cached_property
    def _ready(self) -> list[str]:
        return [name for name in self._asked() if not self.index.waiting_for(name)]

    def _asked(self) -> list[str]:
        """The runs that are asked for; those asked for by name must have their data.

        Raises:
            UserError: if the data of a run that was asked for by name are not there.
        """
        names = self.selection.names(self.index)
        if self.selection.runs:
            missing = [f"{n} needs {_local(f)}" for n in names if (f := self.index.waiting_for(n))]
            if missing:
                raise UserError(*missing)
        return names

    def notes(self) -> list[str]:
        """What a user should know before the work starts: what is left out, and why."""
        if self.tables_are_sources:
            taken = "out/runs is absent: the tables in out/tables are taken as they are; "
            return [f"{taken}`snakemake runs` trains", *_untabled()]
        waiting: dict[str, list[str]] = {}
        for name in self._asked():
            if files := self.index.waiting_for(name):
                waiting.setdefault(_local(files), []).append(name)
        return [
            f"{len(names)} {'runs wait' if len(names) > 1 else 'run waits'} for data: {what}: "
            f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
            for what, names in waiting.items()
        ]

    def selection_as_config(self) -> str:
        """The selection as words for ``--config``."""
        return self.selection.as_config()

    # one data set, run or point

    def dataset(self, key: str) -> DatasetEntry:
        """The data set that is built under that key, as in ``stir/emoji``.

        Raises:
            UserError: if no param-file uses such a data set.
        """
        if key not in self.index.datasets:
            hint = did_you_mean(key, self.index.datasets)
            raise UserError(f"out/data/{key}: no param-file uses such a data set{hint}")
        return self.index.datasets[key]

    def run(self, name: str) -> RunEntry:
        """The run of that name.

        Raises:
            UserError: if there is no such param-file, or its data are not there.
        """
        entry = self.index.run(name)
        if self.head and (files := self.index.waiting_for(name)):
            raise UserError(f"{name} needs {_local(files)}")
        return entry

    def point(self, run: str, name: str) -> PointEntry:
        """A point of a run.

        Raises:
            UserError: if the run has no such point.
        """
        points = self.run(run).points
        if name not in points:
            raise UserError(f"{run} has no point '{name}'{did_you_mean(name, points)}")
        return points[name]

    def training(self, run: str, point: str, pack: str) -> dict[str, str]:
        """What a pack is trained for: when this changes, its job runs again.

        Raises:
            UserError: if the run has no such point or pack.
        """
        return {"digest": self.point(run, point).training_digest, "seeds": self._seeds(run, pack)}

    def evaluations(self, run: str, point: str, pack: str) -> dict[str, Any]:
        """What a pack is evaluated for: the digest of each evaluation, by the name of its table.

        Raises:
            UserError: if the run has no such point or pack.
        """
        entries = self.point(run, point).evaluations
        digests = {table: one.digest for table, one in entries.items()}
        return {"digests": digests, "seeds": self._seeds(run, pack)}

    def _seeds(self, run: str, pack: str) -> str:
        packs = self.run(run).packs()
        if pack not in packs:
            raise UserError(f"{run} has no pack seeds-{pack}{did_you_mean(pack, packs)}")
        return ",".join(str(seed) for seed in packs[pack])

    def training_data(self, run: str, point: str) -> str:
        """The manifest of the data set that a point is trained on."""
        return self.dataset(self.point(run, point).dataset).manifest

    def evaluation_data(self, run: str, point: str) -> list[str]:
        """The manifests of the data sets that a point is tested on, the training one included."""
        return [self.dataset(key).manifest for key in self.point(run, point).datasets]

    # the collective targets

    def datasets(self) -> list[str]:
        """Manifest and picture of every data set that a run needs."""
        keys: dict[str, None] = {}
        for name in self._ready:
            for point in self.index.runs[name].points.values():
                keys |= dict.fromkeys(point.datasets)
        entries = [self.index.datasets[key] for key in keys]
        return [path for entry in entries for path in (entry.manifest, entry.preview)]

    def packs(self, file: str) -> list[str]:
        """One output of every pack of every run that is asked for."""
        return [path for name in self._ready for path in self._of_packs(name, file)]

    def _of_packs(self, name: str, file: str) -> list[str]:
        run = self.index.runs[name]
        return [
            (paths.pack_folder(name, point, pack) / file).as_posix()
            for point in run.points
            for pack in run.packs()
        ]

    def _tables_by_group(self) -> dict[str, dict[str, list[str]]]:
        """For each group and each of its tables the runs that have rows there."""
        if self.tables_are_sources:
            return copied_tables()
        groups: dict[str, dict[str, list[str]]] = {}
        for name in self._ready:
            run = self.index.runs[name]
            tables = groups.setdefault(run.group, {})
            for table in ("runs", *run.tables):
                tables.setdefault(table, []).append(name)
        return groups

    def tables(self) -> list[str]:
        """Every table of every group that has a run."""
        groups = self._tables_by_group()
        return [f"out/tables/{g}/{table}.csv" for g, tables in groups.items() for table in tables]

    def tables_of_group(self, group: str) -> list[str]:
        """Every table of a group."""
        return [path for path in self.tables() if path.startswith(f"out/tables/{group}/")]

    def summaries(self) -> list[str]:
        """The page of every group that has a table of runs."""
        groups = self._tables_by_group()
        return [f"out/tables/{group}/summary.html" for group in groups if "runs" in groups[group]]

    def inputs_of_table(self, group: str, table: str) -> list[str]:
        """The results that a table is collected from.

        Raises:
            UserError: if no run that is asked for has rows in the table.
        """
        names = self._tables_by_group().get(group, {}).get(table, [])
        if not names:
            raise UserError(
                f"out/tables/{group}/{table}.csv: no run that is asked for "
                f"({self.selection.as_config()}) has rows in it; ask for others with "
                "--config studies=... series=... runs=..."
            )
        if lost := self._only_in_table(group, names):
            raise UserError(
                f"out/tables/{group}/runs.csv holds results of {', '.join(lost)} that are not in "
                "out/runs, and collecting would lose them; move out/tables away first, or ask for "
                "these runs too"
            )
        return [path for name in names for path in self._of_packs(name, "results.csv")]

    def _only_in_table(self, group: str, asked: list[str]) -> list[str]:
        """Runs of a table copied from elsewhere: known, not asked for, and without results here."""
        return [
            name
            for name in sorted(_in_table(paths.table_folder(group) / "runs.csv"))
            if name in self.index.runs
            and name not in asked
            and not (paths.OUT / "runs" / name).exists()
        ]

    def labels(self, group: str, table: str) -> str:
        """What the table of runs says of runs besides results: changed, it is written anew."""
        if table != "runs":
            return ""
        runs = {name: self.index.runs[name] for name in self._tables_by_group()[group][table]}
        return "; ".join(f"{name}: {run.series}, {run.label}" for name, run in runs.items())

    def figures(self, figures: Figures) -> list[str]:
        """Every figure whose tables are there, or will be."""
        return [
            f"out/figures/{group}/{figure}.svg"
            for group, figure, absent in self._drawable(figures)
            if not absent
        ]

    def figures_left_out(self, figures: Figures) -> list[str]:
        """A sentence for each figure that lacks a table."""
        return [
            f"out/figures/{group}/{figure}.svg is left out: no table {', '.join(absent)} in "
            f"out/tables/{group}"
            for group, figure, absent in self._drawable(figures)
            if absent
        ]

    def _drawable(self, figures: Figures) -> list[tuple[str, str, list[str]]]:
        found = []
        for group, tables in self._tables_by_group().items():
            for figure, study in figures.items():
                if group in ("demo", study):
                    needed = registry.literal("figures", figure, "TABLES")
                    found.append((group, figure, [t for t in needed if t not in tables]))
        return found

    def tables_of_figure(self, group: str, figure: str) -> list[str]:
        """The tables that a figure is drawn from."""
        needed = registry.literal("figures", figure, "TABLES")
        return [f"out/tables/{group}/{table}.csv" for table in needed]

    def caption(self, figure: str) -> str:
        """What a figure shows, as its module says."""
        return str(registry.literal("figures", figure, "CAPTION"))

    def published(self, figures: Figures, figure: str) -> str:
        """The published numbers that stand beside ours in a figure.

        Raises:
            UserError: if the figure is in no study.
        """
        if figure not in figures:
            raise UserError(
                f"the figure {figure} is not listed in workflow/rules/figures.smk; add the line "
                f'"{figure}": "<study>" to FIGURES'
            )
        return (paths.PUBLISHED / f"{figures[figure]}.csv").as_posix()

    def report(self, figures: Figures) -> list[str]:
        """The report, unless there is nothing to report."""
        return [paths.REPORT.as_posix()] if self.tables() and self.figures(figures) else []


def copied_tables() -> dict[str, dict[str, list[str]]]:
    """The tables on disk: for each group and table the runs that have rows there."""
    groups: dict[str, dict[str, list[str]]] = {}
    for path in sorted((paths.OUT / "tables").glob("*/*.csv")):
        groups.setdefault(path.parent.name, {})[path.stem] = []
    return groups


def _untabled() -> list[str]:
    """A sentence for each param-file that stands in no table."""
    tables = (paths.OUT / "tables").glob("*/runs.csv")
    known = {name for path in tables for name in _in_table(path)}
    files, _ = find()
    names = [p.relative_to(paths.PARAM_FILES).with_suffix("").as_posix() for p in files]
    return [f"{name} is in no table" for name in names if name not in known]


def _in_table(path: Path) -> set[str]:
    """The runs that a table of runs holds."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {row.get("run", "") for row in csv.DictReader(file)}


def _local(files: list[str]) -> str:
    """The user's files as they are asked for."""
    listed = ", ".join(files)
    root = f"${VARIABLE}" if local_root() else f"${VARIABLE}, which is not set"
    return f"{listed} under {root} (see the README, Data)"
