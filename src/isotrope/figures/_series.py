"""From tables to what is drawn: which rows make a line, in which panel, under which name.

A *place* is a data set (``stir/emoji``) and its scenario (``mid2rest``): a panel of a figure. A
series is all that has one name; in each place it stems from one point of one run.
"""

from collections.abc import Mapping, Sequence

import pandas

from isotrope.errors import UserError
from isotrope.figures._statistics import summarise
from isotrope.files.tables import COLLECT_AGAIN

Tables = Mapping[str, pandas.DataFrame]

KEY = ["run", "point", "seed"]
PLACE = ["place", "scenario"]
CLASSES = {"stir/emoji": 36, "stir/mnist": 10, "stir/trafficsign": 16, "stir/aerial": 9}
MODELS = (  # in the order of the published tables
    *("standard", "spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco"),
    *("pixel_pool", "slice_pool", "energy_pool", "conv3d"),
)
SCENARIOS = {  # first and last scale that a network is trained on, in pixels
    "small2large": (17, 32),
    "mid2rest": (33, 48),
    "large2small": (49, 64),
    "all2all": (17, 64),
}


def named(runs: pandas.DataFrame) -> pandas.DataFrame:
    """``runs`` with the columns ``place`` (``stir/emoji``), ``scenario`` and ``name``.

    The name is the label; where a place has two runs or points of one label, it says more.
    """
    task = _words(runs, "dataset.task")
    runs = runs.assign(
        place=(runs["dataset"] + "/" + task).str.removesuffix("/"),
        scenario=_words(runs, "dataset.scenario"),
    )
    runs["name"] = runs["label"]
    longer = [_variant(row) for row in runs.to_dict("records")]
    longest = runs["label"] + " (" + runs["run"] + ", " + runs["point"] + ")"
    for names in (pandas.Series(longer, runs.index, dtype="str"), longest):
        origins = (runs["run"] + "," + runs["point"]).groupby([runs[c] for c in [*PLACE, "name"]])
        unclear = set(runs["label"][origins.transform("nunique").gt(1)])
        runs["name"] = runs["name"].where(~runs["label"].isin(unclear), names)
    return runs


def _words(runs: pandas.DataFrame, column: str) -> pandas.Series:
    """A column of words that not every study has; empty where there is none."""
    if column not in runs:
        return pandas.Series("", runs.index, dtype="str")
    return runs[column].astype("str").where(runs[column].notna(), "")


def _variant(row: Mapping[object, object]) -> str:
    """The label with what the run's name and point add to it, beyond the scenario."""
    variant = str(row["run"]).rpartition("/")[2].replace(str(row["scenario"]), "").strip("_-")
    point = "" if row["point"] == "base" else str(row["point"])
    more = ", ".join(part for part in (variant, point) if part)
    return f"{row['label']} ({more})" if more else str(row["label"])


def places(rows: pandas.DataFrame) -> list[tuple[str, str]]:
    """The places of ``rows``: data sets as published, and their scenarios from small to all."""
    found = set(zip(rows["place"], rows["scenario"], strict=True))
    sets, order = list(CLASSES), list(SCENARIOS)
    return sorted(found, key=lambda at: (*_rank(sets, at[0]), *_rank(order, at[1])))


def _rank(known: Sequence[str], name: str) -> tuple[int, str]:
    """What sorts known names as they are listed, and others by name behind them."""
    return (known.index(name) if name in known else len(known)), name


def in_order(rows: pandas.DataFrame) -> list[str]:
    """The names of series in ``rows``, by model as published; other models behind, by name."""
    found = set(zip(rows["model"], rows["name"], strict=True))
    return list(
        dict.fromkeys(
            name for _, name in sorted(found, key=lambda of: (*_rank(MODELS, of[0]), of[1]))
        )
    )


def chosen(found: Sequence[tuple[str, str]], place: str) -> list[tuple[str, str]]:
    """The places of one data set: the one asked for, or else the first that there is."""
    one = place if any(at[0] == place for at in found) else found[0][0]
    return [at for at in found if at[0] == one]


def within(rows: pandas.DataFrame, found: Sequence[tuple[str, str]]) -> pandas.DataFrame:
    """The rows of some places."""
    at = list(zip(rows["place"], rows["scenario"], strict=True))
    return rows[[one in found for one in at]]


def measured(tables: Tables, evaluation: str, metric: str) -> pandas.DataFrame:
    """One metric of an evaluation, joined with the named runs; at least one row.

    Raises:
        UserError: if there is no such row, or one whose seed is not in the table of runs.
    """
    rows = tables[evaluation]
    rows = rows[rows["metric"].eq(metric)].drop(columns="metric")
    joined = rows.merge(named(tables["runs"]), on=KEY, how="left", validate="many_to_one")
    lost = joined[joined["name"].isna()]
    if len(lost):
        first = lost.iloc[0]
        raise UserError(
            f"{evaluation}.csv has results of {first['run']}, {first['point']}, seed "
            f"{first['seed']}, which runs.csv beside it does not know; {COLLECT_AGAIN}"
        )
    joined = joined[joined["status"].ne("diverged")]
    if joined.empty:
        raise UserError(f"{evaluation}.csv has no {metric} of any seed to draw; {COLLECT_AGAIN}")
    return joined


