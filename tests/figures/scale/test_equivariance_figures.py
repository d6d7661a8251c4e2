"""What the four figures on equivariance errors show."""

from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import ALL, error
from svg_words import svg_words

from isotrope import registry
from isotrope.figures.scale import _equivariance
from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]
OUTER, MIDDLE, INNER = ((64, 49), (49, 64)), ((48, 33), (33, 48)), ((32, 17), (17, 32))
RIGHT = {
    "small2large": OUTER + MIDDLE,
    "mid2rest": OUTER + INNER,
    "large2small": MIDDLE + INNER,
    "all2all": OUTER + MIDDLE + INNER,
}
AS_PUBLISHED = {
    **RIGHT,
    "small2large": RIGHT["large2small"],
    "large2small": RIGHT["small2large"],
}
LAST = {"small2large": 32, "mid2rest": 48, "large2small": 64}  # and the first is 15 less


def drawn(name: str, folder: Path, published_csv: Path | None = None) -> pandas.DataFrame:
    _, _, data = draw_figure("scale", name, folder, published_csv, folder / name)
    return pandas.read_csv(data)


@pytest.mark.parametrize(
    ("figure", "form", "pairs"),
    [
        ("equivariance_published_pairs", "published", AS_PUBLISHED),
        ("equivariance_right_pairs", "published", RIGHT),
        ("equivariance_corrected", "corrected", RIGHT),
    ],
)
def test_errors_are_means_over_the_pairs_of_the_scenario(
    make_tables: MakeTables,
    figure: str,
    form: str,
    pairs: dict[str, tuple[tuple[int, int], ...]],
) -> None:
    data = drawn(figure, make_tables(scenarios=ALL))
    assert set(data["form"]) == {form}
    assert len(data) == 4 * (2 + 3), "a seed of standard diverged"
    for row in data.to_dict("records"):
        errors = [error(form, "stage2", pair, row["seed"]) for pair in pairs[row["scenario"]]]
        assert row["error"] == pytest.approx(sum(errors) / len(errors))


@pytest.mark.parametrize("scenario", LAST)
def test_no_size_of_the_right_pairs_was_trained_on(scenario: str) -> None:
    trained = range(LAST[scenario] - 15, LAST[scenario] + 1)
    pairs = _equivariance.PAIRS[scenario]
    assert len(set(pairs)) == 4
    assert not [size for pair in pairs for size in pair if size in trained]


def test_short_figure_shows_emoji_on_mid2rest_in_both_forms_with_their_bounds(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(scenarios=ALL, tasks=("mnist", "emoji"))
    data = drawn("equivariance_summary", folder, published_csv)
    assert set(zip(data["place"], data["scenario"], strict=True)) == {("stir/emoji", "mid2rest")}
    ours = data[data["origin"].eq("measured")]
    assert ours.groupby("form").size().to_dict() == {"published": 5, "corrected": 5}
    corrected = ours[ours["form"].eq("corrected")]
    assert set(corrected["floor"]) == {0.01}
    assert set(corrected["untrained"]) == {0.8}
    published = data[data["origin"].eq("published")].set_index("name")["accuracy"]
    assert published["standard"] == pytest.approx(0.3911, abs=5e-5)
    assert published["ensemble"] == pytest.approx(0.6650, abs=5e-5)


@pytest.mark.parametrize(
    "name", [name for name in registry.names("figures/scale") if name.startswith("equivariance_")]
)
def test_captions_say_what_becomes_of_infinite_errors(name: str) -> None:
    caption = registry.literal("figures/scale", name, "CAPTION")
    assert "infinite or undefined" in caption
    assert "left out of a seed's mean" in caption
    assert "not shown, and counted below" in caption


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_seed_without_a_finite_error_is_counted_and_not_drawn(
    make_tables: MakeTables, bad: str
) -> None:
    folder = make_tables(models=["xu"])
    path = folder / "scale_equivariance.csv"
    value = error("published", "stage2", (64, 49), 2)
    old = f"xu/stir_emoji/mid2rest,base,2,stage2,published,64,49,error,{value},36\n"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, old.replace(f"{value},36", f"{bad},0")))

    svg, _, data = draw_figure("scale", "equivariance_right_pairs", folder, None, folder / "figure")

    errors = pandas.read_csv(data).set_index("seed")["error"]
    assert errors.isna().to_dict() == {1: False, 2: True, 3: False}
    assert "Seeds without a finite error, not shown: 1 of 3." in svg_words(svg)
