"""What the shared parts of general figures draw: sizes, ends of axes, numbers in words, legends."""

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from isotrope.errors import UserError
from isotrope.figures.general import _columns as columns
from isotrope.figures.general import (
    _costs,
    _heat_maps,
    _layers,
    _lines,
    _seed_rows,
    _shifts,
    training_time,
)
from isotrope.figures.general._columns import Column, Group
from isotrope.results.statistics import FEWEST
from isotrope.results.style import DOUBLE, SINGLE, Style

NAN = math.nan


# rows and columns


@pytest.mark.parametrize(
    ("mean", "spread", "form", "said"),
    [
        (100.0, NAN, ".1f", "100"),
        (99.97, NAN, ".1f", "99.970"),
        (99.94, NAN, ".1f", "99.9"),
        (100.04, NAN, ".1f", "100.0"),
        (-0.04, None, ".1f", "0.0"),
        (12.345, 0.0, ".2f", "12.35"),
        (12.345, 0.5, ".1f", "12.3 ± 0.5"),
        (-0.04, 0.25, ".1f", "0.0 ± 0.2"),
        (99.99, 0.1, ".1f", "100.0 ± 0.1"),
        (1234.5, NAN, ",.0f", "1,234"),
    ],
)
def test_a_mean_in_words(mean, spread, form, said):
    assert columns.words(mean, spread, form) == said


def test_published_numbers_stand_in_brackets_and_intervals_from_some_seeds_on():
    column = Column("m", "M", form=".1f")
    few = {"mean": 2.0, "spread": 1.0, "n": FEWEST - 1}
    assert columns._word(few, column, False) == "2.0"
    enough = columns._word({**few, "n": FEWEST}, column, True)
    assert enough.startswith("[2.0 ± ")
    assert enough.endswith("]")
    assert columns._word({"mean": 2.0, "spread": NAN}, column, True) == "[2.0]"


def test_an_axis_ends_a_little_beside_the_values_or_where_it_is_said():
    assert columns._ends(Column("m", "M"), 0.0, 10.0) == pytest.approx((-1.2, 11.2))
    assert columns._ends(Column("m", "M"), 10.0, 10.0) == pytest.approx((9.8, 10.2))
    assert columns._ends(Column("m", "M"), 0.0, 0.0) == pytest.approx((-1e-9, 1e-9))
    assert columns._ends(Column("m", "M", low=0.0, high=50.0), 10.0, 20.0) == (0.0, 50.0)
    values = pandas.DataFrame(
        {"mean": [1.0, 5.0, NAN], "low": [0.0, 0.5, NAN], "high": [9.0, 7.0, NAN]}
    ).assign(n=[FEWEST - 1, FEWEST, 9])
    assert columns._least_and_most(values) == (0.5, 7.0)
    assert columns._least_and_most(values[["mean"]]) == (1.0, 5.0)


def group(title, names, **more):
    rows = [
        {"name": name, "metric": metric, "mean": i + 1.0, "low": i, "high": i + 2.5, "n": n}
        for i, (name, n) in enumerate(zip(names, (FEWEST, 1, 9, 9), strict=False))
        for metric in ("a", "b")
    ]
    return Group(title, names, pandas.DataFrame(rows).assign(spread=0.5), **more)


STYLE = {name: Style("#1b6ca8", marker, ()) for name, marker in zip("pqrs", "osD^", strict=True)}
MEASURES = [
    Column("a", "First", "ms", best=0.5, low=0.0, high=4.0),
    Column("none", "Nowhere"),
    Column("b", "Second", "%"),
]


def drawn(groups, **more):
    figure = columns.draw_columns(groups, MEASURES, STYLE, ["A sentence."], **more)
    return figure, figure.axes


