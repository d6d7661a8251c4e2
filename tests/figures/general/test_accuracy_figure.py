from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import SCALES, accuracy

from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]


def drawn(folder: Path, published_csv: Path | None) -> tuple[str, pandas.DataFrame]:
    svg, _, data = draw_figure("scale", "accuracy", folder, published_csv, folder / "figure")
    return svg.read_text(), pandas.read_csv(data).set_index(["name", "origin"])


def test_published_mean_and_spread_stand_below_the_measured_mean(
    make_tables: MakeTables, published_csv: Path
) -> None:
    svg, data = drawn(make_tables(), published_csv)
    overall = [sum(accuracy("standard", s, k) for k in SCALES) / 48 for s in (1, 3)]
    assert data.loc[("standard", "measured"), "mean"] == pytest.approx(sum(overall) / 2)
    assert data.loc[("standard", "published"), "mean"] == pytest.approx(0.3911, abs=5e-5)
    assert data.loc[("standard", "published"), "spread"] == pytest.approx(0.0367, abs=5e-5)
    assert "39.1 ± 3.7, n = 50" in svg
    assert f"{50 * sum(overall):.1f}, n = 2" in svg, "no interval from two seeds"


def test_printed_interval_stays_within_what_is_possible(
    make_tables: MakeTables, published_csv: Path
) -> None:
    svg, data = drawn(make_tables(), published_csv)
    assert data.loc[("ensemble", "measured"), "high"] > 1
    assert "[0.0, 100.0], n = 3" in svg


def test_model_without_published_values_stands_alone(
    make_tables: MakeTables, published_csv: Path
) -> None:
    _, data = drawn(make_tables(models=["own", "standard"]), published_csv)
    assert ("own", "measured") in data.index
    assert ("own", "published") not in data.index
    assert ("standard", "published") in data.index
