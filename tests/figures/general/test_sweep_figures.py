"""The figures of turned, scaled and shifted images: which numbers they show, and where."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from log_polar_tables import NETWORKS, STAND_IN, write_log_polar_tables
from made_up_sweeps import ANGLES, at_angle
from matplotlib.figure import Figure

from isotrope import registry
from isotrope.figures.general import rotation
from isotrope.figures.general._heat_maps import draw_map
from isotrope.files.tables import PUBLISHED_COLUMNS, read_table
from isotrope.plan.figures import StudyFigures
from isotrope.results.drawing import read_tables

PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "log_polar.csv"
FIRST, GAUSSIAN, *_ = NETWORKS
PLAIN = NETWORKS[5]


def drawn(name: str, folder: Path) -> tuple[Figure, pandas.DataFrame]:
    tables = read_tables("log_polar", name, folder, PUBLISHED)
    kind = StudyFigures("log_polar").kind(name)
    figure, data = registry.load(kind, name).draw(tables)
    return figure, data


def test_polar_plot_goes_once_around_with_the_angle_counter_clockwise_from_the_top(tmp_path):
    figure, data = drawn("rotation", write_log_polar_tables(tmp_path, [FIRST]))
    (axes,) = figure.axes
    line = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert np.allclose(np.degrees(line.get_xdata()), [*ANGLES, 360])
    assert line.get_ydata()[0] == line.get_ydata()[-1]
    assert (axes.get_theta_offset(), axes.get_theta_direction()) == (np.pi / 2, 1)
    means = data[data["origin"].eq("measured")].set_index("angle")["mean"]
    losses = [FIRST.loss * (1 + seed / 20) for seed in (1, 2, 3)]
    assert means[45] == pytest.approx(np.mean([at_angle(45, loss) for loss in losses]))


@pytest.mark.parametrize(
    ("angles", "closed"),
    [
        ([0], False),
        ([0, 180], False),
        ([240, 0, 120], True),
        ([0, 90, 180], False),
        ([45, 135, 225, 315], True),
    ],
)
def test_a_line_is_closed_where_its_angles_go_once_around(angles, closed):
    line = pandas.DataFrame({"angle": angles, "mean": [0.1 * angle for angle in angles]})
    found = rotation._closed(line)
    ends = [(min(angles) + 360, 0.1 * min(angles))] if closed else []
    pairs = sorted(zip(line["angle"], line["mean"], strict=True)) + ends
    assert list(zip(found["angle"], found["mean"], strict=True)) == pairs


def test_polar_plot_begins_below_all_that_it_shows_and_says_where(tmp_path):
    figure, _ = drawn("rotation", write_log_polar_tables(tmp_path, [FIRST]))
    (axes,) = figure.axes
    assert axes.get_title("center") == "mnist, 80\N{EN DASH}100 %"
    assert axes.get_rmin() == 80
    assert min(min(line.get_ydata()) for line in axes.lines) > 80


def test_high_accuracies_are_shown_enlarged_where_a_plain_network_falls(tmp_path):
    figure, _ = drawn("rotation", write_log_polar_tables(tmp_path, [FIRST, GAUSSIAN, PLAIN]))
    assert [axes.get_rmin() for axes in figure.axes] == [0, 80]


def test_published_angles_stand_beside_the_published_variant_only(tmp_path):
    _, data = drawn("rotation", write_log_polar_tables(tmp_path, [FIRST, GAUSSIAN]))
    beside = data[data["origin"].eq("published")]
    assert set(beside["name"]) == {FIRST.label}
    assert beside.set_index("angle")["mean"].to_dict() == {0: 0.988, 45: 0.903, 225: 0.902}


def test_nothing_published_stands_beside_a_stand_in(tmp_path):
    folder = write_log_polar_tables(tmp_path, STAND_IN)
    for name in ("rotation", "scaling", "accuracy"):
        _, data = drawn(name, folder)
        assert set(data["origin"]) == {"measured"}
        assert set(data["place"]) == {"mnist (digits8)"}


def test_scales_have_a_panel_for_each_canvas_on_a_logarithmic_axis(tmp_path):
    figure, data = drawn("scaling", write_log_polar_tables(tmp_path, [FIRST]))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["mnist, canvas kept", "mnist, canvas resized"]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert set(data.loc[data["origin"].eq("published"), "canvas"]) == {"resized"}


@pytest.mark.parametrize(
    ("measured", "directions"),
    [
        ("x > -1", ["to the right", "down", "right and down"]),
        ("y == 0", ["to the right"]),
        ("x == 0 and y in (0, 2)", ["down"]),
        ("x == 0 and y == 0", ["to the right", "down", "right and down"]),
    ],
)
def test_shifts_have_a_panel_for_each_direction_that_was_measured(tmp_path, measured, directions):
    folder = write_log_polar_tables(tmp_path, [FIRST])
    table = pandas.read_csv(folder / "translation.csv").query(measured)
    table.to_csv(folder / "translation.csv", index=False)
    figure, _ = drawn("translation", folder)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == [f"mnist, {direction}" for direction in directions]


def test_the_worst_cell_of_angle_and_scale_is_framed_and_its_accuracy_said(tmp_path):
    figure, data = drawn("rotation_and_scaling", write_log_polar_tables(tmp_path, [FIRST]))
    axes = figure.axes[0]
    worst = data.loc[data["mean"].idxmin()]
    assert f"worst {100 * worst['mean']:.1f}" in axes.get_title("left")
    (frame,) = axes.patches
    column, row = (int(value + 0.5) for value in frame.get_xy())
    (cell,) = data[data["angle"].eq(45 * column) & data["scale"].eq((2, 1, 0.5)[row])]["mean"]
    assert cell == pytest.approx(worst["mean"])


def test_layers_have_their_error_its_floor_and_the_untrained_reference(tmp_path):
    folder = write_log_polar_tables(tmp_path, [FIRST])
    figure, data = drawn("equivariance", folder)
    turned, scaled = figure.axes
    assert len(turned.lines) == len(scaled.lines) == 3 * 3
    assert set(data["metric"]) == {"error", "floor", "untrained"}
    maps, _ = drawn("equivariance_maps", folder)
    assert len([axes for axes in maps.axes if axes.images]) == 3 * 3


def test_a_layer_without_a_floor_is_said_to_have_none(tmp_path):
    folder = write_log_polar_tables(tmp_path, [FIRST])
    table = pandas.read_csv(folder / "equivariance.csv")
    of_vector = table["part"].eq(table["part"].iloc[0]) & table["metric"].eq("floor")
    table.assign(value=table["value"].mask(of_vector, 0.0)).to_csv(
        folder / "equivariance.csv", index=False
    )

    maps, _ = drawn("equivariance_maps", folder)

    titles = [axes.get_title("left") for axes in maps.axes if axes.images]
    assert titles[1::3].count("no floor") == 1
    assert titles[1::3].count("floor") == 2


def test_networks_stand_at_their_number_of_parameters(tmp_path):
    folder = write_log_polar_tables(tmp_path, [FIRST, PLAIN])
    figure, data = drawn("parameters", folder)
    assert dict(zip(data["name"], data["parameters"], strict=True)) == {
        FIRST.label: 127_434,
        PLAIN.label: 80_000,
    }
    assert figure.axes[0].get_xscale() == "log"

    runs = pandas.read_csv(folder / "runs.csv").drop(columns="parameters")
    runs.to_csv(folder / "runs.csv", index=False)
    _, data = drawn("parameters", folder)
    assert data["parameters"].isna().all(), "tables that were written earlier do not say it"


def test_published_numbers_have_one_value_for_each_cell_and_each_a_source():
    published = read_table(PUBLISHED, PUBLISHED_COLUMNS)
    cell = ["table", "model", "dataset", "setting", "metric"]
    assert not published.duplicated(cell).any()
    assert set(published["study"]) == {"log_polar"}
    assert published["source"].ne("").all()
    accuracies = published[published["table"].ne("training")]
    assert accuracies["value"].between(0, 1).all()


@pytest.mark.parametrize(
    ("angles", "written"),
    [([0, 15, 45, 90], ["0", "15", "45", "90"]), (range(0, 360, 30), ["0", "90", "180", "270"])],
)
def test_heat_maps_write_all_of_few_angles_and_quarter_turns_of_many(angles, written):
    axes = Figure().subplots()
    draw_map(axes, pandas.DataFrame(0.5, index=[1.0], columns=[float(one) for one in angles]))
    assert [label.get_text() for label in axes.get_xticklabels()] == written
