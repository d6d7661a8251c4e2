"""The figures of the scattering study."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from page_layout import check_layout
from scattering_tables import (
    CIFAR,
    DEFORMATIONS,
    DEMO,
    FORMS,
    OTHERS,
    PAIRS,
    tight_frame,
    write_scattering_tables,
)

from isotrope import registry
from isotrope.errors import UserError
from isotrope.figures.scattering import _morlet, _recorded, learning_rates
from isotrope.figures.scattering._recorded import Recorded
from isotrope.layers.morlet_bank import morlet_spectra
from isotrope.results.drawing import draw_figure, read_tables, typeset_figure

STUDY, KIND = "scattering", "figures/scattering"
OWN = registry.names(KIND)
MOVING = [name for name in OWN if registry.literal(KIND, name, "ANIMATION", False)]
RECORDED = (
    "filter_distance",
    "filter_parameters",
    "gradient_trajectories",
    "parameter_trajectories",
)
FIGURES = [name for name in OWN if name not in MOVING]
PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "scattering.csv"
CASES = {"cifar": CIFAR, "forms": FORMS, "others": OTHERS, "demo": DEMO, "one": CIFAR[:1]}
LARGE = {"filter_parameters", "learning_curves"}  # figures with many panels
EMPTY = {("demo", "parameterizations"), ("cifar", "parameterizations")}


@pytest.fixture(scope="session")
def tables_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a case, which are written once and only read."""

    def written(case: str) -> Path:
        return write_scattering_tables(tmp_path_factory.mktemp("tables"), CASES[case])

    return cache(written)


def module(name: str) -> Any:
    return registry.load(KIND if name in OWN else "figures/general", name)


@cache
def drawn(name: str, folder: Path) -> tuple[Figure, pandas.DataFrame]:
    """The figure, laid out, and its data; drawn once and only looked at."""
    figure, data = module(name).draw(read_tables(STUDY, name, folder, PUBLISHED))
    figure.draw_without_rendering()
    return figure, data


def typeset(name: str, data: pandas.DataFrame, folder: Path) -> str:
    """The LaTeX table of a figure's data."""
    csv = folder / f"{name}.csv"
    data.to_csv(csv, index=False, lineterminator="\n")
    return typeset_figure(STUDY, name, csv, folder / f"{name}.tex").read_text()


