"""When a figure is drawn anew."""

import os
import time

FIGURE = "out/figures/scale/accuracy.svg"
MODULES = "src/isotrope"


def edited(project, name):
    """Add a comment to a file, now."""
    path = project.path(name)
    path.write_text(path.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    later = time.time() + 5  # than any output, on file systems with coarse times
    os.utime(path, (later, later))


def test_a_figure_is_drawn_anew_when_anything_that_draws_it_changes_and_else_not(project):
    assert project.planned(FIGURE) == {}
    for module in ("figures/scale/_equivariance.py", "figures/general/training_time.py"):
        edited(project, f"{MODULES}/{module}")
    assert project.planned(FIGURE) == {}

    edited(project, f"{MODULES}/figures/general/_seed_rows.py")
    assert project.planned(FIGURE) == {"draw_figure": 1}


def test_cells_of_a_study_and_published_numbers_draw_its_figures_anew(project):
    edited(project, f"{MODULES}/studies/scale/cells.py")
    assert project.planned(FIGURE) == {"draw_figure": 1}
