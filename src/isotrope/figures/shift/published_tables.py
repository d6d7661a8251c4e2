"""Published numbers of the study's two models on large data sets, with ours where there is one.

Tables 2 to 4 of the paper, as far as their numbers could be verified, and the networks that they
are compared with. What was not run here is said to be so, with the command that runs it.
"""

import math
from typing import Any

import pandas
from matplotlib.figure import Figure

from isotrope.figures.general._columns import Column, Group, draw_columns, words
from isotrope.files.tables import Columns
from isotrope.results.cells import Cells
from isotrope.results.published import pairs_of
from isotrope.results.series import Tables
from isotrope.results.style import Style, look

TITLE = "Published numbers on ImageNet and VOC, and ours"
TABLES = ("runs", "accuracy", "shift_consistency")
COLUMNS = {
    "runs": {"training.epochs": "number"},
    "accuracy": {},
    "shift_consistency": {"protocol": "text", "padding": "text"},
}
LATEX = True
CAPTION = (
    "Published accuracy and shift consistency of residual networks on ImageNet, and published "
    "consistency of segmentation on VOC, as far as the numbers could be verified in a primary "
    "text. Hollow and in brackets: published. Solid: run here, from three seeds on with the 95 % "
    "interval of the mean (Student's t), in words and as a bar. The sources are in the CSV file "
    "beside it, and so are published standard deviations, whose numbers of seeds are not known."
)
DATA: Columns = {
    "name": "text",
    "metric": "text",
    "mean": "number",
    "spread": "number",
    "origin": "text",
    "source": "text",
}

PLACES = ("imagenet", "imagenette", "voc", "cityscapes")
MODELS = ("shift_resnet", "deeplabv3plus")
MEASURES = (
    Column("accuracy", "Accuracy", "%"),
    Column("standard", "Standard consistency", "%", high=100, best=100),
    Column("circular", "Circular consistency", "%", high=100, best=100),
    Column("mean_iou", "Mean IoU", "%"),
    Column("mascc", "mASCC", "%", high=100, best=100),
    Column("massc", "mASSC", "%", high=100, best=100),
)
PADDINGS = ("standard", "circular")
OF_MASKS = ("mean_iou", "mascc", "massc")
SAID = {  # published words for settings, and those of titles
    "strided": "strided",
    "decimation": "",
    "aps": "APS",
    "lps": "LPS",
    "none": "",
    "zeros": "zero padding",
    "circular": "circular",
    "reflect": "reflection",
}
PUBLISHED = Style("#0072B2", "o", ())


@look
def draw(tables: Tables) -> tuple[Figure, pandas.DataFrame]:
    """Draw the figure.

    Args:
        tables: ``runs``, ``accuracy`` and ``shift_consistency``.

    Returns:
        The figure, and what it shows: a row per data set, network, metric and origin, in percent.

    Raises:
        UserError: if there is no published number, or the tables do not belong together.
    """
    theirs = _published(tables)
    ours = _measured(tables, theirs)
    both = pandas.concat([theirs, ours], ignore_index=True)
    groups, lacking = [], []
    segmented = set(tables.runs.loc[tables.runs["model"].eq(MODELS[1]), "place"])
    for place in [place for place in PLACES if theirs["place"].eq(place).any()]:
        its, run = (frame[frame["place"].eq(place)] for frame in (theirs, ours))
        names = list(dict.fromkeys(its["name"]))
        groups.append(Group(place, names, run, its))
        if len(set(run["name"])) < len(names) and place not in segmented:
            lacking.append(place)
    style = dict.fromkeys(both["name"], PUBLISHED)
    sentences = []
    if lacking:
        where = ",".join(f"*/{place}/*" for place in lacking)
        command = f"snakemake --config studies=shift series=published runs='{where}'"
        sentences.append(f"Without a solid marker: not run here; {command} runs them.")
    if segmented:
        sentences.append("Our numbers on masks are in the figure on segmentation.")
    sources = list(dict.fromkeys(theirs["source"]))
    sentences.append(f"Published: {'; '.join(sources)}.")
    figure = draw_columns(
        groups, MEASURES, style, sentences, "run here ± half its 95 % interval", letters=34
    )
    return figure, both[["place", "name", "metric", "mean", "spread", "n", "origin", "source"]]


def _published(tables: Tables) -> pandas.DataFrame:
    """The published numbers in percent, a row each."""
    rows = tables.published
    rows = rows[rows["dataset"].isin(PLACES) & rows["model"].isin(MODELS)]
    found: list[dict[str, Any]] = []
    for row in rows.to_dict("records"):
        pairs = pairs_of(row["setting"])
        metric, fraction = _metric(row["table"], row["metric"], pairs.get("padding", ""))
        if metric:
            factor = 100.0 if fraction else 1.0
            found.append(
                {
                    "place": row["dataset"],
                    "model": row["model"],
                    "metric": metric,
                    "name": _name(row["model"], pairs, row["source"]),
                    "pairs": pairs,
                    "mean": factor * row["value"],
                    "spread": factor * row["spread"],
                    "n": row["n"],
                    "source": row["source"],
                    "origin": "published",
                }
            )
    return pandas.DataFrame(found)


