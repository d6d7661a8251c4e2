"""Seeds in MLflow: what is written of each, and that it stands there once."""

import csv
import json
import math
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from mlflow.entities import ViewType
from tracked_runs import (
    DIVERGING,
    FIRST,
    NAME,
    SCALES,
    SECOND,
    client,
    history,
    mlflow_runs,
    tracked,
)

from isotrope import paths
from isotrope.errors import UserError
from isotrope.packs import rows as kept_rows
from isotrope.tracking.mlflow_store import ARTIFACTS


def rows(project, file, seed):
    with (project.pack / file).open(newline="") as opened:
        return [row for row in csv.DictReader(opened) if row["seed"] == str(seed)]


def artifacts(run):
    return {path.name: path for path in Path(run.info.artifact_uri).iterdir()}


def hidden():
    return mlflow_runs(ViewType.DELETED_ONLY)


def test_a_seed_is_an_mlflow_run_with_its_settings_and_times(project):
    assert tracked() == "2 new"

    first, second = mlflow_runs()
    said = json.loads((project.pack / "run.json").read_text())["seeds"][1]
    assert (first.info.run_name, second.info.run_name) == (f"1: {NAME}", f"2: {NAME}")
    assert client().get_experiment(second.info.experiment_id).name == "scale"
    settings = {"model": "toy", "dataset": "toy", "dataset.source": "embedded", "seed": "2"}
    settings |= {"training.epochs": "4", "model.bias": "true"}
    assert second.data.params == settings
    expected = {"run": NAME, "point": "base", "seed": "2", "training_digest": FIRST}
    expected |= {"study": "scale", "series": "own", "label": "Plain", "status": said["status"]}
    expected |= {"device": said["device"], "version.torch": said["versions"]["torch"]}
    expected |= {"mlflow.source.name": f"param-files/{NAME}.yaml"}
    assert expected.items() <= second.data.tags.items()
    begin, end = (datetime.fromisoformat(said[key]) for key in ("started", "finished"))
    assert second.info.start_time == 1000 * begin.timestamp()
    assert second.info.end_time == 1000 * end.timestamp()
    assert second.info.status == "FINISHED"


def test_epochs_and_results_are_curves_and_numbers(project):
    project.evaluate("scale_generalization")
    tracked()

    _, second = mlflow_runs()
    epochs, results = rows(project, "history.csv", 2), rows(project, "results.csv", 2)
    for column in ("train_loss", "validation_accuracy", "train_seconds"):
        expected = {int(row["epoch"]): float(row[column]) for row in epochs}
        assert history(second, column) == expected
    assert len(epochs) == 2
    assert second.data.metrics["accuracy/accuracy"] == float(results[0]["value"])
    by_scale = history(second, "scale_generalization/accuracy by scale")
    assert by_scale == {int(row["scale"]): float(row["value"]) for row in results[1:]}
    assert tuple(by_scale) == SCALES
    said = json.loads((project.pack / "run.json").read_text())["seeds"][1]
    assert second.data.metrics["best_validation_accuracy"] == said["best_validation_accuracy"]


def test_the_artifacts_are_the_files_of_the_one_seed(project):
    tracked()
    _, second = mlflow_runs()

    found = artifacts(second)
    assert sorted(found) == ["history.csv", "results.csv", "run.json", "settings.yaml"]
    with found["history.csv"].open(newline="") as file:
        assert list(csv.DictReader(file)) == rows(project, "history.csv", 2)
    said = json.loads(found["run.json"].read_text())
    assert [one["seed"] for one in said["seeds"]] == [2]
    assert yaml.safe_load(found["settings.yaml"].read_text()) == project.task.settings


def test_weights_are_kept_when_asked_for(project):
    tracked()
    assert tracked(weights=True) == "2 brought up to date"
    assert tracked(weights=True) == tracked() == "2 as before"

    first, _ = mlflow_runs()
    stored = paths.finished_seed(NAME, "base", 1, FIRST) / "weights.safetensors"
    assert artifacts(first)["weights.safetensors"].read_bytes() == stored.read_bytes()
    project.train(SECOND)
    (paths.finished_seed(NAME, "base", 1, SECOND) / "weights.safetensors").unlink()
    with pytest.raises(UserError, match=r"1-1{16}/weights\.safetensors is not there; run"):
        tracked(weights=True)


def test_the_same_seed_again_is_the_same_mlflow_run(project):
    tracked()
    before = [run.to_dictionary() for run in mlflow_runs()]
    assert tracked() == "2 as before"
    assert [run.to_dictionary() for run in mlflow_runs(ViewType.ALL)] == before


