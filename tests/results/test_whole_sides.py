"""A network beside runs: each line and cell, from rows that are written by hand."""

import math
from types import SimpleNamespace

import pytest

from isotrope import paths
from isotrope.results import beside
from isotrope.results.beside import Cell, Line, Value

NAN = math.nan


def row(metric, value, n=9, **settings):
    return {
        "run": "x",
        "point": "p",
        "seed": 1,
        "metric": metric,
        "value": value,
        "n": n,
        **settings,
    }


def test_a_setting_is_what_no_column_of_results_says_in_words_of_its_own():
    found = beside.own_values(
        [
            row("a", "0.5", "8", scale=17.0, padding="zero", empty=NAN, none=None, flag=True),
            row("a", 0.25, 9, code="changed", scale="17.50"),
            row("b", 1.0, 3),
        ]
    )
    whole = (("flag", "True"), ("padding", "zero"), ("scale", "17"))
    assert found == {
        "a": {whole: Value(0.5, 8.0), (("scale", "17.5"),): Value(0.25, 9.0)},
        "b": {(): Value(1.0, 3.0)},
    }


def at(*values, n=9, **fixed):
    """Values at scales 1, 2, ...; what is fixed is the same at all of them."""
    return {
        (*sorted(fixed.items()), ("scale", str(i))): Value(value, n)
        for i, value in enumerate(values, 1)
    }


def test_a_metric_has_a_cell_for_each_setting_or_the_mean_of_many():
    own = {"accuracy": at(0.5, 0.75, a="x"), "loss": at(2.0, NAN, 4.0)}
    runs = {
        "r/u/n": [
            {"accuracy": at(0.25, 0.5, n=8, a="x"), "loss": at(1.0, 5.0, 3.0, n=7)},
            {"accuracy": at(0.75, 0.5, n=9, a="x"), "loss": at(2.0, 5.0, 4.0)},
        ],
        "other": [{"accuracy": at(0.25, a="x"), "loss": at(1.0, 1.0, 1.0)}],
        "lacks": [{"loss": at(1.0, 1.0, 2.0)}],
        "more": [{"accuracy": at(0.5, 0.5, 0.5, a="x")}],
    }
    found, strange = beside.cells("mine", own, runs, most=2)
    mine = [Line("mine", (value,), (9, 9)) for value in (0.5, 0.75, 3.0)]
    assert found == [
        Cell("accuracy", "scale 1", (mine[0], Line("r/u/n", (0.25, 0.75), (8, 9)))),
        Cell("accuracy", "scale 2", (mine[1], Line("r/u/n", (0.5, 0.5), (8, 9)))),
        Cell(
            "loss",
            "mean over 2 of scale, 1 more are unknown",
            (
                mine[2],
                Line("r/u/n", (2.0, 3.0), (7, 9)),
                Line("other", (1.0,), (9, 9)),
                Line("lacks", (1.5,), (9, 9)),
            ),
        ),
    ]
    assert strange == ["lacks", "more", "other"]
    (cell,), _ = beside.cells("mine", {"loss": at(NAN, NAN, NAN)}, {}, most=2)
    assert cell.setting == "mean over 3 of scale"
    assert math.isnan(cell.lines[0].mean)
    assert len(beside.cells("mine", {"a": at(*range(6))}, {})[0]) == 6
    assert len(beside.cells("mine", {"a": at(*range(7))}, {})[0]) == 1
    one, _ = beside.cells("mine", {"a": {(("angle", "15"),): Value(1.0, 1)}}, {})
    assert one[0].setting == "", "of one setting nothing is said"


CELLS = [
    Cell("loss", "", (Line("mine", (2.25,), (9, 9)), Line("r/u/n", (2.0, 3.0), (9, 9)))),
    Cell(
        "top_accuracy", "at 1", (Line("mine", (0.5,), (9, 9)), Line("r/u/n", (0.25, 0.75), (8, 9)))
    ),
    Cell("top_accuracy", "at 2", (Line("mine", (NAN,), (0, 0)), Line("r/u/n", (0.5, 0.5), (9, 9)))),
    Cell("wins", "", (Line("mine", (NAN,), (4, 4)), Line("s", (1.0,), (4, 4)))),
]
SHARES = [
    "e: top accuracy 50.0 % (at 1), unknown, measured on 0 images (at 2)",
    "  r/u/n: 50.0 ± 35.4 % (at 1), 50.0 ± 0.0 % (at 2); 2 seeds; of 8-9, 9 images, and yours of "
    "9, 0",
]


def test_every_network_of_a_metric_has_a_line():
    assert list(beside.text_of("e", CELLS)) == [
        "e: loss 2.25",
        "  r/u/n: 2.5 ± 0.7071; 2 seeds",
        *SHARES,
        "e: wins unknown, undefined here",
        "  s: 1; 1 seed",
    ]
    assert list(beside.main_text("e", CELLS)) == SHARES
    assert list(beside.main_text("e", CELLS[:1])) == [
        "e: loss 2.25",
        "  r/u/n: 2.5 ± 0.7071; 2 seeds",
    ]


def test_cells_are_written_as_they_are_in_tables():
    assert beside.csv_of({"e": CELLS[:1], "f": CELLS[3:]}) == (
        "evaluation,metric,setting,network,seeds,mean,sd,n\n"
        "e,loss,,mine,1,2.25,,9\n"
        "e,loss,,r/u/n,2,2.5,0.7071067811865476,9\n"
        "f,wins,,mine,1,,,4\n"
        "f,wins,,s,1,1.0,,4\n"
    )
    assert beside._csv(CELLS[1].lines[1])[-1] == "8-9"


def test_seeds_of_runs_on_the_same_data_are_found_in_the_tables_of_their_groups(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = {"dataset.name": "d", "dataset.size": 8}

    def known_point(name="accuracy", dataset="d/8", **changes):
        evaluation = SimpleNamespace(name=name, dataset=dataset)
        parameters = {**data, "model.width": 3, **changes}
        return SimpleNamespace(parameters=parameters, evaluations={"top": evaluation})

    def known_run(group, evaluated=("base",), **points):
        return SimpleNamespace(group=group, evaluated=evaluated, points=points)

    runs = {
        "lost": known_run("nowhere", base=known_point()),
        "one": known_run("g", base=known_point()),
        "two": known_run("h", ("x", "y"), x=known_point(), y=known_point()),
        "size": known_run("g", base=known_point(**{"dataset.size": 9})),
        "name": known_run("g", base=known_point("other")),
        "tested": known_run("g", base=known_point(dataset="e/8")),
    }
    for group, names in (("g", ("one", "size", "name", "tested", "two")), ("h", ("two",))):
        path = paths.table_folder(group) / "top.csv"
        path.parent.mkdir(parents=True)
        lines = ["run,point,seed,metric,value,n"]
        for name in names:
            for point in ("base", "x", "y"):
                lines += [f"{name},{point},{seed},accuracy,0.{seed}5,9" for seed in (2, 1)]
        path.write_text("\n".join(lines) + "\n")
    found = beside.seeds_beside(SimpleNamespace(runs=runs), "top", "accuracy", data, "d/8")
    values = [{"accuracy": {(): Value(value, 9.0)}} for value in (0.15, 0.25)]
    assert found == {"one": values, "two, x": values, "two, y": values}


@pytest.mark.parametrize(
    ("images", "said"), [((9.0, 9.0), "9"), ((8.0, 9.0), "8-9"), ((8.5, 1e6), "8.5-1000000")]
)
def test_numbers_of_images_in_words(images, said):
    assert Line("x", (1.0,), images).count == said
