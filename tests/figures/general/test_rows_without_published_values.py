"""What was measured stands beside its name where nothing published stands below it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from isotrope import registry
from isotrope.plan.figures import StudyFigures
from isotrope.results.drawing import read_tables

FIGURES = ("accuracy", "accuracy_distribution", "accuracy_summary", "training_time")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("with_published", [True, False])
def test_marks_are_in_the_middle_of_rows_without_a_published_value(
    name: str,
    with_published: bool,
    make_tables: Callable[..., Path],
    published_csv: Path,
) -> None:
    folder = make_tables(
        models=["own", "standard"], tasks=["emoji"], scenarios=["mid2rest"], seeds=[1]
    )
    tables = read_tables("scale", name, folder, published_csv if with_published else None)
    figure: Figure
    figure, data = registry.load(StudyFigures("scale").kind(name), name).draw(tables)

    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["standard", "own"]
    assert set(data.loc[data["origin"].eq("published"), "name"]) <= {"standard"}
    marks = [one for one in figure.axes[0].lines if one.get_marker() not in ("", "None", None)]
    high = sorted({float(y) for one in marks for y in one.get_ydata()})
    apart = 0.06 if name == "accuracy_distribution" else 1e-9  # its seeds are scattered
    assert high[-1] == pytest.approx(1, abs=apart)
    if with_published:
        assert high[0] < -0.1, "the measured value makes room for the published one"
    else:
        assert high == pytest.approx([0, 1], abs=apart)