def test_an_evaluation_that_comes_later_joins_its_mlflow_run(project):
    tracked()
    before = [run.info.run_id for run in mlflow_runs()]
    project.evaluate("scale_generalization")

    assert tracked() == "2 brought up to date"

    assert [run.info.run_id for run in mlflow_runs(ViewType.ALL)] == before
    first, _ = mlflow_runs()
    assert len(history(first, "scale_generalization/accuracy by scale")) == len(SCALES)
    assert len(history(first, "train_loss")) == 2
    with artifacts(first)["results.csv"].open(newline="") as file:
        assert {row["evaluation"] for row in csv.DictReader(file)} == set(project.evaluations)


def test_a_label_is_changed_in_place(project):
    tracked()
    project.change(label="Another")
    assert tracked() == "2 brought up to date"
    assert [run.data.tags["label"] for run in mlflow_runs(ViewType.ALL)] == ["Another"] * 2


def test_a_retrained_seed_hides_the_old_one_which_comes_back_with_its_settings(project):
    tracked()
    old = [run.info.run_id for run in mlflow_runs()]
    project.train(SECOND)
    project.evaluate("accuracy")

    assert tracked() == "2 new"

    new = mlflow_runs()
    assert [run.data.tags["training_digest"] for run in new] == [SECOND] * 2
    assert [run.info.run_id for run in hidden()] == old
    marks = [run.data.tags["superseded_by"] for run in hidden()]
    assert marks == [run.info.run_id for run in new]

    project.train(FIRST)
    project.evaluate("accuracy")
    assert tracked() == "2 brought up to date"
    assert [run.info.run_id for run in mlflow_runs()] == old
    assert all("superseded_by" not in run.data.tags for run in mlflow_runs())
    assert len(hidden()) == 2


def test_a_seed_evaluated_anew_shows_its_new_numbers_alone(project):
    project.evaluate("scale_generalization")
    tracked()
    project.evaluate("scale_generalization", digest="e" * 16)
    kept = project.pack / "results.csv"
    kept.write_text(kept.read_text().replace(",3,accuracy,", ",9,accuracy,"))  # another scale
    for path in project.pack.parent.glob(f".evaluations/scale_generalization-{'e' * 16}/*.csv"):
        computed = kept_rows.checked(path, "")
        kept_rows.write(
            path, [{**row, "scale": row["scale"].replace("3", "9")} for row in computed], None
        )

    assert tracked() == "2 new"

    first, _ = mlflow_runs()
    assert sorted(history(first, "scale_generalization/accuracy by scale")) == [4, 5, 6, 9]
    assert len(hidden()) == 2


def test_what_was_deleted_in_mlflow_stays_deleted_and_is_said(project):
    tracked()
    first, second = mlflow_runs()
    client().delete_run(first.info.run_id)

    assert tracked() == "1 as before, 1 left deleted"
    assert [run.info.run_id for run in mlflow_runs()] == [second.info.run_id]
    client().restore_run(first.info.run_id)
    assert tracked() == "2 as before"

    client().delete_experiment(first.info.experiment_id)
    assert tracked() == "2 left deleted"
    assert mlflow_runs() == []
    client().restore_experiment(first.info.experiment_id)
    assert tracked() == "2 as before"


def test_a_run_that_moves_to_another_study_moves_in_mlflow(project):
    tracked()
    project.change(series="demo")
    assert tracked() == "2 new"
    experiments = {client().get_experiment(run.info.experiment_id).name for run in mlflow_runs()}
    assert experiments == {"scale-demo"}
    assert len(hidden()) == 2


def test_a_diverged_seed_has_failed_and_shows_its_losses_as_not_numbers(project):
    project.train(SECOND, model_params=DIVERGING)
    project.evaluate("accuracy")
    tracked()

    first, second = mlflow_runs()
    assert (first.info.status, second.info.status) == ("FINISHED", "FAILED")
    assert second.data.tags["status"] == "diverged"
    assert math.isnan(second.data.metrics["train_loss"])
    assert math.isnan(second.data.metrics["validation_loss"])
    assert "accuracy/accuracy" not in second.data.metrics
    assert tracked() == "2 as before"


def test_an_experiment_keeps_its_artifacts_under_its_name(project):
    tracked()
    (folder,) = ARTIFACTS.iterdir()
    assert folder.name == "scale"
    assert {path.name for path in folder.iterdir()} == {run.info.run_id for run in mlflow_runs()}
