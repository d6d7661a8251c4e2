"""From tables to what is drawn: which rows make a series, and the sentences below a figure.

Every figure needs it, whatever its study: the tables with the names of series and panels, means
over seeds, lost seeds, and where images, networks and published values come from.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas
from numpy.typing import NDArray

from isotrope.errors import UserError
from isotrope.files.code_column import CHANGED, KEPT
from isotrope.files.tables import CODE, COLLECT_AGAIN, PUBLISHED_COLUMNS
from isotrope.results.cells import Cells
from isotrope.results.statistics import summarise

KEY = ["run", "point", "seed"]
Arrays = Mapping[str, Mapping[str, NDArray[Any]]]  # of each table, its arrays by name


def nothing_published() -> pandas.DataFrame:
    """The published numbers of a study without any."""
    return pandas.DataFrame(columns=list(PUBLISHED_COLUMNS))


@dataclass(frozen=True, eq=False)
class Tables(Mapping[str, pandas.DataFrame]):
    """What a figure is drawn from; ``tables["accuracy"]`` is the table of that name.

    Args:
        frames: the tables that the figure asks for, ``runs`` among them.
        cells: what the study says of its panels.
        published: the study's published numbers in long form, maybe without rows.
        arrays: the arrays that the figure asks for, of each table by name.
        left_out: how many seeds of a run's point nothing vouches for: they are in no table.
    """

    frames: Mapping[str, pandas.DataFrame]
    cells: Cells = field(default_factory=Cells)
    published: pandas.DataFrame = field(default_factory=nothing_published)
    arrays: Arrays = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pandas.DataFrame:
        return self.frames[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def runs(self) -> pandas.DataFrame:
        """The table of runs with the columns of panels and ``name``."""
        return self.cells.with_series_names(self["runs"])

    @property
    def panel(self) -> list[str]:
        """The columns that tell panels apart."""
        return self.cells.panel

    @property
    def names(self) -> list[str]:
        """The name of every series of the study: so a series has one style in all figures."""
        return list(dict.fromkeys(self.runs["name"]))


def joined(tables: Tables, evaluation: str) -> pandas.DataFrame:
    """An evaluation's rows of seeds that did not diverge, joined with the named runs.

    Raises:
        UserError: if the seed of a row is not in the table of runs.
    """
    rows = tables[evaluation].merge(tables.runs, on=KEY, how="left", validate="many_to_one")
    unknown = rows[rows["name"].isna()]
    if len(unknown):
        first = unknown.iloc[0]
        raise UserError(
            f"{evaluation}.csv has results of {first['run']}, {first['point']}, seed "
            f"{first['seed']}, which runs.csv beside it does not know; {COLLECT_AGAIN}"
        )
    return rows[rows["status"].ne("diverged")]


def measured(tables: Tables, evaluation: str, metric: str) -> pandas.DataFrame:
    """One metric of an evaluation, joined with the named runs; at least one row.

    Raises:
        UserError: if there is no such row, or the seed of a row is not in the table of runs.
    """
    rows = joined(tables, evaluation)
    rows = rows[rows["metric"].eq(metric)].drop(columns="metric")
    if rows.empty:
        raise UserError(f"{evaluation}.csv has no {metric} of any seed to draw; {COLLECT_AGAIN}")
    return rows


def means_of(
    rows: pandas.DataFrame, tables: Tables, settings: Sequence[str] = ()
) -> pandas.DataFrame:
    """Means over the seeds of every series in every panel, as ``summarise`` gives them.

    Args:
        rows: from ``measured``.
        tables: for the number of ``diverged`` seeds, which are in no mean.
        settings: columns of the evaluation, such as the size of a shift, that have means of their
            own.
    """
    means = summarise(rows, [*tables.panel, "name", "model", *settings])
    return with_diverged(means, tables).assign(origin="measured")


def with_diverged(statistics: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """Statistics of series with the column ``diverged``: the seeds that are in none of them."""
    series = [*tables.panel, "name"]
    diverged = tables.runs["status"].eq("diverged")
    lost = tables.runs.assign(diverged=diverged).groupby(series)["diverged"]
    return statistics.merge(lost.sum().reset_index(), on=series, how="left")


def measured_and_published(ours: pandas.DataFrame, theirs: pandas.DataFrame) -> pandas.DataFrame:
    """What a figure shows: measured rows, then published ones; numbers of seeds stay whole."""
    rows = pandas.concat([ours, theirs], ignore_index=True)
    return rows.astype({"n": "Int64", "collapsed": "Int64", "diverged": "Int64"})


def seeds(counts: Sequence[int]) -> str:
    """``5 seeds``, or ``3-5 seeds`` where the counts differ."""
    low, high = min(counts), max(counts)
    number = str(low) if low == high else f"{low}-{high}"
    return f"{number} seed" if high == 1 else f"{number} seeds"


def lost_seeds(
    rows: pandas.DataFrame,
    tables: Tables,
    diverged: str = "left out of the means",
    collapsed: str = "in the means",
) -> list[str]:
    """A sentence each on seeds that diverged, that collapsed and that have no results, if any.

    Args:
        rows: what is drawn, from ``measured``.
        tables: for the runs. Those that are not drawn are passed over, unless all their seeds
            diverged: then nothing else would tell of them.
        diverged: what the figure does with diverged seeds, and with those without results.
        collapsed: what it does with collapsed ones.
    """
    runs = tables.runs
    point = runs["run"] + "," + runs["point"]
    drawn = point.isin(rows["run"] + "," + rows["point"])
    runs = runs[drawn | runs["status"].eq("diverged").groupby(point).transform("all")].copy()
    sentences = []
    for status in ("diverged", "collapsed"):
        runs["hit"] = runs["status"].eq(status)
        lost = runs.groupby(["name", *tables.panel])["hit"].agg(["sum", "size"]).query("sum > 0")
        if len(lost) > 3:
            lost = lost.groupby("name").sum()
        else:
            lost.index = pandas.Index(
                [f"{n} on {tables.cells.title(tuple(at))}" for n, *at in lost.index]
            )
        listed = "; ".join(f"{name} ({hit} of {size})" for name, hit, size in lost.itertuples())
        if listed:
            fate = diverged if status == "diverged" else f"{stayed(runs)}, {collapsed}"
            sentences.append(f"{status.capitalize()} seeds ({fate}): {listed}.")
    if listed := "; ".join(_without_results(rows, tables)):
        sentences.append(f"Seeds without results ({diverged}): {listed}.")
    return sentences


def stayed(runs: pandas.DataFrame) -> str:
    """What the collapsed seeds of a table of runs did, and on which images.

    It was looked at on validation images, or on training images where there are no others.
    """
    best = runs.loc[runs["status"].eq("collapsed"), "best_validation_accuracy"]
    kinds = {"validation": best.notna().any(), "training": best.isna().any()}
    images = " or ".join(kind for kind, found in kinds.items() if found)
    return f"stayed at chance level on their {images} images"


def _seeds_by_point(rows: pandas.DataFrame) -> dict[tuple[str, str], set[int]]:
    """The seeds of each run's point."""
    found: dict[tuple[str, str], set[int]] = {}
    for run, point, seed in rows[KEY].drop_duplicates().itertuples(index=False):
        found.setdefault((run, point), set()).add(int(seed))
    return found