def test_measures_with_values_have_a_column_and_groups_a_row_of_panels():
    theirs = pandas.DataFrame({"name": ["q"], "metric": ["a"], "mean": [3.5], "spread": [NAN]})
    groups = [
        group("One", ["p", "q"], labels=["P", "Q"], theirs=theirs.assign(n=9)),
        group("", ["p"]),
    ]
    figure, (first, second, third, fourth) = drawn(groups)
    assert [axes.get_title() for axes in figure.axes] == ["First", "Second", "", ""]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "ms", "%"]
    assert first.get_xlim() == third.get_xlim() == (0.0, 4.0)
    assert fourth.get_xlim() == pytest.approx((0 - 0.3, 2.5 + 0.3))
    assert [label.get_text() for label in first.get_yticklabels()] == ["P", "Q"]
    assert not any(label.get_visible() for label in second.get_yticklabels())
    assert figure.get_size_inches()[0] == pytest.approx(DOUBLE)
    best, interval, p, hollow, q = first.lines
    assert set(best.get_xdata()) == {0.5}
    assert (list(interval.get_xdata()), set(interval.get_ydata())) == ([0, 2.5], {0.16})
    assert [list(one.get_xdata()) for one in (p, hollow, q)] == [[1.0], [3.5], [2.0]]
    assert [list(one.get_ydata()) for one in (p, hollow, q)] == [[0.16], [1.16], [1.16]]
    assert hollow.get_markerfacecolor() == "white"
    assert (p.get_marker(), hollow.get_marker(), q.get_marker()) == ("o", "s", "s")
    assert {to_hex(one.get_color()) for one in (interval, p, hollow, q)} == {"#1b6ca8"}
    said = [text.get_text() for text in first.texts]
    assert said[0].startswith("1.0 ± ")
    assert said[1] == "2.0  [3.5]"
    assert said[2:] == [" ", "One"]
    assert [text.get_text() for text in second.texts] == ["1.0 ± 1.2", "2.0"]
    assert [text.get_position()[1] for text in first.texts[:2]] == pytest.approx([-0.224, 0.776])


def legend_of(figure):
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def test_the_legend_says_what_is_hollow_only_where_something_is_published():
    solid = "mean over seeds ± half its 95 % interval"
    theirs = pandas.DataFrame({"name": ["p"], "metric": ["a"], "mean": [1.0], "spread": [NAN]})
    figure, _ = drawn([group("", ["p"], theirs=theirs.assign(n=1))])
    assert legend_of(figure) == [solid, "[published]"]
    figure, _ = drawn([group("", ["p"])], solid="measured")
    assert legend_of(figure) == ["measured"]


def test_of_many_rows_the_numbers_in_words_are_left_out():
    def heights(count):
        figure, axes = drawn([group("", ["p", "q", "r", "s"]) for _ in range(count)])
        return figure.get_size_inches()[1], sum(len(one.texts) for one in axes)

    height, words = heights(5)  # 5 x (4 x 0.31 + 0.3) + 0.5 = 8.2 inches
    assert words == 5 * 2 * 4
    assert height >= 5 * (4 * 0.31 + 0.45) + 0.5
    assert heights(6)[1] == 0


# lines


def lines(names=("p", "q"), beside=(), chance=None):
    means = pandas.DataFrame(
        [
            {"name": name, "mean": 0.9, "low": 0.85, "high": 0.95, "n": n}
            for name, n in zip("pqrstuv", (3, 4, 5, 6, 7, 8, 9), strict=True)
            if name in names
        ]
    )
    style = {name: Style("black", "o", ()) for name in names}
    beside = pandas.DataFrame(beside, columns=["name", "mean"])
    return _lines.Lines(SimpleNamespace(cells=None), pandas.DataFrame(), means, beside, style)


def test_a_legend_names_series_with_their_seeds_then_what_else_is_seen():
    found = lines(beside=[("p", 0.5)]).handles(chance=True)
    assert [one.get_label() for one in found] == [
        *("p (3 seeds)", "q (4 seeds)"),
        *("published", "chance level"),
    ]
    assert found[2].get_markerfacecolor() == "white"
    assert [one.get_label() for one in lines().handles(chance=False)] == [
        *("p (3 seeds)", "q (4 seeds)"),
    ]


