"""The figures of the glimpse study."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from glimpse_tables import DEMO, NETWORKS, ON_SIM2MNIST, write_glimpse_tables
from matplotlib.figure import Figure
from page_layout import check_layout

from isotrope import registry
from isotrope.errors import UserError
from isotrope.figures.glimpse import _paths, robustness
from isotrope.results.drawing import draw_figure, read_tables, typeset_figure
from isotrope.results.style import Style

STUDY, KIND = "glimpse", "figures/glimpse"
MOVING = "trajectories_moving"
FIGURES = [name for name in registry.names(KIND) if name != MOVING]
PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "glimpse.csv"
CASES = {"all": (NETWORKS, (1, 2, 3)), "sim2mnist": (ON_SIM2MNIST, (2,)), "demo": (DEMO, (1, 2))}


@pytest.fixture(scope="session")
def tables_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a case, which are written once and only read."""

    def write(case: str) -> Path:
        return write_glimpse_tables(tmp_path_factory.mktemp("tables"), *CASES[case])

    return cache(write)


@cache
def drawn(name: str, folder: Path) -> tuple[Figure, pandas.DataFrame]:
    """The figure, laid out, and its data; drawn once and only looked at."""
    found = registry.load(KIND, name).draw(read_tables(STUDY, name, folder, PUBLISHED))
    figure: Figure = found[0]
    figure.draw_without_rendering()
    return figure, found[1]


def literal(name: str, constant: str, default: Any = None) -> Any:
    return registry.literal(KIND, name, constant, default)


