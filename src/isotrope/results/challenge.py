"""How a run does in a challenge: on each of several sets of training images, beside other numbers.

A challenge is a module ``studies/<study>/challenge.py``. It says how many images may be trained on
(``SAMPLES``), writes a param-file for a model (``place``, ``param_file``), names the setting by
which all seeds of a run share one set of images (``SUBSET_SEED``), and says of a run's parameters,
by their dotted keys, what its baseline has (``baseline``) and which number is to beat
(``published``).

Without that setting each seed has images of its own, and its number is its test accuracy. With it
several seeds share the images: they count as one number, the mean of their accuracies, and as
another, the accuracy of all of them together, where `seed_ensemble` was evaluated.
"""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas
from scipy import stats

from isotrope.errors import UserError, did_you_mean
from isotrope.files.tables import RESULT_COLUMNS, read_table
from isotrope.plan.index import Index
from isotrope.results.finished import finished_packs
from isotrope.results.statistics import FEWEST, Difference
from isotrope.results.tables import collect

MODULE = "challenge"
SINGLE, TOGETHER = "accuracy", "seed_ensemble"  # tables


@dataclass(frozen=True)
class Published:
    """A published number.

    Args:
        name: what it is of.
        mean: a fraction, over so many sets of images.
        deviation: the standard deviation over them.
        count: of sets of images.
    """

    name: str
    mean: float
    deviation: float
    count: int

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.deviation / math.sqrt(self.count)


@dataclass(frozen=True)
class Scores:
    """A test accuracy for each set of training images.

    Args:
        what: how it is taken, as in "ensemble of 3".
        values: fractions, by the seed of the set of images.
    """

    what: str
    values: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Over the sets of images."""
        return sum(self.values.values()) / len(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation over the sets of images; NaN of a single one."""
        return float(pandas.Series(self.values, dtype=float).std())

    @property
    def error(self) -> float:
        """The standard error of the mean; NaN of a single set of images."""
        return self.deviation / math.sqrt(len(self.values))

    def minus_published(self, other: Published) -> Difference:
        """The difference of means with Welch's 95 % interval; NaN bounds of fewer than 3 sets."""
        ours, theirs = self.error**2, other.error**2
        error = math.sqrt(ours + theirs)
        if len(self.values) < FEWEST:
            return Difference(self.mean - other.mean, math.nan, math.nan)
        parts = ours**2 / (len(self.values) - 1) + theirs**2 / (other.count - 1)
        freedom = error**4 / parts if parts else len(self.values) - 1
        return _around(self.mean - other.mean, error, freedom)

    def minus(self, other: "Scores") -> tuple[Difference, int]:
        """The mean difference on the sets of images that both have, its 95 % interval, their count.

        The interval is Student's of paired differences; its bounds are NaN of fewer than 3 sets.
        """
        both = [subset for subset in self.values if subset in other.values]
        if not both:
            return Difference(math.nan, math.nan, math.nan), 0
        differences = pandas.Series([self.values[one] - other.values[one] for one in both])
        mean, count = float(differences.mean()), len(both)
        if count < FEWEST:
            return Difference(mean, math.nan, math.nan), count
        return _around(mean, float(differences.std()) / math.sqrt(count), count - 1), count


def _around(value: float, error: float, freedom: float) -> Difference:
    half = float(stats.t.ppf(0.975, freedom)) * error
    return Difference(value, value - half, value + half)


def scores_of(known: Index, name: str, subset_seed: str) -> list[Scores]:
    """What a run's finished seeds reached on each set of training images.

    Args:
        known: all runs.
        name: the run's name.
        subset_seed: the key of the setting by which all seeds share one set of images.

    Returns:
        Single networks first; then, where they were evaluated together, ensembles of them.

    Raises:
        UserError: if the run chooses between points, does not evaluate ``accuracy``, or no seed is
            finished.
    """
    run = known.runs[name]
    if run.select:
        raise UserError(f"{name}: a run of a challenge chooses nothing; take `select` out")
    if SINGLE not in run.tables:
        raise UserError(f"{name}: add {SINGLE} to its evaluations")
    packs = [
        pack for point in run.evaluated for pack in finished_packs(known, name, run, point, None)
    ]
    if left := [str(one) for pack in packs for one in pack.left_out]:
        raise UserError(*left)
    if not packs:
        raise UserError(f"{name}: no seed is finished")
    with tempfile.TemporaryDirectory() as folder:
        written = {path.stem: path for path in collect(run.group, packs, Path(folder))}
        tables = {
            table: read_table(written[table], RESULT_COLUMNS)
            for table in (SINGLE, TOGETHER)
            if table in written
        }
    shared = {point: one.parameters.get(subset_seed) for point, one in run.points.items()}
    doubled = {subset for subset in shared.values() if list(shared.values()).count(subset) > 1}
    if doubled:
        raise UserError(f"{name}: its sweep must be one of {subset_seed} alone")
    return list(_scores(tables, shared, len(run.seeds)))


