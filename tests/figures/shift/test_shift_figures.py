"""The figures of the shift study."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas
import pytest
from matplotlib.figure import Figure
from page_layout import check_layout
from shift_tables import (
    DEMO,
    LOGITS,
    MODES,
    NETWORKS,
    ON_IMAGENET,
    write_costs,
    write_shift_tables,
)

from isotrope import registry
from isotrope.errors import UserError
from isotrope.figures.shift import _settings
from isotrope.results.drawing import draw_figure, read_tables, typeset_figure

STUDY, KIND = "shift", "figures/shift"
OWN = registry.names(KIND)
FIGURES = [*OWN, "consistency"]
PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "shift.csv"
CASES = {
    "all": NETWORKS,
    "imagenet": ON_IMAGENET,
    "logits": LOGITS,
    "modes": MODES,
    "mixed": (*NETWORKS, *LOGITS, *MODES),
    "decaying": [one for one in MODES if one.test_mode == "hard" and one.temperature[1]],
    "demo": DEMO,
}


@pytest.fixture(scope="session")
def tables_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a case, which are written once and only read."""

    def write(case: str) -> Path:
        return write_costs(write_shift_tables(tmp_path_factory.mktemp("tables"), CASES[case]))

    return cache(write)


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


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("case", ["all", "demo"])
def test_no_words_overlap_or_leave_the_page(
    name: str, case: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    assert not data.empty or name in ("logit_networks", "training_modes")


@pytest.mark.parametrize("name", ["logit_networks", "training_modes"])
def test_a_figure_with_nothing_to_show_has_a_table_that_says_so(
    name: str, tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    _, data = drawn(name, tables_of_case("demo"))
    assert data.empty
    assert typeset(name, data, tmp_path) == f"% {name}: nothing of {STUDY} to show\n"


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("consistency", "imagenet"),
        ("published_tables", "imagenet"),
        ("logit_networks", "logits"),
        ("training_modes", "modes"),
    ],
)
def test_long_rows_of_settings_fit_too(
    name: str, case: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    assert not data.empty


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
        f"    registry.load('{KIND}', name).draw(tables)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    names = [name for name in OWN if name != "published_tables"]  # it has nothing else to show
    subprocess.run([sys.executable, "-c", program, str(tables_of_case("demo")), *names], check=True)


@pytest.mark.parametrize("name", OWN)
def test_absent_tables_and_arrays_are_named(name: str, tmp_path: Path) -> None:
    write_costs(write_shift_tables(tmp_path, NETWORKS[:1], seeds=[1]))
    tables = [f"{table}.csv" for table in module(name).TABLES]
    arrays = [f"{table}.npz" for table in getattr(module(name), "ARRAYS", ())]
    for file in (*tables, *arrays):
        content = (tmp_path / file).read_bytes()
        (tmp_path / file).unlink()
        with pytest.raises(UserError, match=f"{file} is not there"):
            draw_figure(STUDY, name, tmp_path, PUBLISHED, tmp_path / "figure")
        (tmp_path / file).write_bytes(content)


def test_exact_networks_stand_at_100_beside_the_published_values(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn("consistency", tables_of_case("all"))
    at = data.set_index(["name", "metric", "origin"])["mean"]
    assert at["LPS", "circular", "measured"] == 100
    assert at["LPS", "circular", "published"] == 100
    assert at["LPS", "standard", "published"] == 93.61
    assert at["TIPS", "accuracy", "published"] == pytest.approx(98.12)
    assert at["Strided", "worst", "measured"] < at["Strided", "accuracy", "measured"]
    assert "third party" in words_below(figure)
    assert "filed here under protocol cifar and a circular border" in words_below(figure)

    tex = typeset("consistency", data, tmp_path)
    assert r"cifar10 & LPS & published & 94.5 ± 0.1 & 100 & 93.6 ± 0.3 &" in tex
    assert "parameters (M)" in tex


def test_nothing_rounds_up_to_consistent() -> None:
    words = registry.load("figures/general", "consistency").draw_columns.__globals__["words"]
    assert words(100.0, 0.0, ".1f") == words(100.0, float("nan"), ".1f") == "100"
    assert words(99.97, float("nan"), ".1f") == "99.970"
    assert words(99.97, 0.02, ".1f") == "100.0 ± 0.0"
    assert words(-0.04, 0.02, ".1f") == "0.0 ± 0.0"
    assert words(-0.04, None, ".1f") == "0.0"


@pytest.mark.parametrize(
    ("name", "case", "rows"),
    [
        ("logit_networks", "logits", 4),
        ("logit_networks", "mixed", 4),
        ("training_modes", "modes", 12),
        ("training_modes", "mixed", 12),
    ],
)
def test_rows_are_told_apart_by_their_settings_and_reduced_widths_are_said(
    name: str, case: str, rows: int, tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    assert data["setting"].nunique() == data["name"].nunique() == rows
    titles = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "width 8 of the published 64" in titles

    assert str(data["setting"].iloc[0]).replace("_", r"\_") in typeset(name, data, tmp_path)


@pytest.mark.parametrize(
    ("name", "case", "shared"),
    [
        ("logit_networks", "logits", "photos; width 8 of the published 64; small hidden layers"),
        ("training_modes", "decaying", "tested hard, temperature step_decay, to 0.5"),
    ],
)
def test_what_all_rows_share_is_said_once(
    name: str, case: str, shared: str, tables_of_case: Callable[[str], Path]
) -> None:
    figure, data = drawn(name, tables_of_case(case))
    check_layout(figure)
    titles = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert shared in titles
    assert not data["setting"].str.contains("small|hard|decay").any()


def test_shifts_by_parts_of_a_pixel_may_be_left_out(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    for path in tables_of_case("logits").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    swept = pandas.read_csv(tmp_path / "shift_accuracy.csv")
    whole = swept[swept["kind"].isin(["circular", "standard"])]
    assert len(whole) < len(swept)
    whole.to_csv(tmp_path / "shift_accuracy.csv", index=False)
    _, data = drawn("logit_networks", tmp_path)
    assert set(data["metric"]) >= {"accuracy", "circular", "standard", "worst"}
    assert not data["metric"].str.contains("px").any()


def test_published_networks_that_were_not_run_are_said_to_be_so(
    tables_of_case: Callable[[str], Path], tmp_path: Path
) -> None:
    figure, data = drawn("published_tables", tables_of_case("imagenet"))
    assert set(data["place"]) == {"imagenet", "voc"}
    known = data[data["origin"].eq("published")].set_index(["name", "metric"])["mean"]
    assert known["ResNet-101, LPS, DDAC-3, zero padding", "standard"] == 92.4
    ours = data[data["origin"].eq("measured")]
    assert set(ours["name"]) == {"ResNet-101, LPS, DDAC-3, zero padding"}
    words = words_below(figure)
    assert "runs='*/imagenet/*,*/voc/*' runs them" in words

    tex = typeset("published_tables", data, tmp_path)
    assert "ResNet-18, strided, zero padding & measured & not run" in tex


def test_entropies_are_shares_of_that_of_equal_phases(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("temperature_and_entropy", tables_of_case("all"))
    at = data.set_index(["layer", "quantity", "epoch"])["mean"]
    assert set(data["name"]) == {"LPS"}
    for layer in ("layer2", "layer3", "layer4"):  # of 4, 4 and 9 phases
        assert at[layer, "phase_entropy", 0] == pytest.approx(1, abs=1e-6)
        assert at[layer, "mixture_entropy", 0] == pytest.approx(0.6, abs=1e-6)
    assert at["layer3", "tau", 10] == pytest.approx(0.85)
    assert set(data["n"]) == {3}


def test_untrained_shares_are_not_mixed_with_trained_ones(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("phase_selection", tables_of_case("all"))
    shares = data[data["metric"].eq("share") & data["name"].eq("LPS")]
    assert shares.groupby("layer")["mean"].sum().tolist() == pytest.approx([1, 1, 1])
    agreement = data[data["metric"].eq("aps_agreement")].set_index(["name", "layer"])["mean"]
    assert agreement["APS", "layer2"] == 100
    assert agreement["LPS", "layer4"] == 70


def test_published_scores_of_masks_stand_in_percent_beside_ours(
    tables_of_case: Callable[[str], Path],
) -> None:
    tables = read_tables(STUDY, "segmentation_scores", tables_of_case("all"), PUBLISHED)
    of_lps = tables.published["setting"].eq(
        "depth=18,downsampling=lps,antialias=none,border=circular,width=64"
    )
    row = tables.published[of_lps & tables.published["table"].eq("accuracy")].iloc[0]
    row = {**row, "table": "segmentation", "spread": 0.01}
    mascc, mean_iou = {"metric": "mascc", "value": 100}, {"metric": "mean_iou", "value": 0.7}
    published = pandas.DataFrame([row | mascc, row | mean_iou])

    _, data = module("segmentation_scores").draw(replace(tables, published=published))

    theirs = data[data["origin"].eq("published")].set_index("metric")
    assert theirs["mean"].to_dict() == pytest.approx({"mascc": 100, "mean_iou": 70})
    assert theirs["spread"]["mean_iou"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("protocols", "shown"),
    [(["each"], "each"), (["mine", "each", "published"], "published"), ([""], "")],
)
def test_consistency_of_masks_is_that_of_the_first_known_protocol(
    protocols: list[str], shown: str, tables_of_case: Callable[[str], Path]
) -> None:
    tables = read_tables(STUDY, "segmentation_scores", tables_of_case("demo"), None)
    table = tables["segmentation"]
    of_masks, rest = table[table["metric"].eq("mascc")], table[table["metric"].eq("mean_iou")]
    each = [of_masks.assign(protocol=one or None, value=i) for i, one in enumerate(protocols)]
    frames = {**tables.frames, "segmentation": pandas.concat([*each, rest])}

    figure, data = module("segmentation_scores").draw(replace(tables, frames=frames))

    assert ("Consistency: protocol " in words_below(figure)) == bool(shown)
    assert shown in words_below(figure)
    means = data.loc[data["metric"].eq("mascc"), "mean"].tolist()
    assert means == len(DEMO) * [protocols.index(shown) if shown else 0]


def test_networks_for_which_there_is_no_room_are_named(
    tables_of_case: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    overlays = module("segmentation_overlays")
    monkeypatch.setattr(overlays, "MOST_SERIES", 3)
    monkeypatch.setattr(overlays, "MOST_IMAGES", 1)
    tables = read_tables(STUDY, "segmentation_overlays", tables_of_case("demo"), None)
    figure, data = overlays.draw(tables)
    assert "Left out" not in words_below(figure)
    first, second, third = data["name"]
    monkeypatch.setattr(overlays, "MOST_SERIES", 1)
    figure, data = overlays.draw(tables)
    assert set(data["name"]) == {first}
    assert f"Left out for want of room: {second}; {third}." in words_below(figure)


def test_phases_are_shown_of_the_first_data_sets_that_have_them(
    tables_of_case: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = module("four_phases")
    tables = read_tables(STUDY, "four_phases", tables_of_case("imagenet"), None)
    examples = tables.arrays["examples"]

    def places(most: int, *without: str) -> list[str]:
        monkeypatch.setattr(phases, "MOST", most)
        kept = {name: a for name, a in examples.items() if name.partition("/")[0] not in without}
        _, data = phases.draw(replace(tables, arrays={"examples": kept}))
        return list(dict.fromkeys(data["place"]))

    assert places(2) == ["cifar10", "imagenet"]
    assert places(1) == ["cifar10"]
    assert places(1, "cifar10") == ["imagenet"]


def test_only_a_reduced_width_is_said() -> None:
    def said(*widths: object) -> str:
        return _settings._width(pandas.DataFrame({_settings.WIDTH: widths}))

    assert said("64", "64") == said(64.0, None) == ""
    assert said("8", "64") == said(8.0) == "width 8 of the published 64"
    assert said("16", "8", "16") == "width 8, 16 of the published 64"
    assert _settings._width(pandas.DataFrame({"seed": [1]})) == ""


def test_disagreements_are_counted_where_answers_differ(
    tables_of_case: Callable[[str], Path],
) -> None:
    _, data = drawn("segmentation_overlays", tables_of_case("all"))
    at = data.set_index(["name", "image"])["differ"]
    assert at["LPS", 0] == 0
    assert at["Strided", 1] > at["TIPS", 1] > 0


def test_rows_of_the_cost_figure_are_the_methods_of_the_benchmark(
    tables_of_case: Callable[[str], Path],
) -> None:
    figure, data = drawn("method_costs", tables_of_case("all"))
    assert [axes.get_title("left") for axes in figure.axes] == [
        "Parameters",
        "Operations",
        "Training step",
        "Inference",
    ]
    assert data.loc[data["metric"].eq("parameters"), "mean"].iloc[0] == pytest.approx(11.173962)