def words_below(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("case", ["all", "demo"])
def test_no_words_overlap_or_leave_the_page(
    name: str, case: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    assert not data.empty


@pytest.mark.parametrize("name", [*FIGURES, MOVING])
def test_title_and_caption_are_plain_words(name: str) -> None:
    for constant in ("TITLE", "CAPTION"):
        assert not set(literal(name, constant)) & set("`*|_"), "a caption is reStructuredText"


@pytest.mark.parametrize("name", [*FIGURES, MOVING])
def test_absent_tables_and_arrays_are_named(name: str, tmp_path: Path) -> None:
    write_glimpse_tables(tmp_path, DEMO, (1,))
    tables = [f"{table}.csv" for table in literal(name, "TABLES")]
    for file in (*tables, *(f"{table}.npz" for table in literal(name, "ARRAYS", ()))):
        content = (tmp_path / file).read_bytes()
        (tmp_path / file).unlink()
        with pytest.raises(UserError, match=f"{file} is not there"):
            draw_figure(STUDY, name, tmp_path, PUBLISHED, tmp_path / "figure")
        (tmp_path / file).write_bytes(content)


def test_paths_tell_what_the_policy_is_worth_and_begin_with_those_that_are_worth_something(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn("trajectories", tables_of_case("all"))
    words = words_below(figure)
    assert "RAM-LPM, mnist, seed 2: 95.9 % with its own policy, 75.9 % with random" in words
    assert "(a difference of 20.0 points, 95 % interval 17.1 to 22.9)" in words
    assert list(dict.fromkeys(data["name"])) == ["RAM-LPM", "RAM, deterministic"]
    of_image = data[data["name"].eq("RAM-LPM") & data["image"].eq(1)]
    assert of_image["glimpse"].tolist() == list(range(1, 21))
    assert of_image["answer"].tolist() == [8] + 19 * [1]
    assert of_image["belief"].is_monotonic_increasing

    figure, _ = drawn("trajectories", tables_of_case("demo"))
    assert "It is no better than random fixations, beyond chance." in words_below(figure)
    both = write_glimpse_tables(tmp_path, (*DEMO[:1], *NETWORKS[1:2]), (2,))
    found = _paths.walkers(read_tables(STUDY, "trajectories", both, PUBLISHED))
    assert [one.name for one in found] == ["RAM, deterministic", "RAM-LPM"]


def test_a_network_without_paths_hides_no_other(tables_of_case: Callable[[str], Path]) -> None:
    tables = read_tables(STUDY, "trajectories", tables_of_case("all"), PUBLISHED)
    for left_out, rest in (NETWORKS[:2], NETWORKS[1::-1]):
        arrays = tables.arrays["glimpse_paths"]
        kept = {n: a for n, a in arrays.items() if n != f"{left_out.run}/base/rings"}
        found = _paths.walkers(replace(tables, arrays={"glimpse_paths": kept}))
        assert [one.name for one in found] == [rest.label]


def test_every_fixation_is_numbered_and_those_at_one_place_share_their_numbers(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("trajectories", tables_of_case("all"))
    images = [axes for axes in figure.axes if axes.get_images()]
    counts = data.groupby(["name", "image"], sort=False).size().tolist()
    assert len(images) == len(counts) == 6
    for axes, count in zip(images, counts, strict=True):
        spans = [span for text in axes.texts for span in text.get_text().split(",")]
        ends = [[int(end) for end in span.split("-")] for span in spans]
        numbers = sorted(n for one in ends for n in range(one[0], one[-1] + 1))
        assert numbers == list(range(1, count + 1))


def test_many_classes_are_shown_by_the_most_probable_ones_with_the_right_one() -> None:
    beliefs = np.full((3, 40), 0.01)
    beliefs[1, 30:39] = np.linspace(0.1, 0.2, 9)
    assert _paths.classes_of(beliefs, 5) == [5, *range(30, 39)]
    assert _paths.classes_of(beliefs[:, :7], 5) == list(range(7))


def test_an_animation_has_a_frame_for_each_glimpse_and_holds_the_last(
    tables_of_case: Callable[[str], Path],
) -> None:
    module = registry.load(KIND, MOVING)
    tables = read_tables(STUDY, MOVING, tables_of_case("demo"), PUBLISHED)
    frames, data = module.animate(tables)
    titles = []
    for frame in frames:
        frame.draw_without_rendering()
        check_layout(frame)
        titles.append(frame.axes[0].get_title("left"))
    assert titles == [f"glimpse {i} of 4" for i in (1, 2, 3, 4, 4, 4)]
    assert data["glimpse"].max() == 4
    assert data["image"].nunique() == 5


def test_there_is_a_line_for_each_number_of_draws(tables_of_case: Callable[[str], Path]) -> None:
    figure, data = drawn("accuracy_by_glimpses", tables_of_case("all"))
    assert [len(axes.lines) for axes in figure.axes] == [4, 1]
    of_lpm = data[data["name"].eq("RAM-LPM")]
    assert sorted(of_lpm["draws"].unique()) == [1, 5, 10, 20]
    assert of_lpm.groupby("draws").size().eq(20).all()


def test_the_star_is_at_what_the_chosen_threshold_has_reached(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("confident_stop", tables_of_case("all"))
    (axes,) = figure.axes
    stars = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "*"]
    for (x, y), name in zip(stars, ("RAM-LPM", "RAM, deterministic"), strict=True):
        its = data[data["name"].eq(name)].set_index("metric")["mean"]
        assert x == pytest.approx(its["chosen_glimpses"])
        assert y == pytest.approx(100 * its["chosen_accuracy"])
    assert "RAM-LPM 8.7 of 20 glimpses, 92.6 % for 95.9 %" in words_below(figure)


def test_attacks_have_panels_and_the_accuracy_before_them_is_at_0(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("robustness", tables_of_case("all"))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[:3] == ["worst of all attacks", "PGD", "EOT-PGD"]
    assert len(titles) == 7
    for axes in figure.axes:
        for line in axes.lines:
            assert line.get_xdata()[0] == 0
            assert line.get_ydata()[0] > 85
    dashed = [line for line in figure.axes[0].lines if line.get_marker() == "None"]
    assert len(dashed) == 1, "of the network that draws"
    words = words_below(figure)
    assert "RAM-LPM: one draw overstates success (3 of 3 seeds)" in words
    assert set(data["interval"]) == {"seeds"}


def test_intervals_of_few_seeds_are_over_images(tables_of_case: Callable[[str], Path]) -> None:
    _, data = drawn("robustness", tables_of_case("sim2mnist"))
    assert set(data["interval"]) == {"images"}
    robust = data[data["metric"].eq("robust_accuracy") & data["mean"].between(0.1, 0.9)]
    np.testing.assert_allclose(robust["mean"] - robust["low"], 0.04)
    np.testing.assert_allclose(robust["high"] - robust["mean"], 0.03)


@pytest.mark.parametrize("counts", [(3, 3), (2, 2), (3, 2), (2, 3), (1, 5)])
def test_a_line_has_one_band_whatever_its_interval_is_over(counts: tuple[int, int]) -> None:
    line = pandas.DataFrame({"eps": [0.0, 0.1], "attack": ["none", "pgd"], "n": counts})
    line = line.assign(metric="robust_accuracy", mean=[0.9, 0.5], low=[0.8, -0.1], high=[1.1, 0.6])
    axes = Figure().subplots()
    its = Style(colour="black", marker="o", dashes=())
    assert not robustness._draw_series(axes, line[::-1], its, crowded=False)
    assert len(axes.lines) == len(axes.collections) == 1
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0, 100)

    raised = line.assign(metric="expected_accuracy", mean=[0.9, 0.52])
    for both, dashed in ((raised, True), (raised.assign(mean=[0.9, 0.504]), False)):
        axes.clear()
        both = pandas.concat([both, line])
        assert robustness._draw_series(axes, both, its, crowded=False) == dashed
        assert len(axes.lines) == 1 + dashed

    axes.clear()
    assert not robustness._draw_series(axes, line.assign(attack="none"), its, crowded=False)
    assert not axes.lines


def test_success_is_drawn_at_the_largest_eps_by_steps_and_by_images_shown(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, _ = drawn("success_by_iterations", tables_of_case("all"))
    labels = [(axes.get_title("left"), axes.get_xlabel()) for axes in figure.axes]
    assert labels.count(("Square, eps 0.3", "Images shown")) == 1
    assert labels.count(("Square, eps 0.3", "Steps")) == 1
    assert len(labels) == 7


def test_sizes_stand_beside_what_was_reported_of_a_public_program(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("size_transfer", tables_of_case("all"))
    beside = data[data["origin"].eq("published")].set_index("scale")["mean"]
    assert beside.round(4).to_dict() == {0.5: 0.1167, 20 / 28: 0.1829, 1.0: 0.9749}
    assert set(data.loc[data["origin"].eq("published"), "name"]) == {"RAM, deterministic"}
    _, data = drawn("size_transfer", tables_of_case("demo"))
    assert set(data["origin"]) == {"measured"}, "a stand-in has nothing published beside it"


def test_sim2mnist_errors_stand_beside_those_of_polar_transformers(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    stem = tmp_path / "errors"
    draw_figure(STUDY, "sim2mnist_errors", tables_of_case("sim2mnist"), PUBLISHED, stem)
    data = pandas.read_csv(stem.with_suffix(".csv"))
    beside = data[data["origin"].eq("published")].set_index("name")["error"]
    assert beside["PTN base"] == pytest.approx(0.0503)
    assert len(beside) == 6
    typeset_figure(STUDY, "sim2mnist_errors", stem.with_suffix(".csv"), tmp_path / "errors.tex")
    assert r"PTN base & published & 5.03 \\" in (tmp_path / "errors.tex").read_text()
