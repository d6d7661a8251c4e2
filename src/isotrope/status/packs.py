"""The state of one pack: from the names in its folder and, only if needed, the files.

A finished pack costs one listing of its folder, and the few bytes that say what code made it.
Heartbeats and logs are read of the others, and ``run.json`` of those whose seeds do not tell what
it holds.

What is not seen here: an evaluation whose settings were changed and changed back, while
``results.csv`` is still that of the settings between. `vouching` compares the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.packs import summary
from isotrope.packs.summary import OUTPUTS, RESULTS, RUN
from isotrope.plan.index import EvaluationEntry
from isotrope.status import folders
from isotrope.status.folders import EVALUATE_LOG, PointFolder
from isotrope.status.heartbeats import Job, Pulse
from isotrope.status.jobs import Jobs
from isotrope.status.states import Finding
from isotrope.status.words import job_text

_NO_SEEDS: frozenset[int] = frozenset()
_EARLIER_CHOICE = "of an earlier choice, which is to be made anew"
TO_BE_EVALUATED = "trained; to be evaluated"
TO_BE_ASSEMBLED = "trained; to be put together"
SEEDS_KEPT = "its seeds are kept, and only put together again"
ROWS_KEPT = "its rows are kept, and only put together again"


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack whose state is asked for.

    Args:
        run: the run's name.
        point_in_path: the point in the pack's path, or ``selected``.
        name: as in ``1-25``.
        seeds: what is asked for.
        digest: the training digest, the user's files included.
        point: where its seeds and evaluations lie, listed.
        stores: the folders of its evaluations, by the names of their tables; None of a candidate.
        own_jobs: those of them that have jobs of their own.
        evaluating: seconds that the job of the others may take.
        diverged: seeds that are known to have diverged; None if that is not known.
        chosen: the point behind ``selected``, if one is chosen.
        waits: the state of a pack that waits for a choice or a plug-in; None for others.
    """

    run: str
    point_in_path: str
    name: str
    seeds: list[int]
    digest: str
    point: PointFolder
    stores: dict[str, str] | None
    own_jobs: Mapping[str, EvaluationEntry] = field(default_factory=dict)
    evaluating: float = 1800.0
    diverged: frozenset[int] | None = None
    chosen: str | None = None
    waits: Finding | None = None

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return paths.pack_folder(self.run, self.point_in_path, self.name)

    @property
    def point_name(self) -> str:
        """The point whose seeds they are."""
        return self.chosen or self.point_in_path


def read_state(pack: Pack, pulse: Pulse, outcomes: bool) -> Finding:
    """The state of a pack.

    Args:
        pack: the pack.
        pulse: tells live jobs from lost ones.
        outcomes: whether to read, of every pack that is done, how its seeds ended.
    """
    point, folder = pack.point, pack.folder
    if point.refused:
        return Finding("failed", detail=point.refused)
    try:
        names = folders.names_in(folder) if folder.name in point.names else frozenset()
    except PermissionError as error:
        return Finding("failed", detail=folders.refusal(error))
    if pack.waits:
        again = RUN in names and pack.waits.state != "waiting"
        return Finding("stale", detail=_EARLIER_CHOICE) if again else pack.waits
    if point.finished.issuperset(pack.seeds):
        finished = pack.seeds
    else:
        finished = [seed for seed in pack.seeds if seed in point.finished]
    if not names:
        all_trained = len(finished) == len(pack.seeds)
        return Finding("queued", len(finished), TO_BE_ASSEMBLED if all_trained else "")
    jobs = Jobs(folder, names, pulse, pack.run)
    return _PackFiles(pack, folder, names, finished, jobs, outcomes).finding()


