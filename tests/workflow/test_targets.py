"""What a user types, what is planned for it, and what is said when it cannot be done."""

import json
import os
import shutil
import time

import pytest
from workflow_project import jobs

ONE, TWO = "tiny/stripes/one", "tiny/stripes/two"


def test_copied_tables_redraw_their_figures_without_torch_data_or_training(
    finished_project, empty_project
):
    shutil.copytree(finished_project.path("out/tables"), empty_project.path("out/tables"))
    empty_project.add(ONE)
    empty_project.add("tiny/stripes/untrained")
    torch = empty_project.path("src/torch.py")
    torch.write_text("raise RuntimeError('torch was imported')\n")

    output = empty_project.make("figures")

    assert jobs(output) == {"draw_figure": 5, "typeset_figure": 2, "figures": 1}
    for figure in ("accuracy.svg", "accuracy_summary.svg", "training_time.tex"):
        assert empty_project.path(f"out/figures/scale/{figure}").stat().st_size > 0
    assert "out/figures/scale/scale_generalization is left out: no table" in output
    assert "1 run is in no table: tiny/stripes/untrained\n" in output
    assert not empty_project.path("out/runs").exists()


def test_what_was_asked_for_is_noted_for_status_where_work_was_started(finished_project):
    noted = json.loads(finished_project.path("out/asked.json").read_text())
    assert noted == [ONE, TWO]


def test_rows_of_copied_tables_are_not_lost_to_a_first_run_here(finished_project, empty_project):
    shutil.copytree(finished_project.path("out/tables"), empty_project.path("out/tables"))
    empty_project.add(ONE)
    empty_project.add("tiny/stripes/new")
    before = empty_project.path("out/tables/scale/runs.csv").read_text()
    chosen = ("--config", "runs=tiny/stripes/new")
    empty_project.make("runs", *chosen)

    refused = empty_project.snakemake("tables", *chosen)

    assert refused.returncode == 2
    assert f"runs.csv holds results of {ONE} that are not in out/runs" in refused.stdout
    assert empty_project.path("out/tables/scale/runs.csv").read_text() == before


def test_runs_without_their_data_are_named_left_out_and_wait(project, tmp_path):
    project.add("standard/stir/photos")
    project.edit(
        "param-files/standard/stir/photos.yaml",
        "{name: stripes, size: 12}",
        "{name: stir, task: aerial, source: local, scenario: all2all}",
    )
    project.edit(
        "param-files/standard/stir/photos.yaml", "{name: tiny, channels: 4}", "{name: standard}"
    )

    output = project.make("-n", "tables")

    assert "1 run waits for data: stir/aerial.npz under $ISOTROPE_DATA, which is not set" in output
    assert jobs(output) == {}
    for words in (("--config", "runs=standard/stir/photos"), ("out/data/stir/aerial-local.png",)):
        done = project.snakemake("-n", "runs", *words, ISOTROPE_DATA=str(tmp_path))
        assert "stir/aerial.npz" in done.stdout
    assert done.returncode == 0
    named = project.snakemake("-n", "--config", "runs=standard/stir/photos")
    assert named.returncode == 2
    assert "Traceback" not in named.stdout


def test_a_mistake_in_any_param_file_stops_before_any_job(project):
    project.edit(f"param-files/{ONE}.yaml", "channels: 4", "chanels: 4")
    project.edit(f"param-files/{TWO}.yaml", "seeds: 1-2", "seeds: two")

    done = project.snakemake("tables")

    assert done.returncode == 2
    assert f"{ONE}.yaml:5:21: model.chanels: unknown key; did you mean 'channels'?" in done.stdout
    assert f"{TWO}.yaml:2:1: seeds: write seeds as 1-5" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_selection_is_refused_with_the_nearest_name(project):
    for words, said in (
        (f"runs={ONE}s", f"did you mean '{ONE}'"),
        ("studies=scal", "did you mean 'scale'?"),
        ("series=owm", "did you mean 'own'?"),
        ("serie=own", "did you mean 'series'?"),
    ):
        done = project.snakemake("-n", "--config", words)
        assert done.returncode == 2, words
        assert said in done.stdout


def test_a_figure_whose_table_was_lost_is_refused_by_hand_and_remade_by_snakemake(project):
    project.path("out/tables/scale/accuracy.csv").unlink()

    by_hand = project.run("isotrope", "draw", "accuracy", "--group", "scale")
    assert by_hand.returncode == 2
    assert "out/tables/scale/accuracy.csv" in by_hand.stdout
    assert "snakemake tables" in by_hand.stdout

    figure = "out/figures/scale/accuracy.svg"
    assert jobs(project.make("-f", figure)) == {"collect": 1, "draw_figure": 1}


def test_truncated_weights_are_named_and_mended_from_the_finished_seeds(project):
    weights = project.path(f"out/runs/{ONE}/base/seeds-1-2/weights.safetensors")
    os.truncate(weights, weights.stat().st_size - 1)
    shutil.rmtree(project.path(f"out/runs/{ONE}/base/.evaluations"))

    done = project.run("isotrope", "evaluate", f"param-files/{ONE}.yaml")

    assert done.returncode == 2
    assert "weights.safetensors is truncated or altered" in done.stdout
    again = project.run("isotrope", "train", f"param-files/{ONE}.yaml")
    assert "0 to train" in again.stdout
    assert project.run("isotrope", "evaluate", f"param-files/{ONE}.yaml").returncode == 0


def test_data_that_were_altered_are_named_before_training(project):
    (archive,) = project.path("out/data/stripes").glob("*.npz")
    archive.write_bytes(archive.read_bytes()[:-9])
    project.add("tiny/stripes/three", channels=5)

    done = project.snakemake("runs")

    assert done.returncode != 0
    log = project.path("out/runs/tiny/stripes/three/base/seeds-1-2/train.log").read_text()
    assert archive.name in log
    assert "Traceback" not in log


def test_the_report_holds_figures_tables_settings_and_opens_offline(project):
    project.make("report")

    page = project.path("out/report.html").read_text(encoding="utf-8")
    assert "accuracy" in page
    assert "Settings of each run and point" in page
    assert 'src="http' not in page


@pytest.mark.serial
def test_a_study_of_thousands_of_seeds_is_planned_in_seconds(empty_project):
    sweep = "sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}\nevaluations"
    for i in range(176):
        empty_project.add(
            f"tiny/stripes/run{i:03}",
            channels=1 + i % 90,
            **{"seeds: 1-2": "seeds: 1-50", "seeds_per_job: 2": "seeds_per_job: 25"},
            evaluations=sweep,
        )
    assert empty_project.run("isotrope", "check", "--write-index").returncode == 0

    begin = os.times()
    started = time.monotonic()
    output = empty_project.make("runs", "-n", "--quiet", "rules")
    wall, end = time.monotonic() - started, os.times()

    assert jobs(output)["train"] == 704
    seconds = end.children_user + end.children_system - begin.children_user - begin.children_system
    assert min(wall, seconds) < 15
