"""What runs cost that are not trained yet: jobs, trainings, and hours from measured rates.

A training takes at most its epochs times the seconds of an epoch, and an evaluation of a pack its
seeds times the seconds of a seed, as ``rates`` knows them. Where nothing is known nothing is
reckoned, and the wall times that jobs ask for are the bound.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isotrope import paths
from isotrope.packs import summary
from isotrope.plan.index import Index, RunEntry
from isotrope.plan.rates import (
    EvaluationRates,
    Rates,
    evaluation_rates,
    measured_rates,
    rate_of_evaluation,
    rate_of_training,
)
from isotrope.plan.reasons import EVALUATES
from isotrope.plan.stores import stale_tables

COSTLY = ("train", *EVALUATES)  # rules whose jobs are counted


@dataclass
class Cost:
    """What some runs cost that are not trained yet.

    Attributes:
        runs: how many there are.
        waiting: how many of them wait for data or a plug-in; nothing else counts them.
        jobs: trainings of packs and evaluations that are not done, or were done otherwise than now.
        trainings: seeds that are not trained.
        evaluations: the jobs that evaluate.
        hours: reckoned, by where their rates are from: hours of a GPU, or of the CPU where they ask
            for none, or were measured on none.
        unknown: trainings of models that were never measured.
        unmeasured: evaluations that were never measured.
        limit: hours of wall time that all jobs may take, one after the other.
    """

    runs: int = 0
    waiting: int = 0
    jobs: int = 0
    trainings: int = 0
    evaluations: int = 0
    hours: dict[str, float] = field(default_factory=dict)
    unknown: int = 0
    unmeasured: int = 0
    limit: float = 0.0

    def reckon(self, hours: float, source: str) -> None:
        """Add hours, by where their rate is from."""
        self.hours[source] = self.hours.get(source, 0.0) + hours


def costs_of(
    index: Index, names: Iterable[str], waiting: Iterable[str] = ()
) -> dict[tuple[str, str], Cost]:
    """The cost of runs by study and series.

    Args:
        index: all runs.
        names: those that count.
        waiting: those of them that cannot be made yet.
    """
    left_out = set(waiting)
    rates = measured_rates(), evaluation_rates(index)
    found: dict[tuple[str, str], Cost] = {}
    for name in names:
        run = index.runs[name]
        cost = found.setdefault((run.study, run.series), Cost())
        cost.runs += 1
        if name in left_out:
            cost.waiting += 1
        else:
            old = _old_packs(index, name)
            _add_trainings(cost, index.runs[name], name, rates[0], old)
            _add_evaluations(cost, index, name, rates[1], old)
    return found


def cost_of_jobs(index: Index, jobs: Iterable[tuple[str, Mapping[str, str]]]) -> Cost:
    """The cost of jobs that Snakemake plans, whatever they were planned for.

    Args:
        index: all runs.
        jobs: the rule and the wildcards of each, of ``COSTLY`` rules alone.
    """
    rates = measured_rates(), evaluation_rates(index)
    whole = Cost()
    for rule, words in jobs:
        run = index.run(words["run"])
        whole.jobs += 1
        packs = run.packs(words["point"])
        seeds = (
            packs[words["pack"]] if "pack" in words else [s for of in packs.values() for s in of]
        )
        if rule == "train":
            whole.limit += run.minutes / 60 * max(run.gpu, 1)
            _reckon_trainings(whole, run, words["point"], len(seeds), rates[0])
        else:
            _reckon_evaluation(whole, run, words["point"], words.get("table"), len(seeds), rates[1])
    return whole


_COUNTS = (
    *("runs", "waiting", "jobs", "trainings", "evaluations"),
    *("unknown", "unmeasured", "limit"),
)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of several."""
    whole = Cost()
    for one in costs:
        for key in _COUNTS:
            setattr(whole, key, getattr(whole, key) + getattr(one, key))
        for source, hours in one.hours.items():
            whole.reckon(hours, source)
    return whole


def in_words(cost: Cost) -> str:
    """The cost in a sentence."""
    if not cost.jobs:
        return "nothing is left to train or evaluate"
    hours = [f"{hours:,.1f} hours ({source})" for source, hours in sorted(cost.hours.items())]
    unknown = [
        f"{number:,} {what}{'' if number == 1 else 's'}"
        for number, what in ((cost.unknown, "training"), (cost.unmeasured, "evaluation"))
        if number
    ]
    never = f"nothing was measured here yet to estimate {' and '.join(unknown)}"
    parts = [
        f"{cost.jobs:,} jobs ({cost.evaluations:,} evaluate), {cost.trainings:,} trainings",
        *([f"estimated at most {' + '.join(hours)}"] if hours else []),
        *([never] if unknown else []),
        f"by their time limits at most {cost.limit:,.0f} hours",
    ]
    return "; ".join(parts)


