"""A study of one's own, from plug-ins alone: to figures, an animation and a comparison."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from workflow_project import BIN, ROOT, bare

from isotrope.registry import literals

STUDY = Path(__file__).parent / "own_study"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the plug-ins, param-files and published numbers of the study of rods."""
    project = bare(tmp_path_factory.mktemp("own"))
    shutil.rmtree(project.path("workflow/published"))
    shutil.copytree(STUDY, project.folder, dirs_exist_ok=True)
    project.make("--config", "studies=rods")
    return project


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_figure_whose_tables_it_has_is_drawn_and_the_report_holds_them(project):
    tables = {path.stem for path in project.path("out/tables/rods").glob("*.csv")}
    modules = (ROOT / "src/isotrope/figures/general").glob("[a-z]*.py")
    general = {path.stem for path in modules if tables >= set(literals(path)["TABLES"])}

    drawn = {path.name for path in project.path("out/figures/rods").glob("*.[sg][vi][gf]")}

    own = {"hit_rate_by_length.svg", "overlap_by_length.svg", "kernels_learned.gif"}
    assert drawn == {f"{name}.svg" for name in general} | own
    report = project.path("out/report.html").read_text(encoding="utf-8")
    assert "kernels_learned" in report


def test_the_figure_of_the_study_has_its_panels_and_published_numbers(project):
    rows = rows_of(project.path("out/figures/rods/hit_rate_by_length.csv"))

    found = {(row["noise"], row["length"]): row for row in rows if row["origin"] == "published"}
    assert {at: row["mean"] for at, row in found.items()} == {
        ("10", "4"): "0.85",
        ("10", "8"): "0.95",
        ("40", "8"): "0.1",
    }
    ours = [
        (row["place"], row["noise"], row["length"]) for row in rows if row not in found.values()
    ]
    assert ours == [("rods", noise, length) for noise in ("10", "40") for length in "48"]


def test_masks_are_trained_on_and_scored_by_the_mean_iou(project):
    history = rows_of(project.path("out/runs/painter/rod_masks/noise10/base/seeds-1-2/history.csv"))
    assert "validation_mean_iou" in history[0]
    rows = rows_of(project.path("out/figures/rods/overlap_by_length.csv"))
    assert [(row["place"], row["noise"], row["length"], row["origin"]) for row in rows] == [
        ("rod_masks", "10", length, origin)
        for origin in ("measured", "published")
        for length in "48"
    ]
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)


def test_the_animation_shows_what_a_network_recorded_while_it_trained(project):
    rows = rows_of(project.path("out/figures/rods/kernels_learned.frames.csv"))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert len({row["high"] for row in rows}) == 3, "it learned"
    with Image.open(project.path("out/figures/rods/kernels_learned.gif")) as gif:
        assert (gif.n_frames, gif.info["duration"]) == (3, 500)


def test_general_figures_have_the_panels_of_the_study(project):
    rows = rows_of(project.path("out/figures/rods/accuracy.csv"))
    assert [(row["place"], row["noise"], row["origin"]) for row in rows] == [
        ("rods", "10", "measured"),
        ("rods", "40", "measured"),
        ("rods", "10", "published"),
    ]
    svg = project.path("out/figures/rods/accuracy.svg").read_text(encoding="utf-8")
    assert ">chance level<" in svg, "of two classes"
    words = " ".join(re.sub("<[^>]+>", " ", svg).split())
    assert "Published: A. Author 2026; 5 seeds, at most 50 epochs." in words


def test_the_comparison_has_every_published_cell_that_was_run(project):
    done = project.run("isotrope", "compare", "rods", "--csv", "cells.csv", "--markdown", "c.md")

    assert done.returncode == 0, done.stdout
    cells = rows_of(project.path("cells.csv"))
    assert [(c["table"], c["metric"], c["noise"], c["length"]) for c in cells] == [
        ("accuracy", "accuracy", "10", ""),
        *(("hit_rate", "hit_rate", noise, length) for noise, length in (("10", "4"), ("10", "8"))),
        ("hit_rate", "hit_rate", "40", "8"),
        *(("overlap", "iou", "10", length) for length in "48"),
    ]
    assert cells[3]["verdict"] == "outside"
    markdown = project.path("c.md").read_text(encoding="utf-8")
    assert "| slit/rods/noise10, length=4 |" in markdown
    assert "Hit rate in percent" in markdown


def test_an_edit_of_what_draws_a_figure_draws_it_and_nothing_else_anew(project):
    assert project.planned("--config", "studies=rods") == {}
    helper = project.path("plugins/figures/rods/_lengths.py")
    helper.write_text(helper.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")

    planned = project.planned("figures", "--config", "studies=rods")

    assert planned == {"draw_figure": 2, "figures": 1}


def test_no_file_of_the_core_was_touched(project):
    for path in (ROOT / "src/isotrope").rglob("*.py"):
        copied = project.folder / path.relative_to(ROOT)
        assert copied.read_bytes() == path.read_bytes()
    assert (BIN / "isotrope").is_file()