def words_below(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


@pytest.mark.parametrize(
    ("case", "name"),
    [
        *(("cifar", name) for name in (*FIGURES, "deformation")),
        *(("demo", name) for name in (*FIGURES, "deformation") if name not in LARGE),
        *(("forms", name) for name in ("accuracy_tables", "learning_gains", "parameterizations")),
    ],
)
def test_no_words_overlap_or_leave_the_page(
    case: str, name: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    assert data.empty == ((case, name) in EMPTY)


@pytest.mark.parametrize("name", OWN)
def test_title_and_caption_are_plain_words(name: str) -> None:
    for constant in ("TITLE", "CAPTION"):
        found = registry.literal(KIND, name, constant, "")
        assert found
        assert not set(found) & set("`*|_"), "a caption is reStructuredText"


def test_figures_are_drawn_without_torch_and_published_numbers(
    tables_of_case: Callable[[str], Path],
) -> None:
    program = (
        "import sys; from pathlib import Path; from isotrope import registry\n"
        "from isotrope.results.drawing import read_tables\n"
        "folder, *names = sys.argv[1:]\n"
        "for name in names:\n"
        f"    tables = read_tables('{STUDY}', name, Path(folder), None)\n"
        f"    module = registry.load('{KIND}', name)\n"
        "    module.animate(tables) if hasattr(module, 'animate') else module.draw(tables)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tables_of_case("demo")), *OWN], check=True)


@pytest.mark.parametrize("name", OWN)
def test_absent_tables_and_arrays_are_named(name: str, tmp_path: Path) -> None:
    write_scattering_tables(tmp_path, CIFAR[:1], seeds=[1])
    tables = [f"{table}.csv" for table in module(name).TABLES]
    arrays = [f"{table}.npz" for table in getattr(module(name), "ARRAYS", ())]
    for file in (*tables, *arrays):
        content = (tmp_path / file).read_bytes()
        (tmp_path / file).unlink()
        with pytest.raises(UserError, match=f"{file} is not there"):
            draw_figure(STUDY, name, tmp_path, PUBLISHED, tmp_path / "figure")
        (tmp_path / file).write_bytes(content)


def test_published_points_stand_at_their_number_of_images(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("accuracy_by_samples", tables_of_case("cifar"))
    theirs = data[data["origin"].eq("published")]
    at = theirs[theirs["source"].str.startswith("README")].set_index(["name", "count"])["mean"]
    assert at["LS + linear", 100] == 0.3784
    assert at["LS + linear", 50_000] == 0.6957
    assert at["LS + CNN", 100] == 0.4360
    assert at["CNN", 1000] == 0.7137, "a size that was not run here"
    assert set(theirs.loc[theirs["name"].eq("GLICO"), "count"]) == {250, 500}
    assert len(theirs[theirs["name"].eq("other network")]) == 5 * 4, "random ones, and fixed CNNs"
    words = words_below(figure)
    assert "Measured: 3 seeds" in words
    assert "Azuri and Weinshall 2020" in words


def test_no_accuracy_hides_another_of_the_same_number_of_images(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, _ = drawn("accuracy_by_samples", tables_of_case("cifar"))
    for axes in figure.axes:
        coloured = [line for line in axes.lines if line.get_color() not in ("0.6", "0.4")]
        at = [x for line in coloured if len(set(line.get_xdata())) > 1 for x in line.get_xdata()]
        assert len(set(at)) == len(at), "each stands at a place of its own"
        of_hundred = [x for x in at if 100 / 1.35 < x < 100 * 1.35]
        assert len(of_hundred) == 2 * len({line.get_color() for line in coloured})


@pytest.mark.parametrize(
    ("case", "counts"), [("demo", [30]), ("cifar", [100, 250, 500, 1000, 50_000])]
)
def test_the_axis_has_the_numbers_of_images_that_are_drawn(
    tables_of_case: Callable[[str], Path], case: str, counts: list[int]
) -> None:
    figure, data = drawn("accuracy_by_samples", tables_of_case(case))
    axis = figure.axes[-1].xaxis
    assert sorted(set(data["count"])) == counts
    assert list(axis.get_majorticklocs()) == counts
    assert [axis.get_major_formatter()(one) for one in counts] == [f"{one:g}" for one in counts]
    assert len(axis.get_minorticklocs()) == 0


def test_only_what_is_drawn_is_in_the_legend(tmp_path: Path) -> None:
    folder = write_scattering_tables(tmp_path, [one for one in CIFAR if "linear" in one.run])
    figure, data = drawn("accuracy_by_samples", folder)
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == [
        "cifar10, linear head"
    ]
    assert set(data["kind"]) == {"linear head", ""}
    assert "Oyallon" not in words_below(figure), "who is quoted for a convolutional network"


def test_a_series_whose_seeds_all_diverged_is_not_in_the_legend(tmp_path: Path) -> None:
    networks = [replace(one, label=f"series {i}") for i, one in enumerate(CIFAR[:2])]
    folder = write_scattering_tables(tmp_path, networks)
    runs = pandas.read_csv(folder / "runs.csv", dtype=str, keep_default_na=False)
    runs.loc[runs["label"].eq("series 1"), "status"] = "diverged"
    runs.to_csv(folder / "runs.csv", index=False)
    figure, _ = module("accuracy_by_samples").draw(
        read_tables(STUDY, "accuracy_by_samples", folder, PUBLISHED)
    )
    named = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert {one.partition(" (")[0] for one in named if one.startswith("series")} == {"series 0"}


def test_published_numbers_stand_beside_runs_of_their_length_not_longer_ones(
    tmp_path: Path,
) -> None:
    """Of the same form, though the longer ones are more."""
    longer = [
        replace(CIFAR[0], run=f"scattering_linear/cifar10/{name}", label="longer", samples=samples)
        for name, samples in (("watched_few", "100"), ("watched", ""))
    ]
    networks = [*CIFAR[:4], *(replace(one, epochs=1000) for one in longer)]
    folder = write_scattering_tables(tmp_path, networks)

    data = drawn("accuracy_by_samples", folder)[1]
    theirs = data[data["origin"].eq("published")].set_index(["name", "samples"])["mean"]
    assert theirs["LS + linear", "100"] == 0.3784
    assert theirs["LS + linear", "500"] == 0.5268
    assert "longer" not in theirs.index.get_level_values("name")


def test_a_run_on_an_unknown_number_of_images_is_not_drawn(tmp_path: Path) -> None:
    whole = [network for network in DEMO if network.form == "fixed"]
    write_scattering_tables(tmp_path, [replace(network, samples="") for network in whole])
    figure, data = module("accuracy_by_samples").draw(
        read_tables(STUDY, "accuracy_by_samples", tmp_path, PUBLISHED)
    )
    assert data.empty
    assert "on how many images" in words_below(figure)


def test_a_series_on_an_unknown_number_of_images_is_not_in_the_legend(tmp_path: Path) -> None:
    networks = [
        replace(network, label=network.form, samples="" if network.form == "fixed" else "30")
        for network in DEMO
    ]
    write_scattering_tables(tmp_path, networks)
    figure, data = drawn("accuracy_by_samples", tmp_path)
    named = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert "fixed" not in set(data["name"])
    forms = {network.form for network in networks}
    assert {one.partition(" (")[0] for one in named} & forms == forms - {"fixed"}


def test_gains_are_differences_of_the_same_seeds(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    for path in tables_of_case("cifar").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows = pandas.read_csv(tmp_path / "accuracy.csv")
    fixed = rows["run"].eq("scattering_linear/cifar10/100_fixed")
    rows.loc[fixed, "value"] = [0.30, 0.35, 0.33]  # learned: 0.37, 0.38, 0.39
    rows.to_csv(tmp_path / "accuracy.csv", index=False)

    _, data = drawn("learning_gains", tmp_path)

    ours = data[data["origin"].eq("measured")].set_index(["samples", "name"])
    found = ours.loc[("100", "LS + linear")]
    assert found["mean"] == pytest.approx(100 * np.mean([0.07, 0.03, 0.06]))
    assert found["spread"] == pytest.approx(100 * np.std([0.07, 0.03, 0.06], ddof=1))
    assert found["n"] == 3
    theirs = data[data["origin"].eq("published")].set_index(["samples", "name"])["mean"]
    assert theirs["100", "LS + linear"] == pytest.approx(37.84 - 36.01)
    assert theirs["500", "LS + linear"] == pytest.approx(52.68 - 48.12)


def test_the_table_has_errors_deviations_gains_and_published_numbers(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn("accuracy_tables", tables_of_case("cifar"))
    tex = typeset("accuracy_tables", data, tmp_path)
    row = r"cifar10 & LS + linear & 100 & 38.00 ± 0.58 & 1.00 & 3 & +2.00 [+2.00, +2.00] &"
    assert f"{row} 37.84 ± 0.57" in tex
    assert r"cifar10 & CNN & all & 70.00 ± 0.58 & 1.00 & 3 & -- & --" in tex, "trained otherwise"
    assert "Bars and ±: 95 % interval of the mean, from 3 seeds on." in words_below(figure)


def test_costs_of_networks_stand_beside_each_other(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn("network_costs", tables_of_case("cifar"))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["Parameters", "Products", "Step", "Answer", "Memory"]
    at = data.set_index(["name", "metric"])["mean"]
    assert at["scattering, linear", "parameters"] == pytest.approx(0.15608)  # millions
    assert at["CNN", "megaproducts"] == 16_004
    text = typeset("network_costs", data, tmp_path)
    assert "WRN-16-8 & 30.16 & 24,004 & 2,720 & 906 & 1,230" in text


def test_forms_of_filters_stand_beside_each_other_and_are_named(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    _, data = drawn("parameterizations", tables_of_case("forms"))
    ours = data[data["origin"].eq("measured")]
    assert set(ours["form"]) == {"fixed", "canonical", "equivariant", "pixelwise"}
    assert ours.set_index("form")["gain"].notna().sum() == 3
    assert "equivariant filters" in typeset("parameterizations", data, tmp_path)


def test_rates_are_those_of_the_schedule_and_groups_have_their_own(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("learning_rates", tables_of_case("cifar"))
    rates = data.groupby(["line", "group"], sort=False)["rate"]
    learned = next(line for line in data["line"] if line.startswith("LS + linear"))
    first, top, last = (getattr(rates, what)() for what in ("first", "max", "last"))
    assert first[learned, "base"] == pytest.approx(0.06 / 25)
    assert top[learned, "base"] == pytest.approx(0.06, rel=1e-3)
    assert top[learned, "scattering"] == pytest.approx(0.1, rel=1e-3)
    assert last[learned, "scattering"] == pytest.approx(0.06 / 25 / 1e4)
    assert rates.min()[learned, "momentum"] == pytest.approx(0.85, abs=1e-3)
    assert data["line"].nunique() == 11, "five lengths with a group, six without"


def test_test_images_are_shown_where_they_were_looked_at(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("learning_curves", tables_of_case("cifar"))
    tested = data[data["split"].eq("test") & data["name"].eq("S + linear")]
    assert set(tested["epoch"]) == {10, 20, 30, 40}
    assert "validation" not in set(data["split"])
    at = tested[tested["samples"].eq("100") & tested["quantity"].eq("accuracy")]
    assert at["mean"].tolist() == pytest.approx([0.34 * (1 - np.exp(-e)) for e in (1, 2, 3, 4)])
    loss = data[data["split"].eq("train") & data["quantity"].eq("loss")]
    smooth = loss[loss["samples"].eq("100") & loss["name"].eq("S + linear")].set_index("epoch")
    around = [2.3 * np.exp(-e / 20) for e in range(8, 13)]
    assert smooth.loc[10, "mean"] == pytest.approx(np.mean(around) + 0.02)


def test_seeds_that_diverged_or_have_no_history_leave_curves_to_the_others(tmp_path: Path) -> None:
    folder = write_scattering_tables(tmp_path, CIFAR[:1], seeds=(1, 2, 3))
    runs = pandas.read_csv(folder / "runs.csv", dtype=str, keep_default_na=False)
    runs.loc[0, "status"] = "diverged"
    runs.to_csv(folder / "runs.csv", index=False)
    with np.load(folder / "histories.npz") as held:
        kept = {name: array for name, array in held.items() if "/2/" not in name}
    np.savez_compressed(folder / "histories.npz", **kept)  # type: ignore[arg-type]
    _, data = module("learning_curves").draw(
        read_tables(STUDY, "learning_curves", folder, PUBLISHED)
    )
    assert set(data["n"]) == {1}, "of the third seed alone"


def test_trajectories_are_those_that_were_recorded(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("parameter_trajectories", tables_of_case("cifar"))
    start = data[data["epoch"].eq(0)].sort_values(["scale", "angle"])
    for name, values in tight_frame(2).items():
        np.testing.assert_allclose(start[name], values.ravel(), rtol=1e-6)
    assert set(data["seed"]) == {1}
    assert len(data) == 41 * 16

    _, gradients = drawn("gradient_trajectories", tables_of_case("cifar"))
    assert gradients["epoch"].min() == 1, "there is no gradient before the first epoch"

    _, each = drawn("filter_parameters", tables_of_case("cifar"))
    np.testing.assert_allclose(each["product"], each["xi"] * each["sigma"])


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_network_that_recorded_nothing_that_moves_is_said_to_have_not(
    epochs: int, tmp_path: Path
) -> None:
    write_scattering_tables(tmp_path, CIFAR[:1], seeds=[1])
    with np.load(tmp_path / "recordings.npz") as all_epochs:
        recordings = {name: array[:epochs] for name, array in all_epochs.items() if epochs}
    np.savez_compressed(tmp_path / "recordings.npz", **recordings)  # type: ignore[arg-type]
    for name in RECORDED:
        figure, data = drawn(name, tmp_path)
        assert data.empty
        assert "recorded" in words_below(figure)
    for name in MOVING:
        frames, data = module(name).animate(read_tables(STUDY, name, tmp_path, None))
        assert len(list(frames)) == 1
        assert data.empty


@pytest.mark.parametrize("name", MOVING)
def test_an_animation_has_a_frame_for_each_recording_and_the_last_stays(
    name: str, tables_of_case: Callable[[str], Path]
) -> None:
    tables = read_tables(STUDY, name, tables_of_case("demo"), None)
    frames, data = module(name).animate(tables)
    pictures = list(frames)
    assert len(pictures) == 3 * 40 + 30  # five seconds
    assert {picture.shape for picture in pictures} == {(340, 320, 3)}
    assert (pictures[0] == pictures[2]).all()
    assert (pictures[2] != pictures[3]).any()
    assert (pictures[120] == pictures[-1]).all()
    assert set(data["epoch"]) == set(range(41))


def test_five_hundred_frames_are_chosen_from_more_recordings() -> None:
    moving = registry.load(KIND, MOVING[0]).animate_filters.__globals__
    seed = Recorded({}, (), {"epoch": np.arange(2001)})
    places = moving["places_of"](seed)
    assert len(places) == 500
    assert (places[0], places[-1]) == (0, 2000)
    assert len(set(places)) == 500


def test_spectra_are_the_sums_of_their_definition() -> None:
    generator = np.random.default_rng(3)
    theta, xi, sigma, slant = generator.uniform([0, 0.5, 0.8, 0.4], [6, 2, 2, 1.5], (3, 4)).T
    side = 12
    u = np.arange(-side // 2, side // 2)
    found = _morlet.spectra(theta, xi, sigma, slant, side)
    for i in range(3):
        total = {}
        beta = weight = 0.0
        for row, column in product(u, u):
            a = row * np.cos(theta[i]) + column * np.sin(theta[i])
            b = -row * np.sin(theta[i]) + column * np.cos(theta[i])
            g = np.exp(-(a**2 + slant[i] ** 2 * b**2) / (2 * sigma[i] ** 2))
            total[row, column] = (np.exp(1j * xi[i] * a), g)
            beta, weight = beta + (total[row, column][0] * g).real, weight + g
        norm = 2 * 3.1415 * sigma[i] ** 2 / slant[i]
        for k, m in ((0, 0), (1, 0), (3, 5), (11, 7)):
            value = sum(
                (wave - beta / weight) * g * np.exp(-2j * np.pi * (k * r + m * c) / side)
                for (r, c), (wave, g) in total.items()
            )
            assert found[i, k, m] == pytest.approx((value / norm).real, abs=1e-12)
    assert np.abs(found[:, 0, 0]).max() < 1e-12, "the mean is zero"


def test_each_parameter_changes_the_filter_as_it_is_said_to(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("effect_of_parameters", tables_of_case("cifar"))
    assert data["changed"].nunique() == 5
    reference = data[data["changed"].eq("reference")].iloc[0]
    assert reference["xi"] == pytest.approx(3 * np.pi / 8)
    slanted = data[data["changed"].eq("slant")].iloc[0]
    assert slanted["slant"] == 1.25


def test_images_of_each_class_are_shown_with_whose_they_are(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("dataset_samples", tables_of_case("demo"))
    assert data["label"].tolist() == [0, 1, 2]
    assert "scikit-image's photographs of brick" in words_below(figure)


def test_baselines_of_deformations_stand_beside_the_distances(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("deformation", tables_of_case("cifar"))
    assert set(data["baseline"].dropna()) == {0.9}
    starts = data[data["size"].eq(0)]
    assert starts["mean"].eq(0).all()
    last = data[data["size"].eq(0.8162) & data["name"].eq("LS + linear")]
    assert last["mean"].tolist() == pytest.approx([0.44 * np.tanh(2)] * 3)
    assert last["low"].tolist() == pytest.approx([0.9 * 0.44 * np.tanh(2)] * 3)
    words = words_below(figure)
    assert "Left out for want of room" in words
    assert "50 images" in words


def test_synthesised_images_stand_beside_each_other_with_their_distances(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("synthesis", tables_of_case("demo"))
    assert set(data["name"]) == {network.label for network in DEMO}
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 2 * (2 + len(DEMO))
    assert [axes.get_title(loc="left") for axes in pictures[:2]] == ["image", "noise"]
    one = data[data["name"].eq(DEMO[0].label) & data["image"].eq(1)].set_index("step")
    assert one["coefficient_error"][3] == pytest.approx(0.5**3 / 2)
    assert len(one) == 11
    assert set(data["seed"]) == {3}
    (lines,) = [axes for axes in figure.axes if not axes.images]
    mean = (1 + 0.5) / 2 * 0.5 ** np.arange(11)
    np.testing.assert_allclose(lines.lines[0].get_ydata(), mean, rtol=1e-6)
    (legend,) = figure.legends
    assert sorted(text.get_text() for text in legend.get_texts()) == sorted(set(data["name"]))
    drawn_as = [(line.get_color(), line.get_linestyle()) for line in lines.lines]
    assert [(one.get_color(), one.get_linestyle()) for one in legend.get_lines()] == drawn_as
    assert len(set(drawn_as)) == len(DEMO)
    bands = [to_hex(one.get_facecolor()[0]) for one in lines.collections]
    assert bands == [to_hex(colour) for colour, _ in drawn_as]


def test_without_synthesised_images_the_figure_says_so(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    for path in tables_of_case("one").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    np.savez(tmp_path / "synthesis.npz")
    figure, data = drawn("synthesis", tmp_path)
    assert data.empty
    assert "no network here has synthesised images" in words_below(figure)


def test_spectra_of_recorded_numbers_are_those_of_the_layer() -> None:
    generator = torch.Generator().manual_seed(1)
    low, width = torch.tensor([0, 0.5, 0.8, 0.4]), torch.tensor([6, 1.5, 2, 1])
    numbers = (low + width * torch.rand(5, 4, generator=generator)).double().T
    theirs = morlet_spectra(*numbers, shape=(40, 40))
    ours = _morlet.spectra(*(one.numpy() for one in numbers), 40)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-14)


def test_filters_are_shown_before_and_after_training_with_their_extremes(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("filter_banks", tables_of_case("cifar"))
    assert set(data["state"]) == {"before", "after"}
    assert len(data) == 3 * 2 * 16
    assert set(data["name"]) == {"LS + linear"}, "the first that learned its filters"
    spectra = data[data["view"].eq("spectra") & data["state"].eq("before")]
    assert spectra["largest"].between(0.5, 1.5).all()
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[:2] == ["Before training", "After training"]


def test_sums_of_fixed_filters_stay_as_they_were(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("littlewood_paley", tables_of_case("demo"))
    at = data.set_index(["name", "state"])["largest"]
    assert at["Fixed filters", "before"] == at["Fixed filters", "after"]
    assert at["Learned filters", "before"] == at["Fixed filters", "after"]
    assert at["Learned filters", "after"] != at["Learned filters", "before"]


def test_partners_are_those_that_were_measured_and_fixed_filters_are_at_none(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    _, data = drawn("matched_filters", tables_of_case("cifar"))
    assert data["partner"].tolist() == PAIRS.tolist()
    assert (data["distance"] > 0).all()

    write_scattering_tables(tmp_path, CIFAR[1:2], seeds=[1])
    _, fixed = drawn("matched_filters", tmp_path)
    of_frame = fixed["distance"].tolist()[2:]
    assert of_frame == pytest.approx([0] * 14, abs=1e-6), "each is a filter of the frame"
    assert fixed["distance"].tolist()[:2] == pytest.approx([np.pi / 8] * 2), "made up to be crossed"


def test_distances_begin_at_zero_and_are_taken_between_beginnings_too(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("filter_distance", tables_of_case("demo"))
    start = data[data["to"].eq("tight_frame") & data["epoch"].eq(0)]
    assert start["mean"].tolist() == pytest.approx([0] * 4, abs=1e-5), "all begin there"
    assert set(data.loc[data["to"].eq("random"), "name"]) == {"Learned filters"}
    assert data.loc[data["to"].eq("random"), "mean"].max() < 1e-9, "equal, as they were made up"
    last = data[data["to"].eq("tight_frame") & data["epoch"].eq(40)]
    assert (last["mean"] > 1).all()
    assert set(last["n"]) == {3}
    assert "from those that began at random" in str(figure.legends[0].get_texts()[-1])


def test_deformations_are_shown_at_their_largest_size(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("deformed_images", tables_of_case("demo"))
    assert dict(zip(data["deformation"], data["size"], strict=True)) == DEFORMATIONS


def test_a_schedule_that_stands_still_is_drawn_so(tmp_path: Path) -> None:
    write_scattering_tables(tmp_path, CIFAR[3:4], seeds=[1])
    runs = pandas.read_csv(tmp_path / "runs.csv")
    changes = {"training.batch_size": 8, "training.accumulate.images": 128}
    stands = {**changes, "training.accumulate.advance": "whole_groups"}
    for name, values in (("goes", changes), ("stands", stands)):
        runs.assign(**values).to_csv(tmp_path / "runs.csv", index=False)
        tables = read_tables(STUDY, "learning_rates", tmp_path, None)
        _, data = module("learning_rates").draw(tables)
        rates = data.loc[data["group"].eq("base"), "rate"]
        assert len(rates) == 400
        assert (rates.nunique() == 1) == (
            name == "stands"
        )  # 13 batches of 8, where 16 make a group


@pytest.mark.parametrize(
    ("images", "batch", "asked", "advance", "steps"),
    [
        ("100", 8, None, None, (13, 13)),
        ("100", 8, np.nan, "whole_groups", (13, 13)),
        ("100", 8, 16, None, (7, 7)),
        ("100", 8, 16.0, "whole_groups", (7, 6)),
        ("100", 8, 20, "each_group", (5, 5)),
        ("96", 8, 16, "whole_groups", (6, 6)),
        ("", 128, None, None, (391, 391)),
    ],
)
def test_steps_are_counted_by_groups_of_batches_and_schedules_by_whole_groups(
    images: str, batch: int, asked: float | None, advance: str | None, steps: tuple[int, int]
) -> None:
    run = {"samples": images, "place": "cifar10", "training.batch_size": batch}
    run |= {"training.accumulate.images": asked, "training.accumulate.advance": advance}
    assert learning_rates._steps(run) == steps


@pytest.mark.parametrize("name", ["accuracy_tables", "learning_gains"])
def test_intervals_end_inside_the_panels(name: str, tables_of_case: Callable[[str], Path]) -> None:
    figure, data = drawn(name, tables_of_case("cifar"))
    assert data["high"].notna().any()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        bars = [line.get_xdata() for line in axes.lines if len(set(line.get_xdata())) > 1]
        assert all(low <= min(bar) and max(bar) <= high for bar in bars)


def test_an_axis_of_gains_reaches_no_further_than_what_is_drawn(tmp_path: Path) -> None:
    """Two seeds have an interval of many points, which is not drawn."""
    write_scattering_tables(tmp_path, CIFAR[:4], seeds=[1, 2])
    accuracy = pandas.read_csv(tmp_path / "accuracy.csv")
    learned = accuracy["run"].eq(next(one.run for one in CIFAR if one.learned))
    accuracy.loc[learned & accuracy["seed"].eq(1), "value"] += 0.05
    accuracy.to_csv(tmp_path / "accuracy.csv", index=False)
    figure, data = drawn("learning_gains", tmp_path)
    assert data["low"].min() < -20
    assert min(axes.get_xlim()[0] for axes in figure.axes) > -20


def test_the_longest_recording_is_shown_and_of_equals_the_first_that_moved(
    tables_of_case: Callable[[str], Path],
) -> None:
    tables = read_tables(STUDY, "parameter_trajectories", tables_of_case("demo"), None)
    runs = {"still": DEMO[0].run, "moved": DEMO[2].run}

    def found(**epochs: int) -> tuple[list[tuple[str, int]], tuple[str, int] | None]:
        """The seeds that recorded, and the one that is shown, if each did at so many epochs."""
        arrays = {}
        for name, count in epochs.items():
            kind, _, seed = name.partition("_")
            values = np.arange(float(count))[:, None, None] * (kind == "moved")
            arrays |= {f"{runs[kind]}/base/{seed}/{one}": values for one in _recorded.WAVELETS}
            if count:
                arrays[f"{runs[kind]}/base/{seed}/epoch"] = np.arange(count)
        given = replace(tables, arrays={"recordings": arrays})
        kinds = {run: kind for kind, run in runs.items()}
        seeds = [
            None if one is None else (kinds[one.run["run"]], int(one.run["seed"]))
            for one in (*_recorded.recorded(given), _recorded.shown_seed(given))
        ]
        return [one for one in seeds[:-1] if one is not None], seeds[-1]

    assert found(still_1=1, moved_1=0) == ([], None), "once, or at no known epoch"
    assert found(still_1=2, moved_1=1) == ([("still", 1)], ("still", 1))
    three = [("still", 1), ("moved", 2), ("moved", 3)]
    assert found(still_1=3, moved_2=3, moved_3=3) == (three, ("moved", 2))
    assert found(still_1=4, moved_2=3) == (three[:2], ("still", 1))
    assert found(still_1=2, moved_2=2, moved_3=3) == (three, ("moved", 3))
