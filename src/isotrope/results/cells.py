"""Which panel of a figure and which cell of a comparison the results of a run belong to.

A *panel* is a data set and, where its study says so, settings of it, such as how much of it a
network is trained on: a tuple of words, one for each of ``Cells.panel``. A *series* is all that has
one name in legends; in each panel it stems from one point of one run. A *cell* is a model in a
panel.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isotrope import registry

if TYPE_CHECKING:
    import pandas

Panel = tuple[str, ...]
MODULE = "cells"  # studies/<study>/cells.py


@dataclass(frozen=True)
class Cells:
    """What a study says of its panels; the defaults serve a study that says nothing.

    Args:
        dataset: columns of ``runs.csv`` whose words, joined by ``/``, name the data set of a panel
            and the published ``dataset``.
        settings: what else tells panels apart: its name, as in the published ``setting``, and the
            column of ``runs.csv`` that holds it.
        order: known words in their order, of ``place`` (data sets), ``model`` and each setting.
            Other words follow by name.
        classes: number of classes by data set, where ``runs.csv`` does not say it.
        compared: tables and metrics whose published numbers are compared with ours; None for all
            that both have.
        words: how a setting is said in the title of a panel, as in ``{} images``; as it is without.
        variants: what tells published models of one name apart, such as how many layers they have:
            its name in the published ``setting``, and the column of ``runs.csv`` that holds it. It
            makes no panels.
        stand_ins: sources whose images only stand in for those of a data set. They make a data set
            of their own, as in ``mnist (digits8)``, beside which nothing published stands.
        main: tables and metrics that the verdict on the study is about, at the head of the report;
            those with several values per seed are passed over.
        main_figure: the figure that stands beside it.
        coloured: labels of series in the order of their colours, where a model has several; what
            is not listed has the colour of its model, or one that follows from its name.
    """

    dataset: tuple[str, ...] = ("dataset",)
    settings: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    compared: tuple[tuple[str, str], ...] | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    stand_ins: tuple[str, ...] = ()
    main: tuple[tuple[str, str], ...] = (("accuracy", "accuracy"),)
    main_figure: str = "accuracy"
    coloured: tuple[str, ...] = ()

    @property
    def variant(self) -> list[str]:
        """The columns that tell the variants of a model apart."""
        return [f"variant.{name}" for name in self.variants]

    @property
    def panel(self) -> list[str]:
        """The columns that tell panels apart, the data set first."""
        return ["place", *self.settings]

    def with_series_names(self, runs: pandas.DataFrame) -> pandas.DataFrame:
        """``runs`` with the columns of ``panel`` and ``variant``, and ``name`` for legends.

        The name is the label; where a panel has two runs or points of one label, it says more: the
        model, if that tells them apart, else what their names and points add.
        """
        import pandas  # only here, and below: `isotrope check` reads cells without it

        place = _text_column(runs, self.dataset[0])
        for column in self.dataset[1:]:
            place = (place + "/" + _text_column(runs, column)).str.removesuffix("/")
        if self.stand_ins:
            source = _text_column(runs, "source")
            place = place.where(~source.isin(self.stand_ins), place + " (" + source + ")")
        settings = {name: _text_column(runs, column) for name, column in self.settings.items()}
        columns = zip(self.variant, self.variants.values(), strict=True)
        variants = {name: _text_column(runs, column) for name, column in columns}
        runs = runs.assign(place=place, **settings, **variants)
        runs["name"] = runs["label"]
        model = _text_column(runs, "model")
        of_model = runs["label"].where(model.eq(""), runs["label"] + " (" + model + ")")
        longer = [self._with_variant(row) for row in runs.to_dict("records")]
        points = runs["point"].str.replace(",", ", ")  # lines are broken at blanks
        longest = runs["label"] + " (" + runs["run"] + ", " + points + ")"
        for names in (of_model, pandas.Series(longer, runs.index, dtype="str"), longest):
            by = [runs[column] for column in [*self.panel, "name"]]
            origins = (runs["run"] + "," + runs["point"]).groupby(by)
            unclear = set(runs["label"][origins.transform("nunique").gt(1)])
            runs["name"] = runs["name"].where(~runs["label"].isin(unclear), names)
        return runs

    def _with_variant(self, row: Mapping[object, object]) -> str:
        """The label with what the run's name and point add to it, beyond the panel's settings."""
        variant = str(row["run"]).rpartition("/")[2]
        for name in self.settings:
            variant = variant.replace(str(row[name]), "").strip("_-")
        point = "" if row["point"] == "base" else str(row["point"]).replace(",", ", ")
        more = ", ".join(part for part in (variant, point) if part)
        return f"{row['label']} ({more})" if more else str(row["label"])

    def place_of(self, dataset: str, settings: Mapping[str, object]) -> str:
        """The name in panels of a data set that is built with these settings."""
        values = {"dataset": dataset, **{f"dataset.{k}": v for k, v in settings.items()}}
        place = "/".join(str(values[column]) for column in self.dataset if values.get(column))
        source = settings.get("source")
        return f"{place} ({source})" if source in self.stand_ins else place

    def panels(self, rows: pandas.DataFrame) -> list[Panel]:
        """The panels of ``rows`` in their order."""
        found = set(zip(*(rows[column] for column in self.panel), strict=True))
        orders = [self.order.get(column, ()) for column in self.panel]
        return sorted(
            found, key=lambda panel: [_rank(*pair) for pair in zip(orders, panel, strict=True)]
        )

    def title(self, panel: Panel) -> str:
        """A panel in words, with its settings as the study says them."""
        said = [
            self.words.get(name, "{}").format(word) if word else ""
            for name, word in zip(self.settings, panel[1:], strict=True)
        ]
        return title((panel[0], *said))

    def names(self, rows: pandas.DataFrame) -> list[str]:
        """The names of the series in ``rows``, in the order of their models."""
        models = self.order.get("model", ())
        found = set(zip(rows["model"], rows["name"], strict=True))
        ordered = sorted(found, key=lambda series: (_rank(models, series[0]), series[1]))
        return list(dict.fromkeys(name for _, name in ordered))

    def rows_in(self, rows: pandas.DataFrame, panels: Collection[Panel]) -> pandas.DataFrame:
        """The rows of some panels."""
        of_rows = zip(*(rows[column] for column in self.panel), strict=True)
        return rows.loc[[panel in panels for panel in of_rows]]

    def series_in(self, rows: pandas.DataFrame, panel: Panel, name: str) -> pandas.DataFrame:
        """The rows of one series in one panel."""
        chosen = rows["name"].eq(name)
        for column, word in zip(self.panel, panel, strict=True):
            chosen &= rows[column].eq(word)
        return rows[chosen]

    def guessing(self, rows: pandas.DataFrame, panel: Panel) -> float | None:
        """The accuracy in percent of guessing in a panel; None where it is not known."""
        if known := self.classes.get(panel[0]):
            return 100 / known
        if "classes" not in rows:
            return None
        counts = set(self.rows_in(rows, [panel])["classes"].dropna())
        return 100 / counts.pop() if len(counts) == 1 else None


def title(panel: Panel) -> str:
    """A panel in words: the last part of its data set's name, and its settings."""
    return ", ".join(word for word in (panel[0].rpartition("/")[2], *panel[1:]) if word)


def _text_column(runs: pandas.DataFrame, column: str) -> pandas.Series:
    """A column of words that not every study has; empty where there is none.

    Whole numbers have no decimal point, and true and false are written small, whatever pandas made
    of the column.
    """
    import pandas

    if column not in runs:
        return pandas.Series("", runs.index, dtype="str")
    words = runs[column].map(_word)
    return words.astype("str").where(runs[column].notna(), "")


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rank(known: Sequence[str], word: str) -> tuple[int, float, str]:
    """What sorts known words as they are listed, behind them numbers by size, and others by name.

    Nothing said comes before them all.
    """
    try:
        number = float(word) if word else -math.inf
    except ValueError:
        number = math.inf
    return (known.index(word) if word in known else len(known)), number, word


def cells_of(study: str) -> Cells:
    """The cells of a study: ``CELLS`` in its ``cells.py``, or the defaults.

    Raises:
        TypeError: if the module has no such ``CELLS``.
    """
    kind = f"studies/{study}"
    if MODULE not in registry.names(kind):
        return Cells()
    cells = getattr(registry.load(kind, MODULE), "CELLS", None)
    if not isinstance(cells, Cells):
        raise TypeError(f"{registry.source(kind, MODULE)} must assign a Cells to CELLS")
    return cells