class _PackFiles:
    """The files of a pack that has any, and the state that follows from them."""

    def __init__(
        self,
        pack: Pack,
        folder: Path,
        names: frozenset[str],
        finished: list[int],
        jobs: Jobs,
        outcomes: bool,
    ) -> None:
        self.pack, self.folder, self.names, self.finished = pack, folder, names, finished
        self.jobs, self.outcomes = jobs, outcomes
        others = pack.point.others
        self.others = {d for seed in pack.seeds for d in others.get(seed, ())} if others else set()
        self._ends_read: Mapping[int, Mapping[str, Any]] | None = None

    @property
    def all_trained(self) -> bool:
        """Whether every seed is trained."""
        return len(self.finished) == len(self.pack.seeds)

    def finding(self) -> Finding:
        """The state of the pack."""
        beat = self.jobs.heartbeat()
        if beat and beat[1]:
            return self._finding("running", job_text([beat[0]]), job=beat[0])
        trained_with = self._trained_with()
        if trained_with is None:
            if at_work := self._at_work(beat):
                return at_work
            if beat and not self.all_trained:
                return self._state_when_lost(beat[0])
            if lost := self._outputs_gone():
                return lost
            waits = self._finding("queued", TO_BE_ASSEMBLED if self.all_trained else "")
            return self._with_count(self.jobs.training(self.all_trained) or waits)
        if trained_with == self.pack.digest:
            if not self.all_trained:  # seeds were added, or the store was emptied
                held = self._seed_ends()
                self.finished = [s for s in self.pack.seeds if s in held or s in self.finished]
            if self.all_trained:
                found = self._state_when_trained()
                return (self._unfinished_own_job() or found) if found.state == "done" else found
        if at_work := self._at_work(beat):
            return at_work
        if beat and not self.all_trained:
            return self._state_when_lost(beat[0])
        if since := self.jobs.training_since(RUN):  # outside of Snakemake old outputs are kept
            return self._with_count(since)
        if trained_with == self.pack.digest:
            more = len(self.pack.seeds) - len(self.finished)
            return self._finding("queued", f"{more} seed{'s'[: more > 1]} more than were trained")
        return self._finding("stale", trained_with=trained_with)

    def _finding(self, state: str, detail: str = "", **more: Any) -> Finding:
        return Finding(state, len(self.finished), detail, **more)

    def _at_work(self, beat: tuple[Job, bool] | None) -> Finding | None:
        found = self.jobs.at_work(beat[0] if beat else None, self.all_trained)
        return self._with_count(found) if found else None

    def _outputs_gone(self) -> Finding | None:
        """Outputs were deleted that a training had made; None if that is not so."""
        there = self.names & {*OUTPUTS, RESULTS}
        if not there or not self.jobs.is_over(there, self.all_trained):
            return None
        gone = [name for name in OUTPUTS if name not in self.names]
        what = f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone"
        then = SEEDS_KEPT if self.all_trained else "`snakemake runs` trains its seeds anew"
        return self._finding("queued", f"{what}; {then}")

    def _state_when_lost(self, beat: Job) -> Finding:
        return self._with_count(self.jobs.after(beat, self.pack.point.unfinished))

    def _with_count(self, found: Finding) -> Finding:
        return replace(found, finished=len(self.finished))

    def _trained_with(self) -> str | None:
        """The training digest of the pack's outputs; not read where only one is possible.

        None if they are not there, or vanish meanwhile; an empty one if they are damaged.
        """
        if not self.names.issuperset(OUTPUTS):
            return None
        if self.all_trained and not self.others:
            return self.pack.digest
        if not self.finished and len(self.others) == 1:
            return next(iter(self.others))
        return summary.digest_at_a_glance(self.folder)

    def _seed_ends(self) -> Mapping[int, Mapping[str, Any]]:
        """The entry of each seed in ``run.json``; read once."""
        if self._ends_read is None:
            known = summary.glance(self.folder)
            self._ends_read = known.seeds if known is not None else {}
        return self._ends_read

    def _unfinished_own_job(self) -> Finding | None:
        """The first evaluation with a job of its own that is not done; None if all are."""
        for table, evaluation in self.pack.own_jobs.items():
            made = paths.results(self.pack.run, self.pack.point_in_path, self.pack.name, table).name
            folder = self.folder.parent if evaluation.of_run else self.folder
            names = self.pack.point.names if evaluation.of_run else self.names
            if made in names and (evaluation.of_run or self._has_all_rows(table)):
                continue
            jobs = Jobs(folder, names, self.jobs.pulse, self.pack.run)
            log = f"evaluate-{table}.log"
            if at_work := jobs.evaluates(made):
                return self._with_count(at_work)
            kept = not evaluation.of_run and made not in names and self._has_all_rows(table)
            if kept and jobs.has_evaluated(log):
                return self._finding("queued", f"{made} is gone; {ROWS_KEPT}")
            patience = evaluation.job.minutes * 60.0 if evaluation.job else self.pack.evaluating
            if made in names:
                finding = jobs.evaluation_since(made, log, patience)
            else:
                finding = jobs.evaluation(log, patience)
            waits = self._finding("queued", f"{TO_BE_EVALUATED}: {table}")
            return self._with_count(finding or waits)
        return None

    def _has_all_rows(self, table: str) -> bool:
        """Whether every seed that did not diverge has rows under an evaluation."""
        stores, known = self.pack.stores or {}, self.pack.point.evaluated
        lacking = set(self.pack.seeds) - known.get(stores[table], _NO_SEEDS)
        return not lacking or lacking <= self._diverged()

    def _state_when_trained(self) -> Finding:
        """The state when all seeds are trained, from the evaluations that share a job."""
        known = self.pack.point.evaluated
        if self.pack.stores is None:
            return self._done(self.pack.diverged)
        alone = self.pack.own_jobs
        stores = {table: one for table, one in self.pack.stores.items() if table not in alone}
        if RESULTS not in self.names:
            waits = self._finding("queued", TO_BE_EVALUATED)
            kept = all(self._has_all_rows(table) for table in stores)
            gone = kept and self.jobs.has_evaluated(EVALUATE_LOG)
            if gone:
                waits = self._finding("queued", f"{RESULTS} is gone; {ROWS_KEPT}")
            return self._with_count(
                self.jobs.evaluates(RESULTS)
                or (None if gone else self.jobs.evaluation(EVALUATE_LOG, self.pack.evaluating))
                or waits
            )
        open_ = [
            t for t, s in stores.items() if not known.get(s, _NO_SEEDS).issuperset(self.finished)
        ]
        if not open_ and (stores or alone):
            if self.others and self._is_older(RESULTS, RUN):
                return self._to_be_evaluated()
            return self._done(frozenset())
        diverged = self._diverged()
        sound = {seed for seed in self.pack.seeds if seed not in diverged}
        lacking = {table: sound - known.get(stores[table], _NO_SEEDS) for table in open_}
        lacking = {table: seeds for table, seeds in lacking.items() if seeds}
        if not lacking:
            return self._done(diverged)
        if self._is_older(RESULTS, RUN) or any(seeds != sound for seeds in lacking.values()):
            return self._to_be_evaluated()
        names = {store.rpartition("-")[0] for store in self.pack.point.stores}
        is_new = {table: stores[table].rpartition("-")[0] not in names for table in lacking}
        changes = ", ".join(
            f"{table} {'is new' if is_new[table] else 'differs'}" for table in is_new
        )
        stale = self._finding("stale", f"evaluation {changes}", trained_with=self.pack.digest)
        return self._with_count(
            self.jobs.evaluates(RESULTS)
            or self.jobs.evaluation_since(RESULTS, EVALUATE_LOG, self.pack.evaluating)
            or stale
        )

    def _to_be_evaluated(self) -> Finding:
        """Results are there, but older than what is to be evaluated."""
        waits = self._finding("queued", TO_BE_EVALUATED)
        return self._with_count(
            self.jobs.evaluates(RESULTS)
            or self.jobs.evaluation_since(RESULTS, EVALUATE_LOG, self.pack.evaluating)
            or waits
        )

    def _is_older(self, file: str, reference: str) -> bool:
        """Whether a file was written before another; not if one of them has vanished."""
        try:
            times = [(self.folder / name).stat().st_mtime_ns for name in (file, reference)]
        except OSError:
            return False
        return times[0] < times[1]

    def _diverged(self) -> frozenset[int]:
        ends, wanted = self._seed_ends(), set(self.pack.seeds)
        return frozenset(s for s in ends if ends[s].get("status") == "diverged") & wanted

    def _done(self, diverged: frozenset[int] | None) -> Finding:
        """Nothing is left to do; ``diverged`` may be known already."""
        if diverged is None or self.outcomes:
            diverged = self._diverged()
        counts = {"diverged": len(diverged)}
        if self.outcomes:
            ends = [end for seed, end in self._seed_ends().items() if seed in self.pack.seeds]
            counts["collapsed"] = sum(end.get("status") == "collapsed" for end in ends)
            counts["shipped"] = sum(end.get("origin") == "shipped" for end in ends)
        state = "diverged" if len(diverged) == len(self.pack.seeds) else "done"
        detail = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        return self._finding(state, detail, **counts)
