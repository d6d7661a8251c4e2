"""What is planned where tables were copied into a fresh clone, and nothing else."""

import subprocess
import sys

from made_up_index import (
    DEMO,
    PUBLISHED,
    made_up_index,
    pack,
)

from isotrope import paths
from isotrope.plan import index_file
from isotrope.plan.targets import Plan


def test_copied_tables_are_sources_of_the_figures_they_hold(copied_tables):
    plan = Plan({})

    assert plan.tables_are_sources
    assert plan.tables() == [
        "out/tables/rotation/runs.csv",
        "out/tables/scale/accuracy.csv",
        "out/tables/scale/runs.csv",
    ]
    assert [path for path in plan.figures() if path.startswith("out/figures/scale/acc")] == [
        f"out/figures/scale/{figure}.{ending}"
        for figure in ("accuracy", "accuracy_distribution", "accuracy_summary")
        for ending in ("svg", "pdf", "csv", *(["tex"] if figure == "accuracy" else []))
    ]
    assert "out/figures/rotation/training_time.svg" in plan.figures()
    assert (
        "out/figures/scale/scale_generalization is left out: no table scale_generalization in "
        "out/tables/scale"
    ) in plan.figures_left_out()
    assert not any("rotation" in sentence for sentence in plan.figures_left_out())
    assert plan.notes() == [
        "out/runs is absent: the tables in out/tables are taken as they are; "
        "`snakemake runs` trains",
        f"{PUBLISHED} is in no table",
    ]


def test_images_are_taken_with_copied_tables_if_they_came_along(copied_tables):
    assert (
        "out/figures/scale/tasks is left out: no table examples.npz in out/tables/scale"
    ) in Plan({}).figures_left_out()
    paths.examples("scale").write_bytes(b"anything")
    assert "out/figures/scale/tasks.svg" in Plan({}).figures()


def test_tables_beside_runs_are_no_sources(copied_tables, monkeypatch):
    monkeypatch.setattr(index_file, "current", lambda *_, **__: made_up_index())
    (paths.OUT / "runs").mkdir()

    plan = Plan({})

    assert not plan.tables_are_sources
    assert plan.inputs_of_table("scale-demo", "runs") == [pack(DEMO, "1-25", "results.csv")]


def test_drawing_is_planned_without_torch_and_without_a_plug_in(copied_tables):
    code = (
        "import sys; from isotrope.plan.targets import Plan\n"
        "plan = Plan({}); plan.figures(); plan.notes(); plan.caption('scale', 'accuracy')\n"
        "plan.sources_of_figure('scale', 'accuracy_summary')\n"
        "plugins = [m for m in sys.modules for kind in ('models', 'data', 'evaluation')\n"
        "           if m.startswith(f'isotrope.{kind}.')]\n"
        "sys.exit(f'imported: {plugins}' if 'torch' in sys.modules or plugins else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
