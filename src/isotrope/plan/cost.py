"""What runs cost that are not trained yet: jobs, trainings, and hours from measured rates.

A training takes at most its epochs times the seconds of an epoch. These are the median of what was
measured here for the same model and data set, on a GPU for runs that ask for one, else the
published ones, which are those of the authors' machine. Where neither is known nothing is reckoned,
and the wall times that jobs ask for are the bound. Evaluations are counted as jobs; their time is
not reckoned.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from isotrope import paths
from isotrope.files import regular
from isotrope.packs import summary
from isotrope.plan.index import Index, RunEntry

_RATE = "seconds_per_epoch_mean"
HERE_GPU, HERE_CPU, PUBLISHED = "measured here on a GPU", "measured here on a CPU", "published"

Rates = Mapping[tuple[str, str, str], float]  # model, data set, and where: HERE_GPU or HERE_CPU


@dataclass
class Cost:
    """What some runs cost that are not trained yet.

    Attributes:
        runs: how many there are.
        waiting: how many of them wait for data or a plug-in; nothing else counts them.
        jobs: trainings of packs and evaluations that are not done, or were done otherwise than now.
        trainings: seeds that are not trained.
        hours: reckoned for trainings, by where their rates are from: hours of a GPU, or of the CPU
            where they ask for none, or were measured on none.
        unknown: trainings of models that were never measured.
        limit: hours of wall time that all jobs may take, one after the other.
    """

    runs: int = 0
    waiting: int = 0
    jobs: int = 0
    trainings: int = 0
    hours: dict[str, float] = field(default_factory=dict)
    unknown: int = 0
    limit: float = 0.0


def costs_of(
    index: Index, names: Iterable[str], waiting: Iterable[str] = ()
) -> dict[tuple[str, str], Cost]:
    """The cost of runs by study and series.

    Args:
        index: all runs.
        names: those that count.
        waiting: those of them that cannot be made yet.
    """
    rates, left_out = measured_rates(), set(waiting)
    found: dict[tuple[str, str], Cost] = {}
    for name in names:
        run = index.runs[name]
        cost = found.setdefault((run.study, run.series), Cost())
        cost.runs += 1
        if name in left_out:
            cost.waiting += 1
        else:
            _add(cost, index, name, rates)
    return found


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of several."""
    whole = Cost()
    for one in costs:
        for key in ("runs", "waiting", "jobs", "trainings", "unknown", "limit"):
            setattr(whole, key, getattr(whole, key) + getattr(one, key))
        for source, hours in one.hours.items():
            whole.hours[source] = whole.hours.get(source, 0.0) + hours
    return whole


def in_words(cost: Cost) -> str:
    """The cost in a sentence."""
    if not cost.jobs:
        return "nothing is left to train or evaluate"
    parts = [f"{hours:,.1f} hours ({source})" for source, hours in sorted(cost.hours.items())]
    if cost.unknown:
        parts.append(f"{cost.unknown:,} trainings of models that were never measured")
    known = f", at most {' + '.join(parts)}" if parts else ""
    return (
        f"{cost.jobs:,} jobs, {cost.trainings:,} trainings{known}; "
        f"by their time limits {cost.limit:,.0f} hours"
    )


def measured_rates() -> Rates:
    """Median seconds of an epoch of what was trained here, by model, data set and kind of device.

    One pack of each point is read.
    """
    found: dict[tuple[str, str, str], list[float]] = {}
    packs = (paths.OUT / "runs").glob(f"*/*/*/*/seeds-*/{summary.RUN}")
    one_of_each = {path.parent.parent: path.parent for path in sorted(packs)}
    for pack in one_of_each.values():
        known = summary.glance(pack)
        if known is None:
            continue
        blocks = (known.content.get("model"), known.content.get("dataset"))
        names = [str(block.get("name")) for block in blocks if isinstance(block, dict)]
        for seed in known.seeds.values():
            if len(names) == 2 and (rate := seed.get(_RATE)):
                where = HERE_CPU if seed.get("device", "cpu") == "cpu" else HERE_GPU
                found.setdefault((names[0], names[1], where), []).append(float(rate))
    return {key: median(rates) for key, rates in found.items()}


def _add(cost: Cost, index: Index, name: str, rates: Rates) -> None:
    run = index.runs[name]
    old = _old_packs(index, name)
    gpus = max(run.gpu, 1)
    chosen = [paths.SELECTED] if run.select else []
    winner_again = len(run.select.seeds) if run.select else 0
    per_epoch = _rate(run, rates)
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
        cost.trainings += trainings
        cost.limit += len(packs) * run.minutes / 60 * gpus
        epochs = max(int(one.parameters.get("training.epochs") or 0) for one in run.behind(point))
        if per_epoch is None:
            cost.unknown += trainings
        elif trainings:
            seconds, source = per_epoch
            hours = trainings * epochs * seconds / 3600
            cost.hours[source] = cost.hours.get(source, 0.0) + hours
    for point in run.evaluated:
        evaluations = next(iter(run.behind(point))).evaluations.values()
        own = sum(one.job is not None and not one.of_run for one in evaluations)
        packs_left = [
            pack
            for pack in run.packs(point)
            if (point, pack) in old or not _is_tested(name, point, pack)
        ]
        jobs = len(packs_left) * (1 + own)
        jobs += sum(one.of_run for one in evaluations) if packs_left else 0
        cost.jobs += jobs
        cost.limit += jobs * run.evaluation_minutes / 60 * gpus


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


def _is_tested(name: str, point: str, pack: str) -> bool:
    return (paths.pack_folder(name, point, pack) / summary.RESULTS).is_file()


def _rate(run: RunEntry, rates: Rates) -> tuple[float, str] | None:
    """Seconds of an epoch of a run, and where they are from."""
    first = HERE_GPU if run.gpu else HERE_CPU
    if (rate := rates.get((run.model, run.dataset, first))) is not None:
        return rate, first
    if (rate := _published_rate(run)) is not None:
        return rate, PUBLISHED
    rate = rates.get((run.model, run.dataset, HERE_CPU))
    return None if rate is None else (rate, HERE_CPU)


def _published_rate(run: RunEntry) -> float | None:
    """The published seconds of an epoch of a model on the same data, the mean over its settings."""
    values = {str(value) for point in run.points.values() for value in point.parameters.values()}
    found = [
        seconds
        for model, dataset, seconds in _published_rates(paths.published(run.study))
        if model == run.model
        and dataset.split("/")[0] == run.dataset
        and set(dataset.split("/")[1:]) <= values
    ]
    return sum(found) / len(found) if found else None


_known: dict[tuple[str, int], list[tuple[str, str, float]]] = {}


def _published_rates(path: Path) -> list[tuple[str, str, float]]:
    """Model, data set and seconds of every published rate in a file."""
    try:
        key = path.as_posix(), path.stat().st_mtime_ns
    except OSError:
        return []
    if key not in _known:
        with regular.open_text(path, newline="") as file:
            _known[key] = [
                (row["model"], row["dataset"], float(row["value"]))
                for row in csv.DictReader(file)
                if (row.get("table"), row.get("metric")) == ("training", _RATE)
            ]
    return _known[key]