def test_seven_series_are_a_crowd_and_drawn_finer():
    assert not lines("pqrstu").crowded
    assert lines("pqrstuv").crowded
    shown = pandas.DataFrame({"mean": [0.5], "low": [0.4], "high": [0.6], "n": [9]})
    for crowded, width, size, alpha in ((False, 1.2, 3.4, 0.16), (True, 0.9, 2.6, 0.1)):
        axes = Figure().subplots()
        _lines.draw_line(axes, [1], shown, Style("black", "s", (2, 1)), crowded)
        (line,), (band,) = axes.lines, axes.collections
        assert (line.get_linewidth(), line.get_markersize()) == (width, size)
        assert (line.get_marker(), list(line.get_ydata())) == ("s", [50])
        assert band.get_alpha() == alpha
    _lines.draw_published(axes, [1], shown, Style("black", "s", ()))
    hollow = axes.lines[-1]
    assert (hollow.get_markerfacecolor(), list(hollow.get_ydata())) == ("white", [50])
    assert hollow.get_linestyle() == "None"


# rows of seeds, heat maps, shifts, layers


def test_the_ground_of_accuracies_has_quarters_and_the_accuracy_of_guessing():
    for guessing in (None, 25.0):
        axes = Figure().subplots()
        _seed_rows.draw_ground(axes, "Above", ["p", "q"], guessing)
        assert (axes.get_title(), axes.get_xlim()) == ("Above", (0, 100))
        assert list(axes.get_xticks()) == [0, 25, 50, 75, 100]
        assert [set(line.get_xdata()) for line in axes.lines] == ([{25.0}] if guessing else [])
    entry = _seed_rows.line("a", {"marker": "x", "color": "red"})
    assert (entry.get_label(), entry.get_marker(), entry.get_color()) == ("a", "x", "red")


def test_a_heat_map_has_large_scales_above_and_few_ticks():
    rows = [
        {"scale": scale, "angle": angle, "value": scale * 1000 + angle}
        for scale in (1.0, 0.5, 2.0)
        for angle in (90, 0)
    ]
    table = _heat_maps.table_of(pandas.DataFrame(rows), "value")
    assert list(table.index) == [2.0, 1.0, 0.5]
    assert table.to_numpy().tolist() == [[2000, 2090], [1000, 1090], [500, 590]]
    for angles, ticks in (
        (range(0, 105, 15), [f"{angle}" for angle in range(0, 105, 15)]),
        (range(0, 120, 15), ["0", "90"]),
        (range(10, 90, 10), [f"{angle}" for angle in range(10, 90, 10)]),
    ):
        scales = [4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5]
        values = np.zeros((len(scales), len(angles)))
        axes = Figure().subplots()
        _heat_maps.draw_map(axes, pandas.DataFrame(values, scales, angles))
        assert [one.get_text() for one in axes.get_xticklabels()] == ticks
        assert [one.get_text() for one in axes.get_yticklabels()] == ["4", "2.5", "2", "1.5", "0.5"]
    assert list(_heat_maps._apart(3, 5)) == [0, 1, 2]


def test_heat_maps_are_filled_row_by_row_and_named_below_and_at_the_left():
    figure, found = _heat_maps.grid(5, 3)
    assert len(found) == len(figure.axes) == 5
    assert [axes.get_xlabel() for axes in found] == ["", "", *["Angle (degrees)"] * 3]
    assert [axes.get_ylabel() for axes in found] == ["Scale", "", "", "Scale", ""]
    assert figure.get_size_inches() == pytest.approx((DOUBLE, 2 * (1.15 + 0.16) + 0.5))
    assert _heat_maps.grid(1, 1)[0].get_size_inches() == pytest.approx((SINGLE, 1.81))
    assert _heat_maps.grid(4, 4, 2)[0].get_size_inches()[1] == pytest.approx(0.75 + 0.32 + 0.5)
    assert _heat_maps.grid(40, 2)[0].get_size_inches()[1] == pytest.approx(9.0)


