"""Which calls of MLflow's client a seed and figures take, without a store."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from isotrope.errors import UserError
from isotrope.tracking import mlflow_runs, mlflow_store
from isotrope.tracking.mlflow_runs import MlflowRuns
from isotrope.tracking.seeds import TrackedSeed, Value


class Client:
    """Keeps MLflow runs in memory, gives them in pages of two, and notes what changes them."""

    def __init__(self, experiments=()):
        self.experiments = dict(experiments)
        self.runs, self.calls = [], []

    def _note(self, name, *words):
        self.calls.append((name, *words))

    def _run(self, number):
        return next(run for run in self.runs if run.info.run_id == number)

    def get_experiment_by_name(self, name):
        return self.experiments.get(name)

    def create_experiment(self, name, artifact_location):
        self._note("create_experiment", name, artifact_location)
        self.experiments[name] = SimpleNamespace(experiment_id=name, lifecycle_stage="active")
        return name

    def search_experiments(self, view_type):
        return list(self.experiments.values())

    def search_runs(self, experiments, filter_string, view, most=1000, page_token=None):
        found = [run for run in self.runs if run.info.experiment_id in experiments]
        for condition in filter_string.split(" and "):
            key, value = condition.removeprefix("tags.").split(" = ")
            found = [run for run in found if run.data.tags.get(key) == value.strip("'")]
        first = int(page_token or 0)
        page = type("Page", (list,), {})(found[first : first + 2])
        page.token = str(first + 2) if first + 2 < len(found) else None
        return page

    def create_run(self, experiment, start_time=None, tags=None, run_name=None):
        number = f"run{len(self.runs)}"
        info = SimpleNamespace(
            run_id=number, experiment_id=experiment, lifecycle_stage="active", status="RUNNING"
        )
        run = SimpleNamespace(info=info, data=SimpleNamespace(tags=dict(tags), params={}))
        self.runs.append(run)
        self._note("create_run", experiment, start_time, run_name)
        return run

    def log_batch(self, number, metrics, parameters, tags):
        self._run(number).data.params.update({one.key: one.value for one in parameters})
        self._run(number).data.tags.update({one.key: one.value for one in tags})
        named = [(one.key, one.value, one.timestamp, one.step) for one in metrics]
        self._note(
            "log_batch", number, named, *({o.key: o.value for o in k} for k in (parameters, tags))
        )

    def log_artifacts(self, number, folder):
        files = {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}
        self._note("log_artifacts", number, files)

    def set_terminated(self, number, status="FINISHED", end_time=None):
        self._run(number).info.status = status
        self._note("set_terminated", number, status, end_time)

    def set_tag(self, number, key, value):
        self._run(number).data.tags[key] = value
        self._note("set_tag", number, key)

    def delete_tag(self, number, key):
        del self._run(number).data.tags[key]
        self._note("delete_tag", number, key)

    def delete_run(self, number):
        self._run(number).info.lifecycle_stage = "deleted"
        self._note("delete_run", number)

    def restore_run(self, number):
        self._run(number).info.lifecycle_stage = "active"
        self._note("restore_run", number)

    def get_run(self, number):
        return self._run(number)


SEED = TrackedSeed(
    run="cnn/digits/one",
    point="x=1",
    seed=2,
    digest="1234abcd",
    group="scale",
    status="done",
    started=10.0004,
    finished=20.0,
    parameters={"model.bias": True, "training.epochs": 2},
    facts={"study": "scale", "label": "Plain", "git_commit": "abc"},
    values={
        "by epoch": [Value("loss", 0.5, 1, 15.0), Value("loss", math.inf, 2, 20.0)],
        "accuracy": [Value("accuracy/accuracy", 0.25, 0, 20.0)],
    },
    documents={"history.csv": "a history\n"},
    weights=Path("weights.safetensors"),
)
TAGS = {
    "run": "cnn/digits/one",
    "point": "x=1",
    "seed": "2",
    "training_digest": "1234abcd",
    "study": "scale",
    "label": "Plain",
    "mlflow.source.name": "param-files/cnn/digits/one.yaml",
    "mlflow.source.type": "LOCAL",
    "mlflow.source.git.commit": "abc",
}


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Client()


def put(client, seed=SEED, weights=False):
    """The outcome, the MLflow run, and the calls that it took."""
    client.calls.clear()
    outcome, where = MlflowRuns(client, weights).put(seed)
    assert where["experiment"] == seed.group
    return outcome, where["mlflow_run"], list(client.calls)


def test_a_new_seed_is_created_written_ended_and_marked_in_this_order(client):
    outcome, number, calls = put(client)
    assert (outcome, number) == ("new", "run0")
    folder = mlflow_store.artifacts_of("scale").as_posix()
    curve, diverging, accuracy = calls[2][2]
    assert calls == [
        ("create_experiment", "scale", folder),
        ("create_run", "scale", 10000, "2: cnn/digits/one, x=1"),
        (
            *("log_batch", "run0", [curve, diverging, accuracy]),
            *({"model.bias": "true", "training.epochs": "2"}, {}),
        ),
        ("log_artifacts", "run0", {"history.csv": "a history\n"}),
        ("set_terminated", "run0", "FINISHED", 20000),
        ("set_tag", "run0", "written"),
    ]
    assert (curve, accuracy) == (("loss", 0.5, 15000, 1), ("accuracy/accuracy", 0.25, 20000, 0))
    assert math.isnan(diverging[1])
    tags = dict(client.runs[0].data.tags)
    written = json.loads(tags.pop("written"))
    assert tags == TAGS
    assert set(written) == {"by epoch", "accuracy", "documents"}
    assert not list(mlflow_store.ARTIFACTS.glob(".*")), "no parts are left"
    assert put(client) == ("as before", "run0", [])
    base = put(client, replace(SEED, point="base", facts={}))
    assert base[2][0] == ("create_run", "scale", 10000, "2: cnn/digits/one")
    assert "mlflow.source.git.commit" not in client.runs[1].data.tags


def test_what_comes_later_is_all_that_is_written(client):
    put(client)
    rotation = [Value("rotation/accuracy", 0.75, 90, 20.0)]
    more = replace(SEED, values={**SEED.values, "rotation": rotation})
    outcome, number, calls = put(client, more)
    assert (outcome, number) == ("brought up to date", "run0")
    assert calls == [
        ("log_batch", "run0", [("rotation/accuracy", 0.75, 20000, 90)], {}, {}),
        ("set_terminated", "run0", "FINISHED", 20000),
        ("set_tag", "run0", "written"),
    ]
    Path("weights.safetensors").write_text("weights")
    outcome, _, calls = put(client, more, weights=True)
    files = {"history.csv": "a history\n", "weights.safetensors": "weights"}
    assert (outcome, calls[1]) == ("brought up to date", ("log_artifacts", "run0", files))
    assert put(client, more, weights=True)[0] == put(client, more)[0] == "as before"
    outcome, _, calls = put(client, replace(more, facts={**SEED.facts, "label": "Other"}))
    assert (outcome, [call[0] for call in calls]) == (
        "brought up to date",
        ["log_batch", "set_terminated"],
    )
    assert calls[0][2:] == ([], {}, {"label": "Other"})
    outcome, _, calls = put(client, replace(more, documents={"history.csv": "longer"}))
    assert ("log_artifacts", "run0", {"history.csv": "longer"}) in calls
    Path("weights.safetensors").unlink()
    with pytest.raises(
        UserError, match=r"^weights\.safetensors is not there; run `snakemake runs`, o"
    ):
        put(client, replace(more, seed=3), weights=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "5678"},
        {"values": {**SEED.values, "accuracy": [Value("accuracy/accuracy", 0.5, 0, 20.0)]}},
        {"parameters": {**SEED.parameters, "training.epochs": 3}},
        {"group": "scale-demo"},
    ],
)
def test_another_training_or_result_hides_the_old_one_until_it_comes_back(client, changes):
    put(client)
    outcome, number, calls = put(client, replace(SEED, **changes))
    assert (outcome, number) == ("new", "run1")
    assert calls[-2:] == [("set_tag", "run0", "superseded_by"), ("delete_run", "run0")]
    assert client.runs[0].data.tags["superseded_by"] == "run1"
    outcome, number, calls = put(client)
    assert (outcome, number) == ("brought up to date", "run0")
    assert calls[:2] == [("restore_run", "run0"), ("delete_tag", "run0", "superseded_by")]
    assert calls[-1] == ("delete_run", "run1")


def test_a_diverged_seed_has_failed(client):
    calls = put(client, replace(SEED, status="diverged"))[2]
    assert calls[-2] == ("set_terminated", "run0", "FAILED", 20000)


def test_what_a_user_deleted_stays_deleted(client):
    put(client)
    client.runs[0].info.lifecycle_stage = "deleted"
    assert put(client) == ("left deleted", "run0", [])
    client.experiments["scale"].lifecycle_stage = "deleted"
    assert put(client, replace(SEED, seed=9)) == ("left deleted", None, [])


def test_the_seeds_of_a_point_are_looked_for_on_every_page_and_once(client, monkeypatch):
    for number in (1, 2, 3):
        put(client, replace(SEED, seed=number))
    writer, asked = MlflowRuns(client, False), []
    search = client.search_runs
    monkeypatch.setattr(
        client, "search_runs", lambda *a, **k: asked.append(k["page_token"]) or search(*a, **k)
    )
    for number in (1, 2, 3):
        assert writer.put(replace(SEED, seed=number))[0] == "as before"
    assert asked == [None, "2"]
    assert writer.put(replace(SEED, point="x=2"))[0] == "new"
    assert len(asked) > 2


def test_figures_are_written_when_they_are_new_or_have_changed(client):
    file = Path("accuracy.svg")
    file.write_text("one")

    def written(group="scale"):
        client.calls.clear()
        return MlflowRuns(client, False).put_figures(group, [file])

    assert written() == "new"
    marks = [("set_tag", "run0", "written"), ("set_terminated", "run0", "FINISHED", None)]
    assert client.calls[1:] == [
        ("create_run", "scale", None, "figures"),
        ("log_artifacts", "run0", {"accuracy.svg": "one"}),
        *marks,
    ]
    assert client.runs[0].data.tags["figures"] == "scale"
    assert (written(), client.calls) == ("as before", [])
    file.write_text("two")
    assert written() == "brought up to date"
    assert client.calls == [("log_artifacts", "run0", {"accuracy.svg": "two"}), *marks]
    client.delete_run("run0")
    assert written() == "left deleted"
    client.experiments["scale"].lifecycle_stage = "deleted"
    assert written() == "left deleted"


def test_names_that_stand_for_contents_have_eight_letters():
    assert mlflow_runs._digest({"a": 0.1}) != mlflow_runs._digest({"a": 0.1 + 1e-17 + 2e-17})
    assert len(mlflow_runs._digest("x")) == 8