def _metric(table: str, metric: str, padding: str) -> tuple[str, bool]:
    """The measure of a published number, and whether it is a fraction; empty for others."""
    if (table, metric) == ("accuracy", "accuracy"):
        return "accuracy", True
    if (table, metric) == ("shift_consistency", "consistency") and padding in SAID | {
        "standard": ""
    }:
        return padding, False
    if table == "segmentation" and metric in OF_MASKS:
        return metric, metric == "mean_iou"
    return "", False


def _name(model: str, pairs: dict[str, str], source: str) -> str:
    """A published network in words."""
    kind = "DeepLabV3+" if model == "deeplabv3plus" else "ResNet"
    first = f"{kind}-{pairs['depth']}" if "depth" in pairs else kind
    down = SAID.get(pairs.get("downsampling", ""), pairs.get("downsampling", ""))
    filtered = pairs.get("antialias", "none")
    filtered = "" if filtered == "none" else f"{filtered[:-1].upper()}-{filtered[-1]}"
    border = SAID.get(pairs.get("border", ""), "")
    more = "retrained" if source.endswith("retrained") else ""
    return ", ".join(word for word in (first, down, filtered, border, more) if word)


def _measured(tables: Tables, theirs: pandas.DataFrame) -> pandas.DataFrame:
    """What was run here of the published networks, in percent."""
    cells = tables.cells
    runs = tables.runs[tables.runs["series"].eq("published")]
    found: list[dict[str, Any]] = []
    for name, rows in theirs.groupby("name", sort=False):
        first = rows.iloc[0]
        own = runs[runs["model"].eq(first["model"]) & runs["place"].eq(first["place"])]
        for column, key in zip(cells.variant, cells.variants, strict=True):
            own = own[own[column].eq(first["pairs"].get(key, ""))]
        for metric, values in _values(tables, own).items():
            if len(values):
                found.append(
                    {
                        "place": first["place"],
                        "name": name,
                        "metric": metric,
                        "mean": values.mean(),
                        "spread": values.std(),
                        "n": len(values),
                        "low": math.nan,
                        "high": math.nan,
                        "origin": "measured",
                        "source": "",
                    }
                )
    columns = ["place", "name", "metric", "mean", "spread", "n", "low", "high", "origin", "source"]
    return pandas.DataFrame(found, columns=columns)


def _values(tables: Tables, own: pandas.DataFrame) -> dict[str, pandas.Series]:
    """The values of some runs' seeds by measure, in percent."""
    key = pandas.MultiIndex.from_frame(own[["run", "point"]])

    def of(table: str, metric: str) -> pandas.DataFrame:
        rows = tables[table]
        known = pandas.MultiIndex.from_frame(rows[["run", "point"]]).isin(key)
        return rows[known & rows["metric"].eq(metric)]

    pairs = of("shift_consistency", "consistency")
    pairs = pairs[pairs["protocol"].eq("imagenet")]
    return {
        "accuracy": 100 * of("accuracy", "accuracy")["value"],
        "standard": pairs.loc[pairs["padding"].eq("standard"), "value"],
        "circular": pairs.loc[pairs["padding"].eq("circular"), "value"],
    }


def latex(data: pandas.DataFrame, cells: Cells) -> str:
    """The numbers of the figure as a LaTeX table; it needs the package booktabs."""
    del cells
    columns = [one for one in MEASURES if data["metric"].eq(one.metric).any()]
    lines = []
    for (place, name), its in data.groupby(["place", "name"], sort=False):
        for origin in ("published", "measured"):
            rows = {r["metric"]: r for r in its[its["origin"].eq(origin)].to_dict("records")}
            numbers = [
                words(rows[c.metric]["mean"], rows[c.metric]["spread"], c.form)
                if c.metric in rows
                else ("--" if origin == "published" else "not run")
                for c in columns
            ]
            lines.append([place, name, origin, *numbers])
    header = ["data", "network", "", *(one.title for one in columns)]
    styled = pandas.DataFrame(lines, columns=header).style.hide(axis="index")
    styled = styled.format(escape="latex")
    text: str = styled.to_latex(
        hrules=True,
        caption="Published numbers, and ours, in percent, ± standard deviation over seeds.",
        label="tab:published",
        position="htbp",
        column_format="lll" + "r" * len(columns),
    )
    return text
