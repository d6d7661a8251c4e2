"""What holds for every figure; a new one is tested here without a line of its own."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas
import pytest
from made_up_sweeps import HEADERS
from made_up_tables import tables_for, write_tables
from matplotlib.figure import Figure
from matplotlib.text import Text
from page_layout import check_layout
from svg_words import svg_words

from isotrope import registry
from isotrope.errors import UserError
from isotrope.plan.figures import StudyFigures
from isotrope.results.drawing import draw_figure as draw_figure_of

STUDY = "scale"  # whose tables are made up
KINDS = StudyFigures(STUDY).kinds
FIGURES = list(KINDS)
draw_figure = partial(draw_figure_of, STUDY)
MakeTables = Callable[..., Path]
ALL = ("small2large", "mid2rest", "large2small", "all2all")
TWELVE = ("standard", "ensemble", *(f"own_model_{i}" for i in range(10)))
CASES: dict[str, dict[str, Any]] = {
    "the demo": {"labels": {"standard": "Plain CNN", "ensemble": "Image pyramid, mean of logits"}},
    "a long label": {"labels": {"standard": " ".join(["plain convolutions"] * 4)}},
    "twelve lines": {"models": TWELVE},
    "three scenarios": {"models": TWELVE, "scenarios": ALL[:3]},
    "two tasks": {"scenarios": ALL, "tasks": ("emoji", "trafficsign")},
    "no tasks": {"dataset": "digits8"},
    "one seed": {"models": ["slice_pool", "pixel_pool"], "seeds": [1]},
}

SIMILAR = {"a long label", "three scenarios", "no tasks"}  # to others, where images are changed
SAME = "come_out_the_same_in_another_process"
SHOWS_IMAGES = "tasks"  # and no network

pytestmark = pytest.mark.parametrize("name", FIGURES)


@pytest.fixture(scope="session")
def tables_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a case, which are written once and only read."""
    return cache(lambda case: write_tables(tmp_path_factory.mktemp("tables"), **CASES[case]))


def literal(name: str, constant: str, default: Any = None) -> Any:
    return registry.literal(KINDS[name], name, constant, default)


def loaded(name: str) -> Any:
    return registry.load(KINDS[name], name)


def drawn(name: str, folder: Path, published: pandas.DataFrame) -> Figure:
    """The figure, with its panels laid out."""
    figure: Figure = loaded(name).draw(tables_for(name, folder, published))[0]
    figure.savefig(io.BytesIO(), format="png")
    return figure


