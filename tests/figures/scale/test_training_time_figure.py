import re
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from svg_words import svg_words

from isotrope.errors import UserError
from isotrope.results.drawing import draw_figure, typeset_figure
from isotrope.results.style import nothing_drawn

MakeTables = Callable[..., Path]


def drawn(folder: Path, published_csv: Path | None) -> pandas.DataFrame:
    _, _, data = draw_figure("scale", "training_time", folder, published_csv, folder / "figure")
    return pandas.read_csv(data).set_index(["name", "place", "origin"]).sort_index()


def typeset(folder: Path) -> str:
    names = folder / "figure.csv", folder / "figure.tex"
    return typeset_figure("scale", "training_time", *names).read_text()


def test_last_and_mean_epoch_stand_beside_the_published_ones_with_their_devices(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(
        models=["standard", "xu"], tasks=["emoji", "mnist"], scenarios=["small2large", "mid2rest"]
    )
    data = drawn(folder, published_csv)
    assert set(data["scenario"]) == {"mid2rest"}
    ours = data.loc[("xu", "stir/mnist", "measured")]
    assert (ours["last"], ours["mean"], ours["n"]) == pytest.approx((2.5, 2.6, 3))
    assert ours["device"] == "cpu"
    theirs = data.loc[("xu", "stir/mnist", "published")]
    assert theirs["last"] == pytest.approx(3.9253, abs=5e-5)
    assert (theirs["device"], theirs["n"]) == ("NVIDIA A100", 25)
    assert data.loc[("standard", "stir/emoji", "measured"), ["n", "diverged"]].to_list() == [2, 1]


def test_both_times_are_means_over_seeds(make_tables: MakeTables) -> None:
    folder = make_tables(models=["xu"], tasks=["emoji"], scenarios=["mid2rest"])
    table = pandas.read_csv(folder / "runs.csv")
    table["seconds_per_epoch_last"] = [3.0 + 4 * i for i in range(len(table))]
    table["seconds_per_epoch_mean"] = [1.0 + 2 * i for i in range(len(table))]
    table.to_csv(folder / "runs.csv", index=False)
    ours = drawn(folder, None).loc[("xu", "stir/emoji", "measured")]
    columns = ["seconds_per_epoch_last", "seconds_per_epoch_mean"]
    last, mean = table.loc[table["status"].ne("diverged"), columns].mean()
    assert (ours["last"], ours["mean"]) == pytest.approx((last, mean))
    assert ours["n"] > 1


def test_seconds_of_another_machine_are_left_out(make_tables: MakeTables) -> None:
    folder = make_tables(models=["standard", "xu"], tasks=["emoji"], scenarios=["mid2rest"])
    runs = folder / "runs.csv"
    whole = pandas.read_csv(runs)
    whole.loc[whole["model"].eq("xu"), "origin"] = "shipped"
    whole.to_csv(runs, index=False)

    assert set(drawn(folder, None).index.get_level_values("name")) == {"standard"}
    assert "Not timed here, since shipped or imported: xu." in " ".join(
        svg_words(folder / "figure.svg").split()
    )

    whole["origin"] = "imported"
    whole.to_csv(runs, index=False)
    svg, _, data = draw_figure("scale", "training_time", folder, None, folder / "figure")
    assert "seconds of another machine" in nothing_drawn(svg.read_text())
    assert pandas.read_csv(data).empty
    assert "nothing of scale to show" in typeset(folder)


def test_latex_has_a_line_for_each_model_and_origin(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(models=["pixel_pool", "own_model"], tasks=["mnist", "emoji"])
    drawn(folder, published_csv)

    text = typeset_figure(
        "scale", "training_time", folder / "figure.csv", folder / "figure.tex"
    ).read_text()

    lines = [line for line in text.splitlines() if "&" in line]
    head = r"model &  & \multicolumn{2}{c}{emoji} & \multicolumn{2}{c}{mnist} & device \\"
    assert lines == [
        head,
        r" &  & last & mean & last & mean &  \\",
        r"pixel\_pool & measured & 1.50 & 1.60 & 1.50 & 1.60 & cpu \\",
        r" & published & 6.79 & 6.84 & 94.6 & 94.7 & NVIDIA A100 \\",
        r"own\_model & measured & 2.50 & 2.60 & 2.50 & 2.60 & cpu \\",
    ]
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_latex_has_dashes_where_nothing_was_measured(make_tables: MakeTables) -> None:
    folder = make_tables(
        models=["standard", "xu"],
        tasks=["emoji", "mnist"],
        left_out=[("xu", "emoji", "mid2rest")],
    )
    drawn(folder, None)
    text = typeset_figure(
        "scale", "training_time", folder / "figure.csv", folder / "figure.tex"
    ).read_text()
    assert r"xu & measured & -- & -- & 2.50 & 2.60 & cpu \\" in text


def test_figure_without_latex_and_absent_numbers_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the figure scale_generalization has no table in LaTeX"):
        typeset_figure("scale", "scale_generalization", tmp_path / "a.csv", tmp_path / "a.tex")
    again = re.escape(f"`isotrope draw training_time --group {tmp_path.name}`")
    with pytest.raises(UserError, match=rf"a\.csv is not there; run {again}"):
        typeset_figure("scale", "training_time", tmp_path / "a.csv", tmp_path / "a.tex")
    assert not (tmp_path / "a.tex").exists()
