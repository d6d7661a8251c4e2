"""The figures of the log-polar study."""

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from log_polar_tables import (
    FEW_IMAGES,
    NETWORKS,
    STAND_IN,
    TRAINED_TURNED,
    write_costs,
    write_log_polar_tables,
)
from matplotlib.figure import Figure
from page_layout import check_layout

from isotrope import registry
from isotrope.errors import UserError
from isotrope.results.drawing import draw_figure, read_tables, typeset_figure

STUDY, KIND = "log_polar", "figures/log_polar"
FIGURES = registry.names(KIND)
PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "log_polar.csv"
CASES = {
    "all": NETWORKS,
    "few images": FEW_IMAGES,
    "turned": (*NETWORKS[:2], *TRAINED_TURNED),
    "demo": STAND_IN,
}


@pytest.fixture(scope="session")
def tables_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a case, which are written once and only read."""

    def write(case: str) -> Path:
        folder = write_log_polar_tables(tmp_path_factory.mktemp("tables"), CASES[case])
        return write_costs(folder)

    return cache(write)


def drawn(name: str, folder: Path) -> tuple[Figure, pandas.DataFrame]:
    found = registry.load(KIND, name).draw(read_tables(STUDY, name, folder, PUBLISHED))
    figure: Figure = found[0]
    figure.savefig(io.BytesIO(), format="png")
    return found[0], found[1]


def literal(name: str, constant: str, default: Any = None) -> Any:
    return registry.literal(KIND, name, constant, default)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("case", ["all", "turned", "demo"])
def test_no_words_overlap_or_leave_the_page(
    name: str, case: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    lacking = {"all": "sample_efficiency", "turned": "sample_efficiency"}
    lacking["demo"] = "learned_kernels winning_poses"
    assert not data.empty or name in lacking.get(case, "")
    assert not literal(name, "LATEX", False) or not data.empty, "an empty table cannot be typeset"


@pytest.mark.parametrize("name", FIGURES)
def test_title_and_caption_are_plain_words(name: str) -> None:
    for constant in ("TITLE", "CAPTION"):
        assert not set(literal(name, constant)) & set("`*|_"), "a caption is reStructuredText"


def test_figures_come_out_without_torch_and_published_numbers(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from isotrope.results.drawing import draw_figure\n"
        "tables, figures, *names = sys.argv[1:]\n"
        "for name in names:\n"
        f"    draw_figure('{STUDY}', name, Path(tables), None, Path(figures, name))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    arguments = [str(tables_of_case("all")), str(tmp_path), *FIGURES]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_absent_tables_and_arrays_are_named(name: str, tmp_path: Path) -> None:
    write_costs(write_log_polar_tables(tmp_path, NETWORKS[:1]))
    tables = [f"{table}.csv" for table in literal(name, "TABLES")]
    for file in (*tables, *(f"{table}.npz" for table in literal(name, "ARRAYS", ()))):
        content = (tmp_path / file).read_bytes()
        (tmp_path / file).unlink()
        with pytest.raises(UserError, match=f"{file} is not there"):
            draw_figure(STUDY, name, tmp_path, PUBLISHED, tmp_path / "figure")
        (tmp_path / file).write_bytes(content)


def test_a_turn_shifts_the_map_along_the_angles_and_a_scaling_along_the_radii(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("log_polar_samples", tables_of_case("all"))
    assert data[["rows", "columns"]].to_numpy().tolist() == [[0, 0], [0, 6], [3, 0]]
    assert data["angle"].tolist() == [0, 60, 0]


def test_samples_of_a_stand_in_are_said_to_be_that(tables_of_case: Callable[[str], Path]) -> None:
    figure, _ = drawn("log_polar_samples", tables_of_case("demo"))
    words = " ".join(text.get_text() for text in figure.texts)
    assert "Images: mnist (digits8)." in words


def test_kernels_and_winners_are_those_of_one_seed_that_is_named(
    tables_of_case: Callable[[str], Path],
) -> None:
    for name in ("learned_kernels", "winning_poses"):
        figure, data = drawn(name, tables_of_case("all"))
        assert set(data["name"]) == {"DeepLP, large"}
        assert set(data["layer"]) == {"layer1", "layer2"}
        words = " ".join(text.get_text() for text in figure.texts)
        assert "DeepLP, large, mnist, seed 2." in words
        figure, data = drawn(name, tables_of_case("few images"))
        words = " ".join(text.get_text() for text in figure.texts)
        assert "no network here" in words.replace("\n", " ")
        assert data.empty


def test_mean_of_the_winning_radius_is_weighted_by_the_response(tmp_path: Path) -> None:
    folder = write_log_polar_tables(tmp_path, NETWORKS[:1])
    with np.load(folder / "log_polar_maps.npz") as stored:
        arrays = {name.rpartition("/")[2]: stored[name] for name in stored.files}
    weights, radii = arrays["strength_layer1"][0].astype(float), arrays["radius_layer1"][0]
    known = np.isfinite(radii)
    expected = (radii[known] * weights[known]).sum() / weights[known].sum()
    _, data = drawn("winning_poses", folder)
    assert data["mean_radius"].iloc[0] == pytest.approx(expected)


def test_accuracy_rises_with_the_number_of_images_from_few_to_many(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("sample_efficiency", tables_of_case("few images"))
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    ours = data[data["name"].eq("DeepLP")].sort_values("count")
    assert ours["count"].tolist() == [100, 1000, 10_000]
    assert ours["mean"].is_monotonic_increasing


def test_published_shifts_stand_beside_shifts_alone(tables_of_case: Callable[[str], Path]) -> None:
    figure, data = drawn("translation_as_published", tables_of_case("all"))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["mnist, shift alone", "mnist, published: also scaled"]
    at = data[data["name"].eq("Plain CNN")].set_index(["form", "shift"])["mean"]
    moved = [0.95 - loss * (4 + 4 + 8) / 3 / 60 for loss in (0.63, 0.66, 0.69)]
    assert at["shift alone", 2] == pytest.approx(np.mean(moved))


def test_every_size_changes_alone_and_the_floor_is_drawn_in(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("layer_costs", tables_of_case("all"))
    assert [axes.get_xlabel() for axes in figure.axes[4:]] == [
        "Channels",
        "Radii",
        "Angles",
        "Side",
    ]
    counts = data[data["metric"].eq("floor_mebibytes")].groupby("against").size().to_dict()
    assert counts == {"channels": 5, "radii": 4, "angles": 4, "side": 3}


def test_data_sets_without_published_errors_are_shown_if_none_has_any(
    tables_of_case: Callable[[str], Path],
) -> None:
    tables = read_tables(STUDY, "errors_by_dataset", tables_of_case("turned"), PUBLISHED)
    draw, known = registry.load(KIND, "errors_by_dataset").draw, tables.published
    _, data = draw(replace(tables, published=known[known["dataset"].ne("rot_mnist")]))
    assert set(data["place"]) == {"mnist", "sim2mnist"}
    _, data = draw(replace(tables, published=known[:0]))
    assert set(data["place"]) == {"mnist", "rot_mnist", "sim2mnist"}


def test_errors_stand_beside_every_published_one_of_their_data_set(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    stem = tmp_path / "errors"
    draw_figure(STUDY, "errors_by_dataset", tables_of_case("turned"), PUBLISHED, stem)
    data = pandas.read_csv(stem.with_suffix(".csv"))
    assert set(data["place"]) == {"mnist", "rot_mnist", "sim2mnist"}
    beside = data[data["origin"].eq("published")].set_index(["place", "name"])["error"]
    assert beside["rot_mnist", "PTN CNN-B++"] == pytest.approx(0.0089)
    assert beside["sim2mnist", "PTN base"] == pytest.approx(0.0503)

    folder = tables_of_case("turned")
    rows = pandas.read_csv(folder / "accuracy.csv").query("metric == 'accuracy'")
    runs = pandas.read_csv(folder / "runs.csv")[["run", "point", "seed", "status"]]
    rows = rows.merge(runs[runs["status"].ne("diverged")], on=["run", "point", "seed"])
    errors = (1 - rows.groupby(["run", "point"])["value"].mean()).tolist()
    ours = data[data["origin"].eq("measured")]
    assert len(ours) > 2
    for error in ours["error"]:
        assert min(abs(error - one) for one in errors) < 1e-9

    typeset_figure(STUDY, "errors_by_dataset", stem.with_suffix(".csv"), tmp_path / "errors.tex")
    tex = (tmp_path / "errors.tex").read_text()
    assert r"PTN base & published & -- & 1.14 & 5.03 \\" in tex