def words_below(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


def tables_of(name: str) -> tuple[str, ...]:
    found: tuple[str, ...] = literal(name, "TABLES")
    return found


def results_of(name: str) -> list[str]:
    """The tables of evaluations that the figure is drawn from."""
    return [table for table in tables_of(name) if table != "runs"]


def test_literals_can_be_read_without_an_import(name: str) -> None:
    assert "runs" in literal(name, "TABLES")
    for constant in ("TITLE", "CAPTION"):
        text = literal(name, constant)
        assert text
        assert not set(text) & set("`*|_"), "a caption is reStructuredText in the report"


@pytest.fixture(scope="session")
def drawn_case(
    tables_of_case: Callable[[str], Path], published: pandas.DataFrame
) -> Callable[[str, str], Figure]:
    """The figure of a name and a case, laid out, which is drawn once and only looked at."""
    return cache(lambda name, case: drawn(name, tables_of_case(case), published))


@pytest.fixture(scope="session")
def elsewhere(
    tables_of_case: Callable[[str], Path],
    published_csv: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Path:
    """The demo's figures under test, drawn in another process that must not import torch."""
    names = {item.callspec.params["name"] for item in request.session.items if SAME in item.name}
    folder = tmp_path_factory.mktemp("figures")
    program = (
        "import sys; from pathlib import Path; from isotrope.results.drawing import draw_figure\n"
        "import isotrope.results.tables\n"
        "tables, published, figures, *names = sys.argv[1:]\n"
        "for name in names:\n"
        f"    draw_figure('{STUDY}', name, Path(tables), Path(published), Path(figures, name))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    arguments = [str(tables_of_case("the demo")), str(published_csv), str(folder), *sorted(names)]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    return folder


def test_svg_pdf_and_csv_come_out_the_same_in_another_process_without_torch(
    name: str,
    tables_of_case: Callable[[str], Path],
    published_csv: Path,
    elsewhere: Path,
    tmp_path: Path,
) -> None:
    here = draw_figure(name, tables_of_case("the demo"), published_csv, tmp_path / name)
    assert [path.suffix for path in here] == [".svg", ".pdf", ".csv"]
    for path in here:
        assert path.read_bytes() == (elsewhere / path.name).read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_no_words_overlap_or_leave_the_page(
    name: str, case: str, drawn_case: Callable[[str, str], Figure]
) -> None:
    if case in SIMILAR and set(tables_of(name)) & set(HEADERS):
        pytest.skip("laid out as in other cases")
    figure = drawn_case(name, case)

    check_layout(figure)


def test_panels_are_big_enough_to_read(name: str, drawn_case: Callable[[str, str], Figure]) -> None:
    figure = drawn_case(name, "the demo")
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        assert axes.get_position().width * figure.get_figwidth() > 1.2, "inches"
        assert axes.get_position().height * figure.get_figheight() > 0.4, "inches"


@pytest.mark.parametrize("case", ["the demo", "one seed"])
def test_number_of_seeds_and_epochs_is_said(
    name: str, case: str, drawn_case: Callable[[str, str], Figure]
) -> None:
    if name == SHOWS_IMAGES:
        pytest.skip("it shows images, and no network")
    words = words_below(drawn_case(name, case))
    assert re.search("Measured: (2-3|2|3) seeds, " if case == "the demo" else ": 1 seed, ", words)
    assert "at most 18 epochs" in words
    assert "stir/emoji (embedded)" in words


def test_source_of_published_numbers_is_said_where_they_are_shown(
    name: str, drawn_case: Callable[[str, str], Figure], published: pandas.DataFrame
) -> None:
    figure = drawn_case(name, "the demo")
    shown = "ublished" in " ".join(text.get_text() for text in figure.findobj(Text))
    words = re.findall(
        r"Published: (.+?); (?:\d+-)?(\d+) seeds?, at most (\d+) epochs", words_below(figure)
    )
    if not words:
        assert not shown or name == SHOWS_IMAGES
        return
    ((sources, seeds, epochs),) = words
    assert set(sources.split(" and ")) <= set(published["source"])
    assert (int(seeds), int(epochs)) == (50, 200)


def test_lost_seeds_are_counted_apart(name: str, drawn_case: Callable[[str, str], Figure]) -> None:
    if literal(name, "ARRAYS", ()):
        pytest.skip("it shows images, or one network")
    words = words_below(drawn_case(name, "the demo"))
    for status, model in (("Diverged", "standard"), ("Collapsed", "ensemble")):
        lost = f"{CASES['the demo']['labels'][model]} on emoji, mid2rest"
        assert re.search(rf"{status} seeds \([^)]+\): {lost} \(1 of 3\)\.", words)


def test_figure_is_drawn_without_published_numbers(
    name: str, make_tables: MakeTables, tmp_path: Path
) -> None:
    svg, _, data = draw_figure(name, make_tables(), None, tmp_path / name)
    words = svg_words(svg).replace("As published", "").replace("Published error", "")
    assert "ublished" not in words
    assert set(pandas.read_csv(data).get("origin", ["measured"])) == {"measured"}


def test_general_figure_is_drawn_for_a_study_that_says_nothing_of_its_panels(
    name: str, make_tables: MakeTables, tmp_path: Path
) -> None:
    plain = "of_my_own"
    if name not in StudyFigures(plain).kinds:
        pytest.skip("it is of one study")
    folder = make_tables(scenarios=["mid2rest"], tasks=["emoji"])
    svg, _, data = draw_figure_of(plain, name, folder, None, tmp_path / name)
    assert set(pandas.read_csv(data)["place"]) == {"stir"}
    assert "stir (embedded)" in svg_words(svg)


def test_absent_table_is_named_with_the_command_that_makes_it(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables()
    for table in tables_of(name):
        path = folder / f"{table}.csv"
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(UserError, match=rf"{table}\.csv is not there; run `snakemake tables`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        if table != "runs":
            with pytest.raises(UserError, match=rf"has {table} among its `evaluations`"):
                draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content[:-4])
        with pytest.raises(UserError, match=rf"{table}\.csv is truncated .* `snakemake tables`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content)
    for table in literal(name, "ARRAYS", ()):
        path = folder / f"{table}.npz"
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(UserError, match=rf"{table}\.npz is not there; run `snakemake figures`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content[:-4])
        with pytest.raises(UserError, match=rf"{table}\.npz is truncated .* `snakemake figures`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content)
    assert not list(tmp_path.glob(f"{name}*")), "nothing is written"


def test_table_without_a_needed_column_is_named(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables()
    for table, columns in loaded(name).COLUMNS.items():
        for column in columns:
            path = folder / f"{table}.csv"
            content = path.read_text()
            path.write_text(re.sub(rf"\b{re.escape(column)}\b", "other", content, count=1))
            message = rf"{table}\.csv has no column {column}; run `snakemake tables`"
            with pytest.raises(UserError, match=message):
                draw_figure(name, folder, published_csv, tmp_path / name)
            path.write_text(content)


def test_results_of_a_run_that_the_table_of_runs_lacks_are_refused(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    if not results_of(name):
        pytest.skip("it is drawn from the table of runs alone")
    folder = make_tables()
    path = folder / "runs.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(UserError, match=r"seed 3, which runs\.csv beside it does not know"):
        draw_figure(name, folder, published_csv, tmp_path / name)


def test_figures_that_are_unknown_are_refused_with_a_hint(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"did you mean '{name}'"):
        draw_figure(name + "x", tmp_path, None, tmp_path / name)


def test_a_label_that_is_no_mathematics_is_drawn_as_it_stands(
    name: str, make_tables: MakeTables, tmp_path: Path
) -> None:
    if name not in StudyFigures("of_my_own").kinds:
        pytest.skip("it is of one study")
    labels = {"standard": r"$\frac{$ of $5", "ensemble": r"$\frac{1}{2}$"}
    svg, *_ = draw_figure(name, make_tables(labels=labels), None, tmp_path / name)
    assert r"$\frac{$ of $5" in svg_words(svg)
