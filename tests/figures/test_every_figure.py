"""What holds for every figure; a new one is tested here without a line of its own."""

import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pandas
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from isotrope import registry
from isotrope.drawing import draw_figure
from isotrope.errors import UserError
from isotrope.figures._style import DOUBLE, SINGLE
from isotrope.table_files import RESULT_COLUMNS, RUN_COLUMNS, read_table

FIGURES = registry.names("figures")
MakeTables = Callable[..., Path]
ALL = ("small2large", "mid2rest", "large2small", "all2all")
TWELVE = ("standard", "ensemble", *(f"own_model_{i}" for i in range(10)))
CASES = {
    "the demo": {"labels": {"standard": "Plain CNN", "ensemble": "Image pyramid, mean of logits"}},
    "a long label": {"labels": {"standard": " ".join(["plain convolutions"] * 4)}},
    "twelve lines": {"models": TWELVE},
    "three scenarios": {"models": TWELVE, "scenarios": ALL[:3]},
    "four scenarios": {"scenarios": ALL},
    "two tasks": {"scenarios": ALL, "tasks": ("emoji", "trafficsign")},
}

pytestmark = pytest.mark.parametrize("name", FIGURES)


def load(name: str, folder: Path) -> dict[str, pandas.DataFrame]:
    return {
        table: read_table(
            folder / f"{table}.csv", RUN_COLUMNS if table == "runs" else RESULT_COLUMNS
        )
        for table in registry.literal("figures", name, "TABLES")
    }


def test_literals_can_be_read_without_an_import(name: str) -> None:
    assert "runs" in registry.literal("figures", name, "TABLES")
    for constant in ("TITLE", "CAPTION"):
        text = registry.literal("figures", name, constant)
        assert text
        assert not set(text) & set("`*|_"), "a caption is reStructuredText in the report"


def test_svg_pdf_and_csv_come_out_the_same_in_another_process_without_torch(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables(scenarios=ALL[:2])
    here = draw_figure(name, folder, published_csv, tmp_path / "here")
    assert [path.suffix for path in here] == [".svg", ".pdf", ".csv"]

    program = (
        "import sys; from pathlib import Path; from isotrope.drawing import draw_figure\n"
        "import isotrope.tables\n"
        "name, folder, published, stem = sys.argv[1:]\n"
        "draw_figure(name, Path(folder), Path(published), Path(stem))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    arguments = [name, str(folder), str(published_csv), str(tmp_path / "there")]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, cwd=tmp_path)

    for path in here:
        assert path.read_bytes() == (tmp_path / f"there{path.suffix}").read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_no_words_overlap_or_leave_the_page(
    name: str, case: str, make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    tables = load(name, make_tables(**CASES[case]))
    figure, _ = registry.load("figures", name).draw(tables, published)
    figure.savefig(io.BytesIO(), format="png")  # lays the panels out

    assert figure.get_figwidth() in (SINGLE, DOUBLE)
    assert figure.get_figheight() < 11, "a page of a journal"
    words = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text.get_figure() is figure
    ]
    page = figure.bbox.padded(1)
    for text, box in words:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, box), (other, its) in itertools.combinations(words, 2):
        common = Bbox.intersection(box, its)
        # two points of height are the room for accents and descenders, which line boxes share
        limit = 2 * figure.dpi / 72
        assert common is None or common.width < 1 or common.height < limit, (one, other)


def test_panels_are_big_enough_to_read(
    name: str, make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    figure, _ = registry.load("figures", name).draw(
        load(name, make_tables(**CASES["the demo"])), published
    )
    figure.savefig(io.BytesIO(), format="png")
    for axes in figure.axes:
        assert axes.get_position().width * figure.get_figwidth() > 1.2, "inches"
        assert axes.get_position().height * figure.get_figheight() > 0.4, "inches"


def test_number_of_seeds_and_epochs_and_lost_seeds_are_said(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    svg, _, _ = draw_figure(name, make_tables(), published_csv, tmp_path / name)
    words = svg_words(svg)
    assert "at most 18 epochs" in words
    assert "50 seeds, at most 200 epochs" in words
    assert "Altstidl et al. 2022, arXiv 2211.10288" in words
    assert "Diverged seeds (left out of the means): standard on emoji, mid2rest (1 of 3)." in words
    collapsed = (
        "Collapsed seeds (stayed at chance level, in the means): ensemble on emoji, mid2rest"
    )
    assert collapsed in words
    assert "stir/emoji (embedded)" in words


def svg_words(svg: Path) -> str:
    texts = ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join("".join(text.itertext()).strip() for text in texts)


def test_figure_is_drawn_without_published_numbers(
    name: str, make_tables: MakeTables, tmp_path: Path
) -> None:
    svg, _, data = draw_figure(name, make_tables(), None, tmp_path / name)
    assert "ublished" not in svg.read_text()
    assert set(pandas.read_csv(data)["origin"]) == {"measured"}


def test_absent_table_is_named_with_the_command_that_makes_it(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables()
    for table in registry.literal("figures", name, "TABLES"):
        path = folder / f"{table}.csv"
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(UserError, match=rf"{table}\.csv is not there; run `snakemake tables`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content[:-4])
        with pytest.raises(UserError, match=rf"{table}\.csv is truncated .* `snakemake tables`"):
            draw_figure(name, folder, published_csv, tmp_path / name)
        path.write_bytes(content)
    assert not list(tmp_path.glob(f"{name}*")), "nothing is written"


def test_table_without_a_needed_column_is_named(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables()
    for table, columns in registry.literal("figures", name, "COLUMNS").items():
        for column in columns:
            path = folder / f"{table}.csv"
            content = path.read_text()
            path.write_text(content.replace(column, "other", 1))
            message = rf"{table}\.csv has no column {column}; run `snakemake tables`"
            with pytest.raises(UserError, match=message):
                draw_figure(name, folder, published_csv, tmp_path / name)
            path.write_text(content)


def test_results_of_a_run_that_the_table_of_runs_lacks_are_refused(
    name: str, make_tables: MakeTables, published_csv: Path, tmp_path: Path
) -> None:
    folder = make_tables()
    path = folder / "runs.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(UserError, match=r"seed 3, which runs\.csv beside it does not know"):
        draw_figure(name, folder, published_csv, tmp_path / name)


def test_figures_that_are_unknown_are_refused_with_a_hint(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"did you mean '{name}'"):
        draw_figure(name + "x", tmp_path, None, tmp_path / name)
