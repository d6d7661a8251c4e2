import re
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import SCALES, accuracy
from svg_words import svg_words

from isotrope.errors import UserError
from isotrope.results.drawing import draw_figure, typeset_figure

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
    low, high = data.loc[("standard", "published"), ["low", "high"]]
    assert (high - low) / 2 == pytest.approx(2.0096 * 0.0367 / 50**0.5, rel=2e-3)
    assert f"39.1 [{100 * low:.1f}, {100 * high:.1f}], n = 50" in svg
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


def test_latex_has_a_row_for_each_series_and_origin(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(models=["own_model", "xu"], seeds=[1, 2], scenarios=["mid2rest"])
    drawn(folder, published_csv)
    names = folder / "figure.csv", folder / "figure.tex"
    lines = [
        line
        for line in typeset_figure("scale", "accuracy", *names).read_text().splitlines()
        if "&" in line
    ]

    assert lines[0] == r"series &  & emoji, mid2rest \\"
    found = {line.split(" & ")[0]: line.split(" & ")[2] for line in lines[1:] if line[0] != " "}
    assert set(found) == {r"own\_model", "xu"}
    assert found["xu"].endswith(r", 2 \\"), "two seeds have no interval worth showing"
    assert "[" not in found["xu"]
    (theirs,) = [line for line in lines if line.startswith(" & published")]
    assert re.fullmatch(r" & published & \d+\.\d \[\d+\.\d, \d+\.\d\], 50 \\\\", theirs)


def test_numbers_that_were_altered_since_they_were_drawn_are_not_typeset(
    make_tables: MakeTables,
) -> None:
    folder = make_tables(models=["xu"])
    drawn(folder, None)
    names = numbers, tex = folder / "figure.csv", folder / "figure.tex"
    before = typeset_figure("scale", "accuracy", *names).read_text()
    again = re.escape(f"run `isotrope draw figure --group {folder.name}` to draw it again")
    lines = numbers.read_text().splitlines(keepends=True)

    for lie in ([lines[0]], [lines[0], *(line.replace("0.", "0.9", 1) for line in lines[1:])]):
        numbers.write_text("".join(lie))
        with pytest.raises(
            UserError, match=rf"figure\.csv was altered since it was drawn; {again}"
        ):
            typeset_figure("scale", "accuracy", *names)
    assert tex.read_text() == before

    drawn(folder, None)
    assert typeset_figure("scale", "accuracy", *names).read_text() == before


def test_seeds_left_out_of_a_table_and_of_all_are_said_below_the_figure(
    make_tables: MakeTables,
) -> None:
    folder = make_tables(models=["xu", "standard"], seeds=[1, 2, 3])
    table, runs = folder / "accuracy.csv", folder / "runs.csv"
    rows, trained = pandas.read_csv(table), pandas.read_csv(runs)
    rows = rows[~(rows["run"].str.startswith("xu") & rows["seed"].eq(3))]
    lost = trained["run"].str.startswith("standard") & trained["seed"].eq(2)
    rows[~(rows["run"].str.startswith("standard") & rows["seed"].eq(2))].to_csv(table, index=False)
    trained.assign(status=trained["status"].mask(lost, "left out")).to_csv(runs, index=False)

    drawn(folder, None)
    said = " ".join(svg_words(folder / "figure.svg").split())

    assert "Seeds without results (left out of the means): " in said
    for model in ("xu", "standard"):
        assert re.search(rf"{model} \((\d+) of \d+\)[.;]", said)
