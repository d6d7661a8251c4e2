"""Whether results were made with the code as it is now, and what a user is told if not.

Changed code makes nothing anew: only a raised ``REVISION`` does. But it is said, until the results
are made anew or ``isotrope keep`` records why they hold all the same. Needs no torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isotrope import paths
from isotrope.digests import local_sums, with_sums
from isotrope.errors import UserError
from isotrope.files.code_column import CHANGED, ELSEWHERE, KEPT, NOT_RECORDED, SAME, worst
from isotrope.packs import code_records
from isotrope.packs.code_records import Kept
from isotrope.plan.index import Index, PointEntry
from isotrope.plan.result_code import ResultCode


@dataclass(frozen=True)
class PackCode:
    """The code behind the results of a pack.

    Args:
        run: the run's name.
        point: the point as paths name it.
        pack: the pack's name.
        training: the state of its weights; empty where none are there, or they are stale.
        evaluations: the state of the rows of each evaluation that are there and not stale, by the
            name of its table; the weights behind them apart.
        changed: the modules that are not what they were.
        made: of what is not the same, the digests it was made with, by that of the code as it is.
    """

    run: str
    point: str
    pack: str
    training: str = ""
    evaluations: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    made: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """The state that tells most of it; empty where nothing is there."""
        return worst([self.training, *self.evaluations.values()])

    def of_table(self, table: str) -> str:
        """The state of what a table holds of it: of its weights, and of its rows."""
        if table == "runs":
            return self.training
        own = self.evaluations.get(table, "")
        return worst([self.training, own]) if own else ""


class CodeStates:
    """The code behind the results of runs; each file is read once.

    Args:
        index: all runs.
        code: the code as it is now.
    """

    def __init__(self, index: Index, code: ResultCode | None = None) -> None:
        self.index = index
        self.code = code or ResultCode()
        self._sums: dict[str, list[str]] = {}
        self._kept: dict[str, list[Kept]] = {}
        self._packs: dict[str, list[PackCode]] = {}
        self._rows: dict[Path, dict[str, tuple[str, dict[str, list[int | None]]]]] = {}
        self._recorded: dict[tuple[str, str], dict[str, str]] = {}

    def of_run(self, run: str) -> list[PackCode]:
        """Every pack of a run that has results, candidates of a choice included."""
        if run not in self._packs:
            entry = self.index.runs[run]
            places = [*entry.points, *([paths.SELECTED] if entry.select else [])]
            packs = [(place, pack) for place in places for pack in entry.packs(place)]
            found = (self.of_pack(run, place, pack) for place, pack in packs)
            self._packs[run] = [one for one in found if one.state]
        return self._packs[run]

    def of_pack(self, run: str, place: str, pack: str) -> PackCode:
        """The code behind a pack.

        Args:
            run: the run's name.
            place: the point; ``selected`` for the chosen one.
            pack: the pack's name.
        """
        made = code_records.trained_with(paths.pack_folder(run, place, pack))
        name = self.point_made(run, place, made.digest) if made else None
        if made is None or name is None:
            return PackCode(run, place, pack)
        point = self.index.runs[run].points[name]
        open_: dict[str, set[str]] = {}
        training = self._state(run, point.plugins, made.codes, open_)
        evaluations = {}
        for table, one in point.evaluations.items() if self._is_evaluated(run, place) else ():
            if (codes := self._codes_of_rows(run, place, pack, table, point)) is not None:
                evaluations[table] = self._state(run, one.plugins, codes, open_)
        changed = {
            file
            for now, codes_then in open_.items()
            for then in codes_then
            for file in self._changed(run, then, now)
        }
        frozen = {now: frozenset(codes_then) for now, codes_then in open_.items()}
        return PackCode(run, place, pack, training, evaluations, frozenset(changed), frozen)

    def of_codes(self, run: str, plugins: Iterable[str], codes: Iterable[str]) -> str:
        """The state of results that were made with some code.

        Args:
            run: the run's name.
            plugins: those that the results depend on.
            codes: the digests of the code that they were made with.
        """
        return self._state(run, plugins, codes, {})

    def of_rows(self, run: str, point: str, table: str, results: Path) -> dict[int | None, str]:
        """For each seed the state of its rows under an evaluation, the weights behind them apart.

        Args:
            run: the run's name.
            point: the point that they were measured at.
            table: the evaluation, by the name of its table.
            results: the file with the rows.
        """
        one = self.index.runs[run].points[point].evaluations[table]
        _, codes = self.rows_in(results).get(table, ("", {}))
        return {
            seed: self._state(run, one.plugins, [code], {})
            for code, seeds in codes.items()
            for seed in seeds
        }

    def kept(self, run: str) -> list[Kept]:
        """What is kept of a run."""
        if run not in self._kept:
            self._kept[run] = code_records.kept(run)
        return self._kept[run]

    def _state(
        self,
        run: str,
        plugins: Iterable[str],
        codes: Iterable[str],
        open_: dict[str, set[str]],
    ) -> str:
        """The state of what was made with some code; what is not the same is added to ``open_``."""
        now = self.code.of(plugins).digest
        others = set(codes) - {now}
        if not others - {code_records.ELSEWHERE}:
            return ELSEWHERE if others else SAME
        others -= {code_records.ELSEWHERE}
        open_.setdefault(now, set()).update(others)
        held = {code for one in self.kept(run) for code in one.results.get(now, ())}
        if others <= held:
            return KEPT
        return NOT_RECORDED if others - held == {code_records.NOT_RECORDED} else CHANGED

    def _changed(self, run: str, then: str, now: str) -> Iterable[str]:
        """The modules that differ between two digests, as far as the older one is known."""
        if (run, then) not in self._recorded:
            self._recorded[run, then] = code_records.recorded_files(run, then)
        known, current = self._recorded[run, then], self.code.files_of(now)
        if not known:
            return ()
        return [file for file in {*known, *current} if known.get(file) != current.get(file)]

    def _is_evaluated(self, run: str, place: str) -> bool:
        return place in self.index.runs[run].evaluated

    def point_made(self, run: str, place: str, digest: str) -> str | None:
        """The point whose weights have a training digest, if the param-file still says so."""
        entry = self.index.runs[run]
        chosen = entry.select is not None and place == paths.SELECTED
        for name, point in entry.points.items():
            wanted = point.training_digest, point.trained_on, point.files
            if (chosen or name == place) and self.is_current(digest, *wanted):
                return name
        return None

    def _codes_of_rows(
        self, run: str, place: str, pack: str, table: str, point: PointEntry
    ) -> list[str] | None:
        """The code behind the rows of an evaluation; None if they are not there, or are stale."""
        one = point.evaluations[table]
        if one.of_run:
            results = paths.results_of_run(run, place, table)
        else:
            results = paths.results(run, place, pack, table if one.job else None)
        known = self.rows_in(results).get(table)
        if known is None:
            return [code_records.NOT_RECORDED] if self._is_old(results) else None
        digest, codes = known
        behind = point.datasets_behind(table), point.files_behind(table)
        return list(codes) if self.is_current(digest, one.digest, *behind) else None

    def rows_in(self, results: Path) -> dict[str, tuple[str, dict[str, list[int | None]]]]:
        """What the rows in a table of results were computed with, as `code_records` reads it."""
        if results not in self._rows:
            self._rows[results] = code_records.codes_of_results(results)
        return self._rows[results]

    def _is_old(self, results: Path) -> bool:
        """Whether rows are there without a word about code: then an older version left them."""
        return not self.rows_in(results) and results.is_file()

    def is_current(self, made: str, digest: str, datasets: Iterable[str], files: list[str]) -> bool:
        """Whether results were made for a digest, with the user's files as they are.

        Weights of the user's are passed over: reading them takes longer than a plan may.
        """
        if files:
            return True
        try:
            return made == self.digest_now(digest, datasets)
        except UserError:
            return False  # a data set that is not there, or damaged: its rule says so

    def digest_now(self, digest: str, datasets: Iterable[str]) -> str:
        """A digest with the user's files behind data sets, as results carry it.

        Raises:
            UserError: if a data set is not there, or damaged.
        """
        return with_sums(digest, *(self._sums_of(key) for key in datasets))

    def _sums_of(self, dataset: str) -> list[str]:
        if dataset not in self._sums:
            self._sums[dataset] = local_sums(Path(self.index.datasets[dataset].manifest))
        return self._sums[dataset]