def test_of_each_run_the_protocol_that_is_shown_first_is_kept():
    pairs = [("a", "each"), ("a", "cifar"), ("b", "each"), ("c", "own"), ("b", "imagenet")]
    rows = pandas.DataFrame(pairs, columns=["run", "protocol"])
    found, protocols = _shifts.of_protocols(rows)
    kept = list(zip(found["run"], found["protocol"], strict=True))
    assert kept == [("a", "cifar"), ("c", "own"), ("b", "imagenet")]
    assert protocols == ["cifar", "imagenet", "own"]
    assert _shifts.said(protocols[:2]) == "Consistency: protocol cifar and imagenet."


def test_layers_come_by_name_and_the_last_ones_in_their_order():
    parts = ["logits", "layer2", "output", "features", "head", "layer1"]
    assert _layers.parts_of(pandas.DataFrame({"part": parts + parts})) == [
        *("layer1", "layer2", "features", "head", "output", "logits"),
    ]


# costs


def costs(**changes):
    rows = [
        ("cpu", "x", "milliseconds", 2.5, 7),
        ("cpu", "x", "parameters", 3e6, 1),
        ("gpu", "y", "milliseconds", 1.5, 9),
        ("gpu", "y", "parameters", 5e5, 1),
        ("gpu", "y", "other", 4.0, 1),
    ]
    found = pandas.DataFrame(rows, columns=["device", "layer", "metric", "value", "n"])
    found = found.assign(run="torch 2, here", **changes)

    class Frames(dict):
        pass

    return Frames(layer_costs=found)


COSTS = [
    Column("milliseconds", "Time", "ms", ".1f"),
    Column("parameters", "Size", "million", ".2f"),
]


def test_costs_are_drawn_and_typeset_with_parameters_in_millions():
    table = costs()
    found = _costs.costs_of(table, "layer_costs", "layers.py", "device", "layer", COSTS)
    assert found["mean"].tolist() == [2.5, 3.0, 1.5, 0.5, 4.0]
    assert found[["place", "name"]].to_numpy().tolist()[1:3] == [["cpu", "x"], ["gpu", "y"]]
    assert found[["low", "high", "spread"]].isna().all(axis=None)
    figure = _costs.draw_costs(found, COSTS)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["Time", "Size"]
    assert legend_of(figure) == ["measured"]
    assert [len(axes.lines) for axes in figure.axes] == [1] * 4, "no intervals of repeats"
    every = [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]
    foot = " ".join(" ".join(every).split())
    assert "Measured: torch 2, here; times: median of 7-9." in foot
    text = _costs.typeset_costs(found, COSTS, ("Device", "Layer"), "A caption.", "tab:x")
    assert text == (
        "\\begin{table}[htbp]\n\\caption{A caption.}\n\\label{tab:x}\n\\begin{tabular}{llrr}\n"
        "\\toprule\nDevice & Layer & Time (ms) & Size (million) \\\\\n\\midrule\n"
        "cpu & x & 2.5 & 3.00 \\\\\ngpu & y & 1.5 & 0.50 \\\\\n\\bottomrule\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def test_a_table_without_costs_names_the_program_that_writes_them():
    table = costs(metric="other")
    with pytest.raises(
        UserError, match=r"^layer_costs\.csv has none of the costs; run `benchmarks/"
    ):
        _costs.costs_of(table, "layer_costs", "layers.py", "device", "layer", COSTS)


def test_an_axis_of_seconds_holds_all_that_took_some_with_room_on_both_sides():
    axes = Figure().add_subplot()
    training_time._fit(axes, pandas.DataFrame({"last": [0.5, 30.0], "mean": [0.0, 1.0]}))
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx((0.25, 60))
