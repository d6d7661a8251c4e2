"""Published numbers in panels, and where panels stand in a figure."""

import pandas
import pytest

from isotrope.files.tables import PUBLISHED_COLUMNS
from isotrope.results.cells import Cells
from isotrope.results.published import (
    pairs_of,
    published_beside,
    published_cells,
    published_rows,
)
from isotrope.results.series import Tables
from isotrope.results.style import grid_positions

CELLS = Cells(settings={"images": "dataset.images"})


def published(*settings: str) -> pandas.DataFrame:
    """A value for each setting, the first of them 0."""
    facts = {"study": "s", "table": "t", "model": "m", "dataset": "d", "metric": "iou"}
    rows = [
        {**facts, "setting": setting, "value": float(i), "spread": 0.1, "n": 5, "source": "they"}
        for i, setting in enumerate(settings)
    ]
    return pandas.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))


@pytest.mark.parametrize(
    ("setting", "pairs"),
    [
        ("", {}),
        ("at most", {}),
        ("images=500", {"images": "500"}),
        ("images=500, angle=-90", {"images": "500", "angle": "-90"}),
    ],
)
def test_a_setting_holds_pairs(setting, pairs):
    assert pairs_of(setting) == pairs


def test_a_row_belongs_to_its_panel_and_setting_only():
    rows = published("images=5,angle=90", "angle=90", "images=5", "images=5,angle=9,more=1")

    found = published_rows(rows, CELLS, "t", ["iou"], ["angle"])

    assert list(found["value"]) == [0, 1]
    assert list(found["images"]) == ["5", ""]
    assert list(found["angle"]) == [90, 90]
    assert list(published_rows(rows, CELLS, "t", ["iou"])["value"]) == [2]
    assert published_rows(rows, CELLS, "other", ["iou"]).empty


def test_settings_that_are_words_stay_words():
    rows = published("kind=left", "kind=5")
    assert list(published_rows(rows, CELLS, "t", ["iou"], ["kind"])["kind"]) == ["left", "5"]


def test_published_means_take_the_name_of_the_models_first_series_in_their_panel():
    tables = Tables({}, CELLS, published("images=5,angle=90", "images=7,angle=90"))
    names = {"name": ["M", "M (wide)"], "model": ["m", "m"], "images": ["5", "5"]}
    means = pandas.DataFrame({**names, "place": ["d", "d"]})

    beside = published_beside(means, tables, "t", "iou", ["angle"])

    assert beside[["name", "images", "angle", "mean"]].to_numpy().tolist() == [["M", "5", 90, 0.0]]


def test_variants_of_a_model_have_published_numbers_of_their_own():
    cells = Cells(variants={"layers": "model.layers"})
    facts = {"point": "base", "seed": 1, "label": "M", "model": "m", "dataset": "d"}
    runs = [{**facts, "run": f"m/d/{layers}", "model.layers": layers} for layers in (3, 5, 7)]
    runs.append({**facts, "run": "m/d/again", "label": "N", "model.layers": 5})
    tables = Tables({"runs": pandas.DataFrame(runs)}, cells, published("layers=5", "layers=7", ""))
    means = tables.runs.rename(columns={"source": "_"})[["place", "name", "model"]]

    beside = published_beside(means, tables, "t", "iou")
    also = published_cells(means, tables, "t", ["iou"])

    assert beside[["name", "mean"]].to_numpy().tolist() == [["M (5)", 0.0], ["M (7)", 1.0]]
    assert also[["name", "iou"]].to_numpy().tolist() == [["M (5)", 0.0], ["M (7)", 1.0]]


@pytest.mark.parametrize(
    ("panels", "cells"),
    [
        ([("a",)], [(0, 0)]),
        ([("a",), ("b",)], [(0, 0), (0, 1)]),
        ([("a",), ("b",), ("c",), ("d",)], [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ([("a", "x"), ("a", "y"), ("a", "z")], [(0, 0), (0, 1), (0, 2)]),
        ([("a", "x"), ("b", "x"), ("b", "y")], [(0, 0), (1, 0), (1, 1)]),
        ([("a", ""), ("b", "")], [(0, 0), (0, 1)]),
        ([("a", "x"), ("b", "")], [(0, 0), (0, 1)]),
        ([("a", ""), ("b", "x"), ("b", "y")], [(0, 0), (0, 1), (0, 2)]),
        ([("a", "x"), ("a", "y"), ("b", "z"), ("c", "")], [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ([("a", "x"), ("a", "y"), ("a", "z"), ("b", "x")], [(0, 0), (0, 1), (0, 2), (1, 0)]),
    ],
)
def test_data_sets_have_a_row_each_where_they_share_settings(panels, cells):
    assert list(grid_positions(panels).values()) == cells
