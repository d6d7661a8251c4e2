"""What a rule needs to know of one data set, run, point or pack, whatever targets are asked for."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.datasets.local_data import VARIABLE, local_root, stamp
from isotrope.datasets.sources import checksum
from isotrope.errors import UserError, did_you_mean
from isotrope.packs.summary import RESULTS, RUN, WEIGHTS
from isotrope.plan import index_file
from isotrope.plan.index import (
    DatasetEntry,
    Index,
    JobEntry,
    OtherEntry,
    PointEntry,
    RunEntry,
)
from isotrope.plan.set_back import SET_BACK

TRAINED = (WEIGHTS, RUN)  # what training leaves for evaluations


class Needs:
    """Answers from the index.

    Args:
        head: whether this is the process that plans; only it compares the index with the files.
        dry: whether nothing is started, so that no network need be built where only code changed.

    Raises:
        UserError: if there are no param-files, or two plug-ins of one name.
    """

    def __init__(self, head: bool = True, dry: bool = False) -> None:
        self.head, self.dry = head, dry
        self.set_back: frozenset[Path] = frozenset()  # outputs whose jobs a dry run is to plan
        self._waiting: dict[str, str] = {}

    @cached_property
    def index(self) -> Index:
        """All runs; read when first needed: drawing from tables needs no param-file checked."""
        if not self.head:
            return index_file.as_written()
        return index_file.current(asks=index_file.only_look if self.dry else self.asks)

    @property
    def asks(self) -> Callable[[Index], Iterable[str]] | None:
        """Which runs of an index are asked for; None for all."""
        return None

    def see_built(self, run: str) -> None:
        """See whether the networks of a run that was not asked for can be built, before a start.

        Raises:
            UserError: if they cannot.
        """
        if not self.head or self.dry or run not in self.index.untried:
            return
        found = index_file.current()
        entry = found.runs.get(run)
        if wrong := found.mistakes_of(run) or (entry.broken if entry is not None else []):
            raise UserError(*wrong)
        sound = {name for name, one in found.runs.items() if not one.broken}
        self.index.untried[:] = [name for name in self.index.untried if name not in sound]

    def waiting_for(self, run: str) -> str:
        """What a run waits for, in words: a plug-in or data; looked for once. Empty if nothing."""
        if run not in self._waiting:
            self._waiting[run] = what_is_lacking(self.index, run)
        return self._waiting[run]

    def dataset(self, key: str) -> DatasetEntry:
        """The data set that is built under that key, as in ``digits/small``.

        Raises:
            UserError: if no param-file uses such a data set.
        """
        if key not in self.index.datasets:
            hint = did_you_mean(key, self.index.datasets)
            raise UserError(f"out/data/{key}: no param-file uses such a data set{hint}")
        return self.index.datasets[key]

    def downloads(self, dataset: str, key: str) -> list[str]:
        """The files that are fetched for a data set.

        Raises:
            UserError: if no param-file uses such a data set.
        """
        return self.dataset(f"{dataset}/{key}").downloads

    def build_settings(self, dataset: str, key: str) -> str:
        """The settings that a data set is built with, for people; changed, it is built anew.

        Raises:
            UserError: if no param-file uses such a data set.
        """
        return self.dataset(f"{dataset}/{key}").words

    def made_from(self, dataset: str, key: str) -> str:
        """What the files of a data set depend on: changed, it is built anew.

        Raises:
            UserError: if no param-file uses such a data set.
        """
        return self.dataset(f"{dataset}/{key}").made_from

    def checksum(self, dataset: str, file: str) -> str:
        """What a file that is fetched must be: its size and md5.

        Raises:
            UserError: if it is not pinned.
        """
        return checksum(f"{dataset}/{file}")

    def gpus(self, run: str, point: str = "", table: str = "") -> int:
        """GPUs of a job; of the one that an evaluation has for itself where a table is named."""
        return self.job_of(run, point, table).gpu

    def cpus(self, run: str, point: str = "", table: str = "") -> int:
        """CPU cores of a job, see ``gpus``."""
        return self.job_of(run, point, table).cpus

    def minutes(self, run: str) -> int:
        """Wall time of a training job."""
        return self.run(run).minutes

    def minutes_of_evaluation(self, run: str, point: str = "", table: str = "") -> int:
        """Wall time of a job that evaluates, see ``gpus``."""
        return self.job_of(run, point, table).minutes

    def memory(self, run: str, attempt: int, point: str = "", table: str = "") -> int:
        """Main memory of a job, in MB: more at each attempt; see ``gpus``."""
        return self.job_of(run, point, table).megabytes * attempt

    def job_of(self, run: str, point: str, table: str) -> JobEntry:
        """What the job that evaluates asks for; of one evaluation where a table is named.

        Raises:
            UserError: if the run has no such point, or no such evaluation with a job of its own.
        """
        entry = self.run(run)
        if not table:
            return JobEntry(entry.gpu, entry.cpus, entry.evaluation_minutes, entry.megabytes)
        one = self.points(run, point)[0]
        self._tables(run, one, table)
        job = one.evaluations[table].job
        if job is None:
            raise UserError(f"{run}: {table} has no job of its own")
        return job

    def run(self, name: str) -> RunEntry:
        """The run of that name.

        Raises:
            UserError: if there is no such param-file, or its data or a plug-in are not there.
        """
        entry = self.index.run(name)
        if self.head and (lacking := self.waiting_for(name)):
            raise UserError(f"{name} waits for {lacking}")
        return entry

    def points(self, run: str, name: str) -> list[PointEntry]:
        """The point of a run, alone; behind ``selected`` every candidate.

        Raises:
            UserError: if the run has no such point.
        """
        entry = self.run(run)
        found = entry.behind(name)
        if not found:
            known = [*entry.points, *([paths.SELECTED] if entry.select else [])]
            raise UserError(f"{run} has no point '{name}'{did_you_mean(name, known)}")
        return found

    def training(self, run: str, point: str, pack: str) -> dict[str, str]:
        """What a pack is trained for: when this changes, its job runs again.

        Raises:
            UserError: if the run has no such point or pack.
        """
        points = self.points(run, point)
        digest = " or ".join(one.training_digest for one in points)
        wanted = {"digest": digest, "seeds": self._seeds(run, point, pack)}
        if files := list(dict.fromkeys(file for one in points for file in one.files)):
            wanted["files"] = " ".join(stamp(file) for file in files)
        return wanted | self._made_otherwise(paths.pack_folder(run, point, pack) / RUN)

    def _made_otherwise(self, output: Path) -> dict[str, str]:
        """What makes a dry run plan the job of an output that was set back; else nothing."""
        return {"output": SET_BACK} if output in self.set_back else {}

    def evaluations(
        self, run: str, point: str, pack: str, table: str | None = None
    ) -> dict[str, Any]:
        """What a pack is evaluated for: the digest of each evaluation, by the name of its table.

        Args:
            run: the run's name.
            point: the point; ``selected`` for the chosen one.
            pack: the pack's name.
            table: the evaluation that has a job of its own; without it all that share a job.

        Raises:
            UserError: if the run has no such point, pack or evaluation.
        """
        return {
            "digests": self._digests(run, point, table),
            "seeds": self._seeds(run, point, pack),
            **self._made_otherwise(paths.results(run, point, pack, table)),
        }

    def evaluation_of_run(self, run: str, point: str, table: str) -> dict[str, Any]:
        """What all packs of a point are evaluated for, where the rows belong to the run.

        Raises:
            UserError: if the run has no such point or evaluation.
        """
        made = self._made_otherwise(paths.results_of_run(run, point, table))
        return {"digests": self._digests(run, point, table), **made}

    def _digests(self, run: str, point: str, table: str | None) -> dict[str, str]:
        digests: dict[str, str] = {}
        for one in self.points(run, point):
            for name in self._tables(run, one, table):
                known, digest = digests.get(name), one.evaluations[name].digest
                digests[name] = f"{known} or {digest}" if known else digest
        return digests

    def _tables(self, run: str, point: PointEntry, table: str | None) -> list[str]:
        """The evaluations of a job: one that has its own, or all that share one."""
        if table is None:
            return point.shared_tables
        if table in point.shared_tables or table not in point.evaluations:
            known = [name for name in point.evaluations if name not in point.shared_tables]
            what = f"{run} has no evaluation '{table}' with a job of its own"
            raise UserError(f"{what}{did_you_mean(table, known)}")
        return [table]

    def _seeds(self, run: str, point: str, pack: str) -> str:
        packs = self.run(run).packs(point)
        if pack not in packs:
            raise UserError(f"{run} has no pack seeds-{pack}{did_you_mean(pack, packs)}")
        return ",".join(str(seed) for seed in packs[pack])

    def training_data(self, run: str, point: str) -> list[str]:
        """The manifests of the data sets that a point's weights depend on; of each candidate's."""
        keys = dict.fromkeys(key for one in self.points(run, point) for key in one.trained_on)
        return [self.dataset(key).manifest for key in keys]

    def start(self, run: str, point: str, pack: str) -> list[str]:
        """The weights of other runs with which the seeds of a pack begin.

        Raises:
            UserError: if the run has no such point or pack.
        """
        seeds = [int(seed) for seed in self._seeds(run, point, pack).split(",")]
        found: dict[str, None] = {}
        for one in self.points(run, point):
            if one.start is None or not one.start.run:
                continue
            wanted = seeds if one.start.seed is None else [one.start.seed]
            other = self.run(one.start.run)
            for name, members in other.packs(one.start.point).items():
                if set(members) & set(wanted):
                    folder = paths.pack_folder(one.start.run, one.start.point, name)
                    found[(folder / WEIGHTS).as_posix()] = None
        return list(found)

    def evaluation_data(self, run: str, point: str, table: str | None = None) -> list[str]:
        """The manifests of the data sets of a job's evaluations, the training one included.

        Args:
            run: the run's name.
            point: the point; ``selected`` for the chosen one.
            table: the evaluation that has a job of its own; without it all that share a job.
        """
        keys = dict.fromkeys(key for one in self.points(run, point) for key in one.trained_on)
        for one in self.points(run, point):
            for name in self._tables(run, one, table):
                keys |= dict.fromkeys(one.datasets_behind(name))
        return [self.dataset(key).manifest for key in keys]

    def networks_against(
        self, run: str, point: str, pack: str | None = None, table: str | None = None
    ) -> list[str]:
        """The weights of other runs that a job measures against, with what is said of them.

        Args:
            run: the run's name.
            point: the point; ``selected`` for the chosen one.
            pack: the pack that is evaluated; None for all of the point.
            table: the evaluation that has a job of its own; without it all that share a job.

        Raises:
            UserError: if another run waits for data or a plug-in.
        """
        packs = self.run(run).packs(point)
        seeds = [
            seed for name, members in packs.items() if pack in (None, name) for seed in members
        ]
        found: dict[str, None] = {}
        for one in self.points(run, point):
            for name in self._tables(run, one, table):
                if (other := one.evaluations[name].against) is not None:
                    wanted = set(seeds) if other.seed is None else {other.seed}
                    found |= dict.fromkeys(self._networks(other, wanted))
        return list(found)

    def _networks(self, other: OtherEntry, wanted: set[int]) -> Iterator[str]:
        for pack, members in self.run(other.run).packs(other.point).items():
            if not wanted.isdisjoint(members):
                folder = paths.pack_folder(other.run, other.point, pack)
                yield from ((folder / file).as_posix() for file in TRAINED)

    def networks_of_point(self, run: str, point: str) -> list[str]:
        """The weights of all packs of a point, with what is said of them.

        Raises:
            UserError: if the run has no such point.
        """
        self.points(run, point)
        entry = self.run(run)
        return [path for file in TRAINED for path in of_packs(run, entry, point, file)]

    def choice(self, run: str, point: str) -> list[str]:
        """The choice that ``selected`` waits for; nothing for a point of that name."""
        return [paths.choice(run).as_posix()] if point == paths.SELECTED else []

    def candidates(self, run: str) -> list[str]:
        """What the choice of a run is made from.

        Raises:
            UserError: if the run has nothing to choose.
        """
        entry = self.run(run)
        if entry.select is None:
            raise UserError(f"{paths.choice(run)}: {run} has no `select`: all points are evaluated")
        return [path for point in entry.points for path in of_packs(run, entry, point, RUN)]

    def rule_of_choice(self, run: str) -> dict[str, str]:
        """What a choice depends on besides its candidates' results."""
        entry = self.run(run)
        digests = {name: point.training_digest for name, point in entry.points.items()}
        return {"select": str(entry.select), "candidates": str(digests)}