def _without_results(rows: pandas.DataFrame, tables: Tables) -> Iterator[str]:
    """The series that are drawn without all of their seeds, and how many these are.

    A seed is without results where nothing vouches for it, or for its rows in a table that holds
    other seeds of its point, or where its pack is not evaluated yet.
    """
    drawn = set(zip(rows["run"], rows["point"], strict=True))
    frames = [frame[KEY].dropna() for name, frame in tables.items() if name != "runs"]
    evaluated = [_seeds_by_point(frame) for frame in frames]
    lost: Counter[str] = Counter()
    every: Counter[str] = Counter()
    names = tables.runs.set_index(["run", "point"])["name"].to_dict()
    trained = tables.runs[tables.runs["status"].ne("diverged")]
    for at, its in _seeds_by_point(trained).items():
        if at in drawn:
            absent = set[int]().union(*(its - known.get(at, its) for known in evaluated))
            left_out = tables.left_out.get(at, 0)
            lost[names[at]] += len(absent) + left_out
            every[names[at]] += len(its) + left_out
    return (f"{name} ({count} of {every[name]})" for name, count in lost.items() if count)


def origin(rows: pandas.DataFrame, shown: pandas.DataFrame, tables: Tables) -> list[str]:
    """Sentences on where the images, the networks and the published values come from.

    Args:
        rows: what is drawn, from ``measured``.
        shown: the published rows that are drawn beside it, maybe none.
        tables: for all published rows of the study.
    """
    sources = sorted(set(zip(rows["place"], rows["source"], strict=True)))
    images = ", ".join(
        place if not source or place.endswith(f"({source})") else f"{place} ({source})"
        for place, source in sources
    )
    epochs = sorted({int(count) for count in rows["training.epochs"]})
    trained = rows.drop_duplicates(KEY)
    count = seeds([int(n) for n in trained.groupby(["run", "point"]).size()])
    most = f"at most {epochs[-1]} {'epoch' if epochs[-1] == 1 else 'epochs'}"
    if len(epochs) > 1:
        most = f"{epochs[0]} to {epochs[-1]} epochs at most, depending on the run"
    sentences = [f"Images: {images}.", f"Measured: {count}, {most}."]
    for word, how in (("shipped", "came trained with the project"), ("imported", "were imported")):
        if found := int(trained["origin"].eq(word).sum()):
            sentences.append(f"{found} of {len(trained)} seeds {how}.")
    codes = trained.get(CODE, pandas.Series(dtype=str))
    for state, how in ((CHANGED, "code has changed since"), (KEPT, "kept, code has changed since")):
        if found := int(codes.eq(state).sum()):
            sentences.append(f"Made with other code ({how}): {found} of {len(trained)} seeds.")
    if shown.empty:
        return sentences
    source = " and ".join(sorted(set(shown["source"])))
    published = tables.published
    limits = published[published["table"].eq("training") & published["metric"].eq("epochs")]
    limit = f", at most {limits['value'].max():.0f} epochs" if len(limits) else ""
    known = [int(n) for n in shown["n"].dropna()]
    count = f"; {seeds(known)}" if known else ""
    return [*sentences, f"Published: {source}{count}{limit}."]
