"""Why a job is to run again, in a sentence: how its files were made, and what is asked for now.

Snakemake compares what it remembers of a job with what is asked for, and shows both as digests. The
files themselves tell more: ``run.json`` holds the settings that it was trained with. Only those of
the jobs that are shown are read.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Protocol

from isotrope import paths
from isotrope.console.wording import range_text
from isotrope.datasets.local_data import checksums
from isotrope.digests import local_sums, with_sums
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.packs import summary
from isotrope.packs.summary import Summary
from isotrope.plan import stale
from isotrope.plan.index import Index, PointEntry
from isotrope.plan.set_back import SET_BACK

EVALUATES = ("evaluate", "evaluate_alone", "evaluate_run")


class Plan(Protocol):
    """What knows the index."""

    @property
    def index(self) -> Index:
        """What is asked for now."""


class Reasons:
    """Sentences about jobs.

    Args:
        plan: has the index, which is not read before the first job is shown.
        set_back: outputs that hold something else, though what is asked for is kept.
    """

    def __init__(self, plan: Plan, set_back: Collection[Path] = ()) -> None:
        self._plan, self._set_back = plan, set_back
        self._sums = cache(self._read_sums)

    @property
    def _index(self) -> Index:
        return self._plan.index

    def why(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """Why a job of a rule is to run again; empty where its files tell nothing of it."""
        try:
            if rule == "train":
                return self._training(wildcards["run"], wildcards["point"], wildcards["pack"])
            if rule in EVALUATES:
                return self._evaluation(wildcards)
            if rule == "choose":
                return self._choice(wildcards["run"])
            if rule == "build_dataset":
                return self._build(f"{wildcards['dataset']}/{wildcards['key']}")
        except (UserError, OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # damaged files; the job says so, or makes them anew
        return ""

    def _training(self, run: str, point_in_path: str, pack: str) -> str:
        known = summary.glance(paths.pack_folder(run, point_in_path, pack))
        if known is None:
            return ""
        point = self._point_of(known, run, point_in_path)
        if point is None:
            return "trained for a point of the sweep that is no more"
        if changed := stale.changed_settings(known.content, point.parameters):
            modules = stale.changed_modules(run, known.path.parent, self._index.code)
            return stale.reason(known.content, changed, own_files=False, modules=modules)
        digest = self._digest(point.training_digest, point.trained_on, point.files)
        if digest != known.training_digest:
            own_files = bool(self._sums(point.dataset) or point.files)
            return stale.reason(known.content, {}, own_files)
        wanted = self._index.runs[run].packs(point_in_path)[pack]
        if known.seeds.keys() >= set(wanted):
            return ""
        return f"trained are the seeds {range_text(known.seeds)}, now {range_text(wanted)}"

    def _evaluation(self, wildcards: Mapping[str, str]) -> str:
        run, point_in_path = wildcards["run"], wildcards["point"]
        entry = self._index.runs[run]
        pack = wildcards.get("pack") or next(iter(entry.packs(point_in_path)))
        table = wildcards.get("table")
        rows = {paths.results(run, point_in_path, pack, table)}
        rows |= {paths.results_of_run(run, point_in_path, table)} if table else set()
        if not rows.isdisjoint(self._set_back):
            return f"its rows are {SET_BACK}"
        known = summary.glance(paths.pack_folder(run, point_in_path, pack))
        point = self._point_of(known, run, point_in_path) if known else None
        if known is None or point is None:
            return ""
        tables = [table] if table else point.shared_tables
        made = paths.results(run, point_in_path, pack, table)
        if table and point.evaluations[table].of_run:
            made = paths.results_of_run(run, point_in_path, table)
        trained = self._digest(point.training_digest, point.trained_on, point.files)
        if known.training_digest != trained or _is_older(made, known.path):
            return ""  # the networks are other ones
        name = str(known.content["point"])
        stores = set(os.listdir(paths.point_folder(run, name) / ".evaluations"))  # noqa: PTH208
        return ", ".join(self._changed_evaluations(point, tables, stores))

    def _changed_evaluations(
        self, point: PointEntry, tables: Iterable[str], stores: set[str]
    ) -> Iterable[str]:
        """What is said of those evaluations that are not computed as the param-file has them."""
        names = {store.rpartition("-")[0] for store in stores}
        for table in tables:
            one = point.evaluations[table]
            data, files = point.datasets_behind(table), point.files_behind(table)
            if f"{one.name}-{self._digest(one.digest, data, files)}" not in stores:
                how = "differs from what was computed" if one.name in names else "is new"
                yield f"the evaluation {table} {how}"

    def _choice(self, run: str) -> str:
        entry = self._index.runs[run]
        known = json.loads(regular.read_text(paths.choice(run)))
        if entry.select is None:
            return ""
        if changed := stale.differing(known["rule"], asdict(entry.select)):
            return f"chosen with {stale.words_of(changed)}"
        then = {one["point"]: one["training_digest"] for one in known["candidates"]}
        now = {
            name: self._digest(point.training_digest, point.trained_on, point.files)
            for name, point in entry.points.items()
        }
        if then.keys() != now.keys():
            return f"chosen from {', '.join(then)}, now from {', '.join(now)}"
        others = [name for name, digest in now.items() if digest != then[name]]
        return f"chosen when {', '.join(others)} had other settings" if others else ""

    def _build(self, key: str) -> str:
        entry = self._index.datasets[key]
        known = json.loads(regular.read_text(Path(entry.manifest)))
        if known["digest"] == entry.digest:
            return ""
        if changed := stale.differing(known["settings"], entry.settings):
            return f"built with {stale.words_of(changed)}"
        return "built by other code: its REVISION has changed"

    def _point_of(self, known: Summary, run: str, point_in_path: str) -> PointEntry | None:
        """The point that a pack was trained for; behind ``selected`` its summary names it."""
        name = known.content["point"] if point_in_path == paths.SELECTED else point_in_path
        return self._index.runs[run].points.get(name)

    def _digest(self, of_settings: str, datasets: Iterable[str], files: list[str]) -> str:
        """A digest with the user's files, as results carry it."""
        return with_sums(of_settings, *(self._sums(key) for key in datasets), checksums(files))

    def _read_sums(self, dataset: str) -> list[str]:
        return local_sums(Path(self._index.datasets[dataset].manifest))


def _is_older(made: Path, source: Path) -> bool:
    """Whether a file was written before another; if it is not there, too."""
    return not made.is_file() or made.stat().st_mtime_ns < source.stat().st_mtime_ns
