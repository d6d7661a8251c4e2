"""What is planned where tables were copied into a fresh clone, and nothing else."""

import subprocess
import sys

import pytest
from made_up_index import (
    DEMO,
    OWN,
    PUBLISHED,
    made_up_index,
    pack,
)

from isotrope import paths
from isotrope.plan import cost as costs
from isotrope.plan import index_file
from isotrope.plan.asking import ask
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
        f"1 run is in no table: {PUBLISHED}",
    ]


def test_of_copied_tables_those_of_the_runs_asked_for_are_taken(copied_tables, monkeypatch):
    path = paths.table_folder("scale-demo") / "runs.csv"
    path.parent.mkdir()
    path.write_text(f"run,point,seed,series\n{DEMO},base,1,demo\n")

    def groups(**config):
        return sorted({table.split("/")[2] for table in Plan(config).tables()})

    assert groups() == groups(runs="*") == ["rotation", "scale", "scale-demo"]
    assert groups(runs=DEMO) == groups(runs="*/demo") == groups(runs=[DEMO]) == ["scale-demo"]
    assert groups(studies="scale") == ["scale", "scale-demo"]
    assert groups(series="demo") == ["rotation", "scale", "scale-demo"], "old tables name none"
    for group in ("rotation", "scale"):
        rows = f"run,point,seed,series\n{OWN},base,1,own\n"
        (paths.table_folder(group) / "runs.csv").write_text(rows)
    assert groups(series="demo") == groups(series="demo", studies="scale") == ["scale-demo"]
    assert groups(series="own", studies="scale") == ["scale"]
    monkeypatch.setattr(index_file, "current", lambda *_, **__: made_up_index())
    plan = Plan({"runs": PUBLISHED})
    assert not plan.tables_are_sources, "it is in no table"
    assert plan.weights() == [pack(PUBLISHED, seeds) for seeds in ("1-25", "26-50")]


def test_what_is_in_no_copied_table_is_counted_in_a_sentence(copied_tables):
    for number in range(300):
        (paths.PARAM_FILES / "a" / "b").mkdir(parents=True, exist_ok=True)
        (paths.PARAM_FILES / "a" / "b" / f"{number:03}.yaml").touch()
    first = "a/b/000, a/b/001, a/b/002"
    assert Plan({}).notes()[1:] == [f"301 runs are in no table: {first} and 298 more"]
    assert Plan({"runs": f"{OWN},a/b/29*"}).notes()[1:] == [
        "10 runs are in no table: a/b/290, a/b/291, a/b/292 and 7 more"
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


@pytest.mark.parametrize("dry", [False, True])
def test_a_start_that_draws_from_copied_tables_has_no_param_file_checked(
    copied_tables, monkeypatch, dry
):
    monkeypatch.setattr(index_file, "current", lambda *_, **__: pytest.fail("all were checked"))
    asked = ask({}, head=True, dry=dry)
    assert asked.plan.tables_are_sources
    assert asked.plan.figures()
    assert asked.plan.code_notes() == []


def test_what_trains_nothing_costs_nothing_and_has_no_param_file_checked(
    copied_tables, monkeypatch
):
    monkeypatch.setattr(index_file, "current", lambda *_, **__: pytest.fail("all were checked"))
    monkeypatch.setattr(costs, "measured_rates", lambda: pytest.fail("all runs were read"))
    drawn = [("draw_figure", {"group": "scale", "figure": "accuracy"}), ("figures", {})]
    assert Plan({}).cost_of_planned(drawn) == []
    assert Plan({}).cost_of_planned([]) == []


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