def _add_trainings(
    cost: Cost, run: RunEntry, name: str, rates: Rates, old: set[tuple[str, str]]
) -> None:
    gpus = max(run.gpu, 1)
    chosen = [paths.SELECTED] if run.select else []
    winner_again = len(run.select.seeds) if run.select else 0
    for point in (*run.points, *chosen):
        packs = {
            pack: seeds
            for pack, seeds in run.packs(point).items()
            if (point, pack) in old or not _is_trained(name, point, pack)
        }
        trainings = sum(map(len, packs.values()))
        if point == paths.SELECTED:
            trainings = max(0, trainings - winner_again)
        cost.jobs += len(packs)
        cost.limit += len(packs) * run.minutes / 60 * gpus
        _reckon_trainings(cost, run, point, trainings, rates)


def _reckon_trainings(cost: Cost, run: RunEntry, point: str, trainings: int, rates: Rates) -> None:
    """Count trainings of a point, with their hours where a rate is known."""
    cost.trainings += trainings
    if (per_epoch := rate_of_training(run, rates)) is None:
        cost.unknown += trainings
    elif trainings:
        seconds, source = per_epoch
        epochs = max(int(one.parameters.get("training.epochs") or 0) for one in run.behind(point))
        cost.reckon(trainings * epochs * seconds / 3600, source)


def _add_evaluations(
    cost: Cost, index: Index, name: str, rates: EvaluationRates, old: set[tuple[str, str]]
) -> None:
    """Count the jobs that evaluate: without results, of other weights, or computed otherwise."""
    run = index.runs[name]
    for point in run.evaluated:
        entry = run.behind(point)[0]
        packs = run.packs(point)
        stale = stale_tables(index, name, point)
        again = {pack for pack in packs if (point, pack) in old}
        alone = [table for table, one in entry.evaluations.items() if one.job and not one.of_run]
        left: list[tuple[str | None, int]] = []  # table and seeds; no table of those sharing a job
        for pack, seeds in packs.items():
            shared = bool(stale & set(entry.shared_tables))
            for table in (None, *alone):
                other = shared if table is None else table in stale
                made = paths.results(name, point, pack, table)
                if pack in again or other or not made.is_file():
                    left.append((table, len(seeds)))
        of_packs = bool(left)
        for table in (table for table, one in entry.evaluations.items() if one.of_run):
            made = paths.results_of_run(name, point, table)
            if of_packs or table in stale or not made.is_file():
                left.append((table, sum(map(len, packs.values()))))
        cost.jobs += len(left)
        for table, count in left:
            _reckon_evaluation(cost, run, point, table, count, rates)


def _reckon_evaluation(
    cost: Cost, run: RunEntry, point: str, table: str | None, count: int, rates: EvaluationRates
) -> None:
    """Count a job that evaluates so many seeds of a point; without a table those that share one."""
    entry = run.behind(point)[0]
    tables = entry.shared_tables if table is None else [table]
    job = entry.evaluations[table].job if table else None
    minutes, gpus = (job.minutes, job.gpu) if job else (run.evaluation_minutes, run.gpu)
    cost.evaluations += 1
    cost.limit += minutes / 60 * max(gpus, 1)
    if (rate := rate_of_evaluation(run, tables, rates)) is not None:
        cost.reckon(count * rate[0] / 3600, rate[1])
    else:
        cost.unmeasured += 1


def _old_packs(index: Index, name: str) -> set[tuple[str, str]]:
    """The packs, each with its point, that were trained otherwise than they would be now."""
    run = index.runs[name]
    made = {
        (point, pack): digest
        for point in run.points
        for pack in run.packs(point)
        if (digest := summary.digest_at_a_glance(paths.pack_folder(name, point, pack)))
    }
    now = index.digests(name) if made else {}
    return {(point, pack) for (point, pack), digest in made.items() if digest != now[point]}


def _is_trained(name: str, point: str, pack: str) -> bool:
    return (paths.pack_folder(name, point, pack) / summary.WEIGHTS).is_file()
