"""The MLflow store: made whole, mended after kills, moved with the project, and silent."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from toy_runs import start
from tracked_runs import history, mlflow_runs, tracked

from isotrope.errors import UserError
from isotrope.tracking import mlflow_store
from isotrope.tracking.mlflow_store import ARTIFACTS, DATABASE


def in_a_process_of_its_own(work, *args):
    """How it ended. MLflow remembers open stores, so what comes after is like another call."""
    process = start(work, *args)
    process.join(60)
    return process.exitcode


def track_and_die(call):
    """Track in this process, which is killed half-way through a call of MLflow's client."""
    name, count = call
    work = getattr(MlflowClient, name)
    calls = 0

    def dying(self, *args, **options):
        nonlocal calls
        calls += 1
        if calls == count:
            if name == "log_batch":  # half of the values arrive
                number, metrics, *_ = args
                work(self, number, metrics[: len(metrics) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return work(self, *args, **options)

    setattr(MlflowClient, name, dying)
    tracked()


def shown():
    """All that matters of the MLflow runs: whose, in which state, with which values."""
    return [
        {
            "tags": {k: v for k, v in run.data.tags.items() if k != "superseded_by"},
            "status": run.info.status,
            "params": run.data.params,
            "metrics": {name: history(run, name) for name in run.data.metrics},
            "artifacts": {p.name: p.read_bytes() for p in Path(run.info.artifact_uri).iterdir()},
        }
        for run in mlflow_runs(ViewType.ALL)
    ]


@pytest.mark.parametrize(
    "call",
    [
        *(("create_experiment", 1), ("create_run", 1), ("create_run", 2), ("log_batch", 2)),
        *(("log_artifacts", 1), ("set_terminated", 2), ("set_tag", 1)),
    ],
    ids=lambda call: f"{call[0]} {call[1]}",
)
def test_what_a_kill_left_is_mended_by_the_next_call(project, call, tmp_path, monkeypatch):
    whole = tmp_path.parent / f"{tmp_path.name}-whole"
    shutil.copytree(tmp_path, whole)
    assert in_a_process_of_its_own(track_and_die, call) == -signal.SIGKILL

    assert tracked() != "2 as before"
    mended = shown()
    assert tracked() == "2 as before"

    monkeypatch.chdir(whole)
    assert tracked() == "2 new"
    assert mended == shown()
    assert len(mended) == 2


def create_and_die():
    def dying(tracking_uri):
        Path(tracking_uri.removeprefix("sqlite:///")).write_bytes(b"half of a database")
        os.kill(os.getpid(), signal.SIGKILL)

    mlflow_store.MlflowClient = dying
    with mlflow_store.opened():
        pass


def test_a_store_is_there_whole_or_not_at_all(trained, empty_store):
    assert in_a_process_of_its_own(create_and_die) == -signal.SIGKILL
    assert not DATABASE.exists()
    assert len(list(DATABASE.parent.glob(".mlflow.db.*.part"))) == 1

    shutil.copy2(empty_store, DATABASE)
    tracked()
    assert sorted(path.name for path in DATABASE.parent.iterdir()) == [
        *(".lock", "artifacts", "mlflow.db", "mlflow.json"),
    ]


def test_a_copied_project_keeps_its_artifacts_to_itself(project, tmp_path, monkeypatch):
    assert in_a_process_of_its_own(tracked) == 0
    here, there = tmp_path, tmp_path.parent / f"{tmp_path.name} #2, 100%"
    shutil.copytree(here, there)
    monkeypatch.chdir(there)
    project.evaluate("scale_generalization")  # changes artifacts

    assert tracked() == "2 brought up to date"

    for run in mlflow_runs():
        folder = Path(run.info.artifact_uri)
        assert folder.is_relative_to(there)
        assert "scale_generalization" in (folder / "results.csv").read_text()
    for path in (here / ARTIFACTS).rglob("results.csv"):
        assert "scale_generalization" not in path.read_text()


def test_the_same_project_under_another_name_is_no_other(project, tmp_path, monkeypatch):
    tracked()
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    before = [run.info.artifact_uri for run in mlflow_runs()]
    monkeypatch.chdir(link)
    assert tracked() == "2 as before"
    assert [run.info.artifact_uri for run in mlflow_runs()] == before


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 99])
def test_a_damaged_database_is_named_with_the_way_out(project, content):
    DATABASE.write_bytes(content or DATABASE.read_bytes()[:-70000])
    with pytest.raises(UserError, match=r"out/tracking/mlflow\.db cannot be opened .* move it awa"):
        tracked()


def test_a_database_of_another_version_of_mlflow_is_not_touched(project):
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'of the future'")
    before = DATABASE.read_bytes()
    with pytest.raises(
        UserError, match=r"run `mlflow db upgrade sqlite:///out/tracking/mlflow\.db"
    ):
        tracked()
    assert DATABASE.read_bytes() == before


def test_a_database_that_cannot_be_written_is_named_in_one_sentence(project, capfd):
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute("ALTER TABLE metrics RENAME COLUMN step TO steps")
    with pytest.raises(
        UserError, match=r"mlflow\.db could not be written \(table metrics has no column named step"
    ):
        tracked()
    assert capfd.readouterr() == ("", "")


def test_a_bug_keeps_its_traceback(project, monkeypatch):
    monkeypatch.setattr(MlflowClient, "log_batch", Mock(side_effect=MlflowException("a bug")))
    with pytest.raises(MlflowException, match="a bug"):
        tracked()


def test_tracking_calls_nobody_and_says_what_it_did_alone(project, monkeypatch):
    """In a process of its own, for MLflow keeps quiet under tests and continuous integration."""
    program = (
        "import sys\n"
        "called = []\n"
        "watched = ('socket.connect', 'socket.getaddrinfo', 'socket.sendto')\n"
        "note = lambda event, args: called.append(args) if event in watched else None\n"
        "sys.addaudithook(note)\n"
        "from isotrope.tracking import mlflow_store\n"
        "with mlflow_store.opened() as client:\n"
        "    number = client.create_experiment('x')\n"
        "    client.create_run(number)\n"
        "import mlflow.telemetry.client\n"
        "assert mlflow.telemetry.client.get_telemetry_client() is None\n"
        "assert not called, called\n"
    )
    quiet = (
        "PYTEST_CURRENT_TEST",
        "CI",
        "GITHUB_ACTIONS",
        "DO_NOT_TRACK",
        "MLFLOW_DISABLE_TELEMETRY",
    )
    environment = {key: value for key, value in os.environ.items() if key not in quiet}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_store_elsewhere_that_the_environment_names_is_left_alone(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "other")
    assert tracked() == "2 new"
    assert len(mlflow_runs()) == 2
    said = json.loads(Path("out/tracking/mlflow.json").read_text())["seeds"]
    assert [one["mlflow_run"] for one in said] == [run.info.run_id for run in mlflow_runs()]
