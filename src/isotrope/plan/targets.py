"""What Snakemake is asked for, and what that needs: the Snakefile's input functions.

Needs neither torch nor the plug-ins: all it knows of param-files comes from the index, and where
tables are the only thing there (``out/tables`` copied into a fresh clone), from the tables.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.packs.summary import HISTORY, OUTPUTS, RESULTS, RUN, WEIGHTS
from isotrope.plan import code_words
from isotrope.plan.code_state import CodeStates, PackCode
from isotrope.plan.copied_tables import (
    copied_arrays,
    copied_groups,
    copied_tables,
    lacking_seeds,
    runs_in,
    untabled,
)
from isotrope.plan.cost import COSTLY, cost_of_jobs, costs_of, in_words, total
from isotrope.plan.figures import COSTS, StudyFigures, published
from isotrope.plan.index import Index, RunEntry
from isotrope.plan.needs import Needs, of_packs, results_of
from isotrope.plan.outputs_gone import outputs_gone
from isotrope.plan.result_code import ResultCode
from isotrope.plan.selection import Selection
from isotrope.plan.set_back import SET_BACK, all_set_back, remove_set_back
from isotrope.plan.sources import Sources
from isotrope.plan.studies import near_misses
from isotrope.registry import BrokenPluginError

MADE_FOR_FIGURES = {"examples.npz", f"{paths.HISTORIES}.npz"}  # where a figure is drawn from them
NOTHING_STARTED = (
    "nothing is started: mend that, or ask for other runs, as in `--config runs=MODEL/DATASET/NAME`"
)
MANY = 50  # jobs from which on it is said what they cost


class Plan(Needs):
    """The files behind the targets, for one selection of runs.

    Args:
        config: Snakemake's ``config``: studies, series, runs.
        head: whether this is the process that plans; only it compares the index with the files.
        dry: whether nothing is started.

    Raises:
        UserError: for mistakes in the selection, or in a param-file of a run that is asked for.
    """

    def __init__(self, config: Mapping[str, Any], head: bool = True, dry: bool = False) -> None:
        super().__init__(head, dry)
        self.selection = Selection.from_config(config) if head else Selection()
        # of copied tables all series are asked for, unless some are named
        series = self.selection.series if config.get("series") else ()
        self._takes = replace(self.selection, series=series).takes
        copied = [] if (paths.OUT / "runs").exists() else copied_groups(self._takes)
        self._copied_groups = copied
        self.tables_are_sources = bool(copied)
        if head and not self.tables_are_sources:
            self._asked()

    @property
    def asks(self) -> Callable[[Index], Iterable[str]]:
        """Which runs of an index are asked for."""
        return self.selection.names

    @cached_property
    def _ready(self) -> list[str]:
        return [name for name in self._asked() if not self.waiting_for(name)]

    def _asked(self) -> list[str]:
        """The runs that are asked for; those asked for by name must wait for nothing.

        Raises:
            UserError: if the data or a plug-in of a run that was asked for by name are not there,
                or the param-file of a run that is asked for has mistakes.
        """
        if wrong := self.selection.mistakes(self.index):
            raise UserError(*wrong, NOTHING_STARTED)
        names = self.selection.names(self.index)
        if self.selection.runs:
            lacking = [f"{n} waits for {what}" for n in names if (what := self.waiting_for(n))]
            if lacking:
                raise UserError(*lacking)
        return names

    def asks_for(self, targets: Iterable[str]) -> list[str]:
        """The runs that are asked for, waiting or not; none where all targets are files."""
        targets = list(targets)
        if self.tables_are_sources or (targets and all("/" in target for target in targets)):
            return []
        return self._asked()

    def notes(self) -> list[str]:
        """What a user should know before the work starts: what is left out, and why."""
        if self.tables_are_sources:
            taken = "out/runs is absent: the tables in out/tables are taken as they are; "
            return [f"{taken}`snakemake runs` trains", *untabled(self._takes)]
        asked = self._asked()
        doubtful = near_misses((name, self.index.runs[name].study) for name in self.index.runs)
        waiting: dict[str, list[str]] = {}
        for name in asked:
            if what := self.waiting_for(name):
                waiting.setdefault(what, []).append(name)
        return [*self.index.notes, *doubtful, *self.index.untried_notes(asked)] + [
            f"{len(names)} {'runs wait' if len(names) > 1 else 'run waits'} for {what}: "
            f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
            for what, names in waiting.items()
        ]

    def mend_set_back(self, dry: bool) -> list[str]:
        """Remove outputs that hold something else than is asked for, and is kept; a note of each.

        Args:
            dry: whether nothing is to be removed: then their jobs are planned all the same.
        """
        if self.tables_are_sources:
            return []
        found = all_set_back(self._ready, self._codes)
        if not dry:
            return remove_set_back(found)
        self.set_back = frozenset(found)
        return [f"{path} is {SET_BACK}; `snakemake` puts it together anew" for path in found]

    def code_notes(self) -> list[str]:
        """Which runs that are asked for hold results of other code, and what to do then.

        Outputs are looked at anew: jobs may have run since the plan was made.
        """
        if not self.head or self.tables_are_sources:
            return []
        now = CodeStates(self.index, self._codes.code)
        return code_words.notes(one for name in self._asked() for one in now.of_run(name))

    def cost_notes(self) -> list[str]:
        """What many jobs cost, before they are started."""
        if self.tables_are_sources:
            return []
        runs = [self.index.runs[name] for name in self._ready]
        if sum(len(run.packs(point)) for run in runs for point in run.points) < MANY:
            return []
        cost = total(costs_of(self.index, self._ready).values())
        told = f"this asks for {in_words(cost)}; `isotrope cost` says it by study"
        return [told] if cost.jobs >= MANY else []

    def cost_of_planned(self, jobs: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
        """What planned jobs cost, in a sentence; nothing where none trains or evaluates.

        Args:
            jobs: the rule and the wildcards of each.
        """
        if not (costly := [(rule, words) for rule, words in jobs if rule in COSTLY]):
            return []  # and no param-file is checked for tables that are taken as they are
        return [f"to train and to evaluate: {in_words(cost_of_jobs(self.index, costly))}"]

    def selection_text(self) -> str:
        """The selection as `isotrope track --config` takes it."""
        return shlex.join(self.selection.as_words())

    # the collective targets

    def datasets(self) -> list[str]:
        """Manifest and picture of every data set that a run needs."""
        keys: dict[str, None] = {}
        for name in self._ready:
            for point in self.index.runs[name].points.values():
                keys |= dict.fromkeys(point.datasets)
        entries = [self.index.datasets[key] for key in keys]
        return [path for entry in entries for path in (entry.manifest, entry.preview)]

    def weights(self) -> list[str]:
        """The trained weights of every pack of every run that is asked for."""
        return self.packs(WEIGHTS)

    def packs(self, file: str) -> list[str]:
        """One output of every pack of every run that is asked for."""
        return [path for name in self._ready for path in self._of_packs(name, file)]

    def _of_packs(self, name: str, file: str) -> list[str]:
        run = self.index.runs[name]
        return [path for point in run.evaluated for path in of_packs(name, run, point, file)]

    def results(self) -> list[str]:
        """The results of every pack of every run that is asked for, and those of whole runs."""
        found: dict[str, None] = {}
        for name in self._ready:
            run = self.index.runs[name]
            for table in ("runs", *run.tables):
                found |= dict.fromkeys(self._results_of(name, table))
        return list(found)

    def outputs_gone(self) -> list[str]:
        """Outputs of packs that were deleted, and can be made again from what is kept.

        And results of seeds that a table lacks though it is there, which Snakemake does not miss
        where somebody else wrote the table.
        """
        ready = [] if self.tables_are_sources else self._ready
        gone = [path for name in ready for path in outputs_gone(name, self.index.runs[name])]
        return list(dict.fromkeys([*gone, *self._untabled])) if ready else []

    @cached_property
    def _untabled(self) -> list[str]:
        groups: dict[str, dict[str, RunEntry]] = {}
        for name in self._ready:
            run = self.index.runs[name]
            groups.setdefault(run.group, {})[name] = run
        return [
            path
            for group, runs in groups.items()
            for name, points in lacking_seeds(group, runs).items()
            for point in points
            for table in ("runs", *runs[name].tables)
            for path in results_of(name, runs[name], point, table)
        ]

    def training_gone(self) -> list[str]:
        """Those of them that training leaves."""
        return [path for path in self.outputs_gone() if path.rpartition("/")[2] in OUTPUTS]

    def rows_gone(self) -> list[str]:
        """Those of them that tables are made of."""
        gone = self.outputs_gone()
        return [path for path in gone if path.rpartition("/")[2] not in (WEIGHTS, HISTORY)]

    def _results_of(self, name: str, table: str) -> list[str]:
        run = self.index.runs[name]
        return [path for point in run.evaluated for path in results_of(name, run, point, table)]

    @cached_property
    def _tables_by_group(self) -> dict[str, dict[str, list[str]]]:
        """For each group and each of its tables the runs that have rows there."""
        if self.tables_are_sources:
            return copied_tables(self._copied_groups)
        groups: dict[str, dict[str, list[str]]] = {}
        for name in self._ready:
            run = self.index.runs[name]
            tables = groups.setdefault(run.group, {})
            chosen = ("selection",) if run.select else ()
            for table in ("runs", *chosen, *run.tables):
                tables.setdefault(table, []).append(name)
        return groups

    def tables(self) -> list[str]:
        """Every table of every group that has a run."""
        groups = self._tables_by_group
        return [f"out/tables/{g}/{table}.csv" for g, tables in groups.items() for table in tables]

    @cached_property
    def _arrays_by_group(self) -> dict[str, list[str]]:
        """For each group the tables that have arrays beside their rows."""
        if self.tables_are_sources:
            return copied_arrays(self._copied_groups)
        groups: dict[str, dict[str, None]] = {}
        for name in self._ready:
            run = self.index.runs[name]
            for point in run.points.values():
                for table, one in point.evaluations.items():
                    if registry.literal("evaluation", one.name, "ARRAYS", False):
                        groups.setdefault(run.group, {})[table] = None
            if run.records:
                groups.setdefault(run.group, {})[paths.RECORDINGS] = None
        return {group: list(tables) for group, tables in groups.items()}

    def arrays(self) -> list[str]:
        """The arrays beside the tables of every group that has a run."""
        groups = self._arrays_by_group
        return [f"out/tables/{g}/{table}.npz" for g, tables in groups.items() for table in tables]

    def tables_of_group(self, group: str) -> list[str]:
        """Every table of a group."""
        return [path for path in self.tables() if path.startswith(f"out/tables/{group}/")]

    def summaries(self) -> list[str]:
        """The page of every group that has a table of runs."""
        groups = self._tables_by_group
        return [f"out/tables/{group}/summary.html" for group in groups if "runs" in groups[group]]

    def inputs_of_table(self, group: str, table: str) -> list[str]:
        """The results that a table is collected from.

        Raises:
            UserError: if no run that is asked for has rows in the table.
        """
        names = self._tables_by_group.get(group, {}).get(table, [])
        of_group = [name for name in self._ready if self.index.runs[name].group == group]
        if table == paths.RECORDINGS:
            names = [name for name in of_group if self.index.runs[name].records]
        if table == paths.HISTORIES:
            names = of_group
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
        if table == "selection":
            return [paths.choice(name).as_posix() for name in names]
        if table in (paths.RECORDINGS, paths.HISTORIES):
            return [path for name in names for path in self._of_packs(name, RUN)]
        return [path for name in names for path in self._results_of(name, table)]

    def _only_in_table(self, group: str, asked: list[str]) -> list[str]:
        """Runs of a table copied from elsewhere: known, not asked for, and without results here."""
        return [
            name
            for name in sorted(runs_in(paths.table_folder(group) / "runs.csv"))
            if name in self.index.runs
            and name not in asked
            and not (paths.OUT / "runs" / name).exists()
        ]

    def labels(self, group: str, table: str) -> str:
        """What a table says of runs besides results: changed, it is written anew.

        Of runs their labels; of results the code behind them, where that has changed.
        """
        runs = {name: self.index.runs[name] for name in self._tables_by_group[group][table]}
        said = [f"{name}: {run.series}, {run.label}" for name, run in runs.items()]
        codes = [one for name in runs for one in self._codes_of(name)]
        own = said if table == "runs" else []
        return "; ".join([*own, *code_words.table_words(codes, table)])

    @cached_property
    def _codes(self) -> CodeStates:
        return CodeStates(self.index, ResultCode(self._sources))

    def _codes_of(self, run: str) -> list[PackCode]:
        """The code behind what is there of a run; jobs do not ask for it."""
        return self._codes.of_run(run) if self.head and not self.tables_are_sources else []

    def labels_asked_for(self) -> str:
        """What is tracked of the runs asked for besides results: changed, it is written anew."""
        runs = {name: self.index.runs[name] for name in self._ready}
        return "; ".join(f"{n}: {run.study}, {run.series}, {run.label}" for n, run in runs.items())

    def tracking(self) -> list[str]:
        """What stands for the MLflow store, unless there is nothing to put into it."""
        return [paths.tracked("mlflow").as_posix()] if self.packs(RESULTS) else []

    def figures_to_track(self, tracker: str) -> list[str]:
        """The figures that a tracker keeps."""
        return self.figures() if tracker == "mlflow" else []

    def figures(self) -> list[str]:
        """Every file of every figure whose tables are there, or will be."""
        return [
            f"out/figures/{group}/{figure}{suffix}"
            for group, figure, lacking in self._figures_by_group
            if not lacking
            for suffix in self._study_figures(group).suffixes(figure)
        ]

    def figures_left_out(self) -> list[str]:
        """A sentence for each figure that cannot be read, or is a study's own and lacks a table."""
        return [
            f"out/figures/{group}/{figure} is left out: {lacking}"
            for group, figure, lacking in self._figures_by_group
            if lacking
        ]

    @cached_property
    def _figures_by_group(self) -> list[tuple[str, str, str]]:
        """Every group with each figure of its study, and what the figure lacks, as a sentence.

        A general figure whose tables a group does not have is passed over, and so is one of a
        benchmark's table that is not there.
        """
        found = []
        arrays = self._arrays_by_group
        for group, tables in self._tables_by_group.items():
            known = {*tables, *(f"{table}.npz" for table in arrays.get(group, []))}
            known |= set() if self.tables_are_sources else MADE_FOR_FIGURES
            known |= {path.stem for path in paths.table_folder(group).glob(f"*{COSTS}.csv")}
            figures = self._study_figures(group)
            for figure in figures.kinds:
                try:
                    absent = [table for table in figures.tables(figure) if table not in known]
                    figures.drawn_by(figure)  # read now, to be remembered with the others
                except BrokenPluginError as error:
                    found.append((group, figure, str(error)))
                    continue
                if not absent:
                    found.append((group, figure, ""))
                elif not figures.is_general(figure) and not absent[0].endswith(COSTS):
                    lacking = f"no table {', '.join(absent)} in out/tables/{group}"
                    found.append((group, figure, lacking))
        if self.head:
            self._sources.keep()
        return found

    @cached_property
    def _sources(self) -> Sources:
        return Sources()

    @cached_property
    def _known_figures(self) -> dict[str, StudyFigures]:
        return {}

    def _study_figures(self, group: str) -> StudyFigures:
        study = paths.study_of(group)
        if study not in self._known_figures:
            self._known_figures[study] = StudyFigures(study, self._sources)
        return self._known_figures[study]

    def tables_of_figure(self, group: str, figure: str) -> list[str]:
        """The tables that a figure is drawn from, and the arrays beside them that it needs.

        Raises:
            UserError: if the group's study has no such figure.
        """
        needed = self._study_figures(group).tables(figure)
        files = (name if name.endswith(".npz") else f"{name}.csv" for name in needed)
        return [f"out/tables/{group}/{file}" for file in files]

    def sources_of_figure(self, group: str, figure: str) -> list[str]:
        """The module of a figure, and every other module of the project that draws it.

        Raises:
            UserError: if the group's study has no such figure.
        """
        return self._study_figures(group).drawn_by(figure)

    def published_numbers(self, group: str) -> list[str]:
        """The published numbers that stand beside ours in figures; a study may have none."""
        return published(paths.study_of(group))

    def manifests_of_group(self, group: str) -> list[str]:
        """The data sets that the runs of a group are trained on."""
        runs = [run for name in self._ready if (run := self.index.runs[name]).group == group]
        keys = dict.fromkeys(point.dataset for run in runs for point in run.points.values())
        manifests = [self.index.datasets[key].manifest for key in keys]
        # a job knows runs, too, that its head left out; what its head planned is there
        return [one for one in manifests if self.head or Path(one).is_file()]

    def caption(self, group: str, figure: str) -> str:
        """What a figure shows, as its module says.

        Raises:
            UserError: if the group's study has no such figure.
        """
        text = str(self._study_figures(group).constant(figure, "CAPTION"))
        tables = [table for table in self._study_figures(group).tables(figure) if "." not in table]
        runs = self._tables_by_group.get(group, {}).get("runs", [])
        codes = [one for name in runs for one in self._codes_of(name)]
        kept = [one for name in {pack.run for pack in codes} for one in self._codes.kept(name)]
        return " ".join(part for part in (text, code_words.caption(codes, tables, kept)) if part)

    def report(self) -> list[str]:
        """The report, unless there is nothing to report."""
        return [paths.REPORT.as_posix()] if self.tables() and self.figures() else []