def _scores(
    tables: Mapping[str, pandas.DataFrame], shared: Mapping[str, Any], seeds: int
) -> Iterator[Scores]:
    rows = tables[SINGLE]
    rows = rows[rows["metric"].eq("accuracy")]
    own = [shared[point] for point in rows["point"]]
    subsets = [
        int(seed) if subset is None else int(subset)
        for seed, subset in zip(rows["seed"], own, strict=True)
    ]
    several = any(subset is not None for subset in shared.values())
    values: dict[int, list[float]] = {}
    for subset, value in zip(subsets, rows["value"], strict=True):
        values.setdefault(subset, []).append(float(value))
    yield Scores(
        f"single networks, {seeds} on each subset" if several else "test accuracy",
        {subset: sum(some) / len(some) for subset, some in values.items()},
    )
    if TOGETHER in tables and several:
        rows = tables[TOGETHER]
        rows = rows[rows["metric"].eq("accuracy")]
        for views, some in rows.groupby("views", sort=True):
            mirrored = ", mirror images too" if views != "image" else ""
            yield Scores(
                f"ensemble of {seeds}{mirrored}",
                {
                    int(shared[point]): float(value)
                    for point, value in zip(some["point"], some["value"], strict=True)
                },
            )


def report(
    found: Sequence[Scores], to_beat: Published | None, baseline: tuple[str, Scores] | None
) -> Iterator[str]:
    """Lines for people, in percent.

    Args:
        found: the run's scores.
        to_beat: a published number.
        baseline: another run's name and its scores.
    """
    beside = [*found, *([baseline[1]] if baseline else [])]
    heads = [*(one.what for one in found), *([baseline[0]] if baseline else [])]
    yield "  ".join(["subset    ", *heads])
    for subset in found[0].values:
        cells = [
            f"{100 * one.values[subset]:.2f}".rjust(len(head)) if subset in one.values else ""
            for one, head in zip(beside, heads, strict=True)
        ]
        yield "  ".join([str(subset).ljust(10), *cells]).rstrip()
    for one in found:
        yield ""
        error = "" if math.isnan(one.error) else f" ± {100 * one.error:.2f} (standard error)"
        yield f"{one.what}: {100 * one.mean:.2f}{error}, {len(one.values)} subsets"
        if to_beat:
            number = f"{100 * to_beat.mean:.2f} ± {100 * to_beat.error:.2f}"
            yield f"  minus {number}, {to_beat.name}: {_text(one.minus_published(to_beat))}"
        if baseline:
            difference, count = one.minus(baseline[1])
            where = f"on the same {count} subsets"
            yield f"  minus {baseline[0]} {where}: {_text(difference)}"


def _text(difference: Difference) -> str:
    if math.isnan(difference.value):
        return "no subset is the same"
    interval = (
        f"too few for an interval, which takes {FEWEST}"
        if math.isnan(difference.low)
        else f"95 % interval {100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
    )
    return f"{100 * difference.value:+.2f} ({interval})"


def baseline_of(known: Index, name: str, wanted: Mapping[str, Any], subset_seed: str) -> str | None:
    """The run that a run is compared with: a baseline on the same images; None if there is none.

    Of several it is the first published one, or the first.

    Args:
        known: all runs.
        name: the run that is compared.
        wanted: what the baseline has, parameters by their dotted keys.
        subset_seed: the key of the setting by which all seeds share one set of images.
    """
    mine = next(iter(known.runs[name].points.values())).parameters
    runs = sorted(known.runs.items(), key=lambda one: (one[1].series != "published", one[0]))
    for other, run in runs:
        if other == name or run.select or len(run.points) != 1 or SINGLE not in run.tables:
            continue
        (point,) = run.points.values()
        fits = all(point.parameters.get(key) == value for key, value in wanted.items())
        if fits and not differing_images(mine, point.parameters, subset_seed):
            return other
    return None


def check_baseline(known: Index, name: str, other: str, subset_seed: str) -> None:
    """Refuse a baseline that is none.

    Raises:
        UserError: if there is no such run, or it trains on other images than the first.
    """
    if other not in known.runs:
        raise UserError(f"--baseline {other}: no such run{did_you_mean(other, known.runs)}")
    one, two = (next(iter(known.runs[run].points.values())).parameters for run in (name, other))
    if keys := differing_images(one, two, subset_seed):
        said = ", ".join(f"{key} {two.get(key)}, not {one.get(key)}" for key in keys)
        raise UserError(f"--baseline {other}: trains on other images: {said}")


def differing_images(
    one: Mapping[str, Any], other: Mapping[str, Any], subset_seed: str
) -> list[str]:
    """The settings of the data set in which two runs differ, that of the shared set left out.

    Of two data sets it is their name alone.
    """
    keys = {key for key in (*one, *other) if key.startswith("dataset.")} - {subset_seed}
    different = sorted(key for key in keys if one.get(key) != other.get(key))
    return ["dataset.name"] if "dataset.name" in different else different