def results_of(name: str, run: RunEntry, point: str, table: str) -> list[str]:
    """The files that hold the rows of a table for a point."""
    candidates = run.behind(point)
    one = candidates[0].evaluations.get(table) if candidates else None
    if one is None or one.job is None:
        return of_packs(name, run, point, RESULTS)
    if one.of_run:
        return [paths.results_of_run(name, point, table).as_posix()]
    return [paths.results(name, point, pack, table).as_posix() for pack in run.packs(point)]


def of_packs(name: str, run: RunEntry, point: str, file: str) -> list[str]:
    """One output of every pack of a point."""
    return [(paths.pack_folder(name, point, pack) / file).as_posix() for pack in run.packs(point)]


def what_is_lacking(index: Index, run: str) -> str:
    """What a run waits for, in words: the plug-ins that are broken, or data; empty if nothing."""
    if broken := index.runs[run].broken:
        what = "broken plug-ins" if len(broken) > 1 else "a broken plug-in"
        return f"{what} to be mended: {'; '.join(broken)}"
    files = index.waiting_for(run)
    return f"data: {under_local_root(files)}" if files else ""


def under_local_root(files: list[str]) -> str:
    """The user's files as they are asked for, and files that cannot be fetched without sums."""
    unknown = [path for path in files if path.startswith(f"{paths.DOWNLOADS}/")]
    mine = [path for path in files if path not in unknown]
    root = f"${VARIABLE}" if local_root() else f"${VARIABLE}, which is not set"
    parts = [f"{', '.join(mine)} under {root} (see docs/data.md)"] if mine else []
    for dataset in dict.fromkeys(path.split("/")[-2] for path in unknown):
        names = [path.split("/")[-1] for path in unknown if path.split("/")[-2] == dataset]
        parts.append(f"the checksum of {', '.join(names)} (run `isotrope pin {dataset}`)")
    return " and ".join(parts)
