"""The rule that writes results for MLflow and TensorBoard: on demand, and after changes only."""

import json

from workflow_project import jobs

ONE, TWO = "tiny/stripes/one", "tiny/stripes/two"
FILE = f"param-files/{ONE}.yaml"


def listed(project, tracker):
    said = json.loads(project.path(f"out/tracking/{tracker}.json").read_text())["seeds"]
    return [(one["run"], one["seed"]) for one in said]


def log(project, tracker):
    return project.path(f"out/tracking/{tracker}.log").read_text().splitlines()


def test_results_go_into_mlflow_when_asked_for_and_again_when_they_change(project):
    assert "track" not in project.planned("all")
    project.make("all")

    assert jobs(project.make("tracking")) == {"track": 1, "tracking": 1}, "all figures are there"

    assert listed(project, "mlflow") == [(ONE, 1), (ONE, 2), (TWO, 1), (TWO, 2)]
    assert log(project, "mlflow")[0] == "seeds: 4 new"
    assert project.planned("tracking") == {}

    project.edit(FILE, "evaluations: [accuracy]", "evaluations: [accuracy, confidence]")
    made = jobs(project.make("tracking"))
    assert made.items() >= {"evaluate": 1, "track": 1, "tracking": 1}.items()
    drawn = {"draw_figure", "typeset_figure"}
    assert set(made) <= {"evaluate", "collect", *drawn, "track", "tracking"}
    assert log(project, "mlflow")[0] == "seeds: 2 brought up to date, 2 as before"


def test_event_files_are_of_the_runs_asked_for_and_follow_a_label(project):
    words = ("out/tracking/tensorboard.json", "--config", f"runs={ONE}")
    assert jobs(project.make(*words)) == {"track": 1}
    assert listed(project, "tensorboard") == [(ONE, 1), (ONE, 2)]
    assert not project.path(f"out/tracking/tensorboard/{TWO}").exists()

    assert project.planned(*words) == {}
    project.edit(FILE, "study: scale", "study: scale\nlabel: Another name")
    assert project.planned(*words) == {"track": 1}


def test_without_the_extra_the_job_fails_and_says_how_to_get_it(project):
    project.path("src/tensorboard.py").write_text("raise ImportError('not installed')\n")

    done = project.snakemake("out/tracking/tensorboard.json")

    assert done.returncode != 0
    assert "tensorboard cannot be imported (not installed); run `" in done.stdout
    assert not project.path("out/tracking/tensorboard.json").exists()