def means_of(
    rows: pandas.DataFrame, runs: pandas.DataFrame, settings: Sequence[str] = ()
) -> pandas.DataFrame:
    """Means over the seeds of every series in every place, as ``summarise`` gives them.

    Args:
        rows: from ``measured``.
        runs: the table of runs, for the number of ``diverged`` seeds, which are in no mean.
        settings: columns of the evaluation, such as ``scale``, that have means of their own.
    """
    means = summarise(rows, [*PLACE, "name", "model", *settings])
    return with_diverged(means, runs).assign(origin="measured")


def with_diverged(cells: pandas.DataFrame, runs: pandas.DataFrame) -> pandas.DataFrame:
    """Statistics of series with the column ``diverged``: the seeds that are in none of them."""
    series = [*PLACE, "name"]
    lost = named(runs).assign(diverged=runs["status"].eq("diverged")).groupby(series)["diverged"]
    return cells.merge(lost.sum().reset_index(), on=series, how="left")


def of(rows: pandas.DataFrame, at: tuple[str, str], name: str) -> pandas.DataFrame:
    """The rows of one series in one place."""
    return rows[rows["place"].eq(at[0]) & rows["scenario"].eq(at[1]) & rows["name"].eq(name)]


def together(means: pandas.DataFrame, beside: pandas.DataFrame) -> pandas.DataFrame:
    """What a figure shows: measured rows, then published ones; numbers of seeds stay whole."""
    rows = pandas.concat([means, beside], ignore_index=True)
    return rows.astype({"n": "Int64", "collapsed": "Int64", "diverged": "Int64"})


def seeds(counts: Sequence[int]) -> str:
    """``5 seeds``, or ``3-5 seeds`` where the counts differ."""
    low, high = min(counts), max(counts)
    number = str(low) if low == high else f"{low}-{high}"
    return f"{number} seed" if high == 1 else f"{number} seeds"


def lost_seeds(
    rows: pandas.DataFrame,
    runs: pandas.DataFrame,
    diverged: str = "left out of the means",
    collapsed: str = "in the means",
) -> list[str]:
    """A sentence each on the diverged and on the collapsed seeds, if there are any.

    Args:
        rows: what is drawn, from ``measured``.
        runs: the table of runs. Those that are not drawn are passed over, unless all their seeds
            diverged: then nothing else would tell of them.
        diverged: what the figure does with diverged seeds.
        collapsed: what it does with collapsed ones.
    """
    runs = named(runs)
    point = runs["run"] + "," + runs["point"]
    drawn = point.isin(rows["run"] + "," + rows["point"])
    runs = runs[drawn | runs["status"].eq("diverged").groupby(point).transform("all")].copy()
    sentences = []
    for status, fate in (
        ("diverged", diverged),
        ("collapsed", f"stayed at chance level, {collapsed}"),
    ):
        runs["hit"] = runs["status"].eq(status)
        lost = runs.groupby(["name", *PLACE])["hit"].agg(["sum", "size"]).query("sum > 0")
        if len(lost) > 3:
            lost = lost.groupby("name").sum()
        else:
            lost.index = pandas.Index([f"{n} on {panel_title(*at)}" for n, *at in lost.index])
        listed = "; ".join(f"{name} ({hit} of {size})" for name, hit, size in lost.itertuples())
        if listed:
            sentences.append(f"{status.capitalize()} seeds ({fate}): {listed}.")
    return sentences


def panel_title(place: str, scenario: str) -> str:
    """What a panel shows: the data set's task and the scenario."""
    return ", ".join(part for part in (place.rpartition("/")[2], scenario) if part)


def origin(
    rows: pandas.DataFrame, shown: pandas.DataFrame, published: pandas.DataFrame
) -> list[str]:
    """Sentences on where the images, the networks and the published values come from.

    Args:
        rows: what is drawn, from ``measured``.
        shown: the published rows that are drawn beside it, maybe none.
        published: all published rows of the study.
    """
    sources = sorted(set(zip(rows["place"], rows["source"], strict=True)))
    images = ", ".join(f"{place} ({source})" if source else place for place, source in sources)
    epochs = sorted({int(count) for count in rows["training.epochs"]})
    most = f"{epochs[0]}-{epochs[-1]}" if len(epochs) > 1 else f"{epochs[0]}"
    trained = rows.drop_duplicates(KEY)
    count = seeds([int(n) for n in trained.groupby(["run", "point"]).size()])
    unit = "epoch" if most == "1" else "epochs"
    sentences = [f"Images: {images}.", f"Measured: {count}, at most {most} {unit}."]
    if shipped := int(trained["origin"].eq("shipped").sum()):
        sentences.append(f"{shipped} of {len(trained)} seeds came trained with the project.")
    if shown.empty:
        return sentences
    source = " and ".join(sorted(set(shown["source"])))
    limits = published[published["table"].eq("training") & published["metric"].eq("epochs")]
    limit = f", at most {limits['value'].max():.0f} epochs" if len(limits) else ""
    count = seeds([int(n) for n in shown["n"]])
    return [*sentences, f"Published: {source}; {count}{limit}."]
