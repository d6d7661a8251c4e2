"""How fast trainings and evaluations are: as measured here, else as published.

Seconds of an epoch are the median of what was measured here for the same model and data set, on a
GPU for runs that ask for one and can get one here, else the published ones, which are those of the
authors' machine. Where no GPU is within reach, what was measured on the CPU counts for all runs.
Seconds of an evaluation are those of Snakemake's jobs, for the same model, data set and tables: of
those that share a process, of one with a job of its own, and of one that measures a whole point.
"""

import csv
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from statistics import median

from isotrope import paths
from isotrope.files import regular
from isotrope.packs import summary
from isotrope.packs.summary import Summary
from isotrope.plan.index import Index, RunEntry
from isotrope.plan.stores import stale_tables
from isotrope.processes import cards

_RATE = "seconds_per_epoch_mean"
_TIMES = "evaluate*.benchmark.tsv"  # of the rules that evaluate
_TABLE = re.compile(r"evaluate-(.+)\.benchmark\.tsv")  # of a job that writes one table
HERE_GPU, HERE_CPU = "measured here on a GPU", "measured here on a CPU"
PUBLISHED = "published, of the authors' machine"

Rates = Mapping[tuple[str, str, str], float]  # model, data set, and where: HERE_GPU or HERE_CPU
# model, data set, tables of a job, and where: seconds of a seed
EvaluationRates = Mapping[tuple[str, str, tuple[str, ...], str], float]


def measured_rates() -> Rates:
    """Median seconds of an epoch of what was trained here, by model, data set and kind of device.

    One pack of each point is read.
    """
    found: dict[tuple[str, str, str], list[float]] = {}
    for _, known in _packs(summary.RUN):
        blocks = (known.content.get("model"), known.content.get("dataset"))
        names = [str(block.get("name")) for block in blocks if isinstance(block, dict)]
        for seed in known.seeds.values():
            if len(names) == 2 and (rate := seed.get(_RATE)):
                found.setdefault((names[0], names[1], _where(seed)), []).append(float(rate))
    return {key: median(rates) for key, rates in found.items()}


def evaluation_rates(index: Index) -> EvaluationRates:
    """Median seconds that the evaluations of a seed took here, where nothing is stale.

    One job of each kind and point is read.
    """
    found: dict[tuple[str, str, tuple[str, ...], str], list[float]] = {}
    for times, packs in _jobs():
        point, name = packs[0].parent.name, packs[0].parent.parent.relative_to(paths.OUT / "runs")
        run = index.runs.get(name.as_posix())
        entries = run.behind(point) if run else []
        if run is None or not entries:
            continue
        alone = _TABLE.fullmatch(times.name)
        tables = [alone[1]] if alone else sorted(entries[0].shared_tables)
        summaries = [one for pack in packs if (one := summary.glance(pack)) is not None]
        seeds = {number: seed for one in summaries for number, seed in one.seeds.items()}
        if not seeds or stale_tables(index, name.as_posix(), point) & set(tables):
            continue
        with suppress(OSError, ValueError, KeyError, IndexError, TypeError):
            with regular.open_text(times, newline="") as file:
                seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
            key = (run.model, run.dataset, tuple(tables), _where(next(iter(seeds.values()))))
            found.setdefault(key, []).append(seconds / len(seeds))
    return {key: median(rates) for key, rates in found.items()}


def _jobs() -> Iterator[tuple[Path, list[Path]]]:
    """The times of one job of each kind and point, and the packs that it evaluated."""
    of_packs = sorted((paths.OUT / "runs").glob(f"*/*/*/*/seeds-*/{_TIMES}"))
    for times in {(path.parent.parent, path.name): path for path in of_packs}.values():
        yield times, [times.parent]
    for times in sorted((paths.OUT / "runs").glob(f"*/*/*/*/{_TIMES}")):
        if packs := sorted(times.parent.glob("seeds-*")):
            yield times, packs


def _packs(file: str) -> Iterator[tuple[Path, Summary]]:
    """The folder and the summary of one pack of each point that has a file."""
    packs = (paths.OUT / "runs").glob(f"*/*/*/*/seeds-*/{file}")
    one_of_each = {path.parent.parent: path.parent for path in sorted(packs)}
    for pack in one_of_each.values():
        if known := summary.glance(pack):
            yield pack, known


def _where(seed: Mapping[str, object]) -> str:
    return HERE_CPU if seed.get("device", "cpu") == "cpu" else HERE_GPU


def gpus_within_reach() -> bool:
    """Whether jobs that ask for a GPU may get one: of this machine, or from SLURM."""
    of_machine = cards.visible(_gpus_of_machine)
    return bool(of_machine) or _program("sbatch", os.environ.get("PATH"))


@cache  # asked for every job of every run
def _gpus_of_machine() -> int:
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


@cache
def _program(name: str, folders: str | None) -> bool:
    return shutil.which(name, path=folders) is not None


def rate_of_evaluation(
    run: RunEntry, tables: Iterable[str], rates: EvaluationRates
) -> tuple[float, str] | None:
    """Seconds of a seed in a job for some tables, and where they are from; None if unknown."""
    for where in (HERE_GPU, HERE_CPU) if run.gpu and gpus_within_reach() else (HERE_CPU,):
        if (rate := rates.get((run.model, run.dataset, tuple(sorted(tables)), where))) is not None:
            return rate, where
    return None


def rate_of_training(run: RunEntry, rates: Rates) -> tuple[float, str] | None:
    """Seconds of an epoch of a run, and where they are from; None if nobody knows."""
    first = HERE_GPU if run.gpu and gpus_within_reach() else HERE_CPU
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
