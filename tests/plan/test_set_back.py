"""What was made for settings that were set back is removed, where what is asked for is kept."""

import errno
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_index import OWN, made_up_index, point, run
from test_code_state import MadeUpCode

from isotrope import paths
from isotrope.packs import code_records, lease_files
from isotrope.plan import index_file, set_back
from isotrope.plan.code_state import CodeStates
from isotrope.plan.index import Index, JobEntry
from isotrope.plan.reasons import Reasons
from isotrope.plan.targets import Plan
from isotrope.processes.process import Process

ASKED, BETWEEN = "a" * 16, "9" * 16
OF_ROWS, ROWS_BETWEEN = "b" * 16, "8" * 16
FOLDER = paths.pack_folder(OWN, "base", "1-2")
OF_RUN = {"job": JobEntry(0, 1, 5, 1000), "of_run": True}


class Project:
    """One pack of two seeds, trained and evaluated as is asked for."""

    def __init__(self, **changes):
        base = point(plugins=["models/mine"])
        own = {"plugins": ["evaluation/accuracy"], **changes}
        accuracy = replace(base.evaluations["accuracy"], **own)
        base = replace(base, evaluations={"accuracy": accuracy})
        self.run = run(OWN, seeds=(1, 2), seeds_per_job=2, base=base)
        manifest = paths.manifest("stir", "emoji")
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps({"files": []}))
        table = "accuracy" if accuracy.job else None
        self.results = paths.results(OWN, "base", "1-2", table)
        if accuracy.of_run:
            self.results = paths.results_of_run(OWN, "base", "accuracy")
        self.of_run = accuracy.of_run
        self.train(ASKED)
        self.evaluate(OF_ROWS)

    def train(self, digest):
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "run.json").write_text(json.dumps({"training_digest": digest}))
        for seed in (1, 2):
            paths.finished_seed(OWN, "base", seed, digest).mkdir(parents=True, exist_ok=True)

    def evaluate(self, digest):
        seeds = [None] if self.of_run else [1, 2]
        for seed in seeds:
            rows = paths.finished_evaluation(OWN, "base", "accuracy", digest, seed)
            rows.parent.mkdir(parents=True, exist_ok=True)
            rows.touch()
        self.results.touch()
        codes = {"accuracy": (digest, dict.fromkeys(seeds, "e"))}
        code_records.write_codes_of_results(self.results, codes)

    def states(self):
        return CodeStates(Index({OWN: self.run}, made_up_index().datasets), MadeUpCode())

    def removed(self):
        said = set_back.remove_set_back(set_back.all_set_back([OWN], self.states()))
        assert all("it is put together anew from what is kept" in one for one in said)
        return [one.split(" was of ")[0] for one in said]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project()


def test_what_is_as_it_is_asked_for_stays(project):
    assert project.removed() == []
    assert project.results.is_file()


@pytest.mark.parametrize(
    "changes",
    [{}, {"job": JobEntry(0, 1, 5, 1000)}, OF_RUN],
    ids=["shared", "own job", "of the run"],
)
def test_rows_of_settings_between_are_removed(project, changes):
    project = Project(**changes)
    project.evaluate(ROWS_BETWEEN)
    assert project.removed() == [project.results.as_posix()]
    assert not project.results.exists()
    assert project.removed() == [], "once"


def test_each_evaluation_and_each_point_is_looked_at_also_behind_one_without_results(project):
    base = project.run.points["base"]
    accuracy = base.evaluations["accuracy"]
    base = replace(base, evaluations={"never": replace(accuracy, name="never"), **base.evaluations})
    project.run = replace(project.run, points={"untrained": base, "base": base})
    project.evaluate(ROWS_BETWEEN)
    assert project.removed() == [project.results.as_posix()]

    project.train(BETWEEN)
    assert project.removed() == [(FOLDER / "run.json").as_posix()]


def test_rows_stay_where_those_asked_for_are_to_be_computed(project):
    project.evaluate(ROWS_BETWEEN)
    paths.finished_evaluation(OWN, "base", "accuracy", OF_ROWS, 2).unlink()
    assert project.removed() == []
    assert project.results.is_file()


def test_a_training_of_settings_between_is_removed(project):
    project.train(BETWEEN)
    assert project.removed() == [(FOLDER / "run.json").as_posix()]
    assert project.results.is_file(), "Snakemake makes it anew from the new weights"


def test_a_training_stays_where_a_seed_asked_for_is_to_be_trained(project):
    project.train(BETWEEN)
    paths.finished_seed(OWN, "base", 2, ASKED).rmdir()
    assert project.removed() == []


def test_nothing_is_removed_under_a_job_or_another_snakemake(project):
    project.evaluate(ROWS_BETWEEN)
    here = Process.this()
    lease = lease_files.write(paths.leases(OWN), "evaluates", [], time.ctime(), here)
    assert project.removed() == []
    lease_files.remove(lease)

    set_back._LOCKS.mkdir(parents=True)
    (set_back._LOCKS / "0.input.lock").touch()
    assert project.removed() == []
    (set_back._LOCKS / "0.input.lock").unlink()
    assert project.removed() == [project.results.as_posix()]


def test_what_cannot_be_removed_is_said_and_stops_nothing(project, monkeypatch):
    project.evaluate(ROWS_BETWEEN)
    found = set_back.all_set_back([OWN], project.states())

    def unlink(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", unlink)
    (said,) = set_back.remove_set_back(found)
    assert said.startswith(f"{project.results} was {set_back.SET_BACK}; it could not be removed: ")
    assert said.endswith("read-only file system")


@pytest.mark.parametrize("changes", [{}, {"job": JobEntry(0, 1, 5, 1000)}, OF_RUN])
def test_a_dry_run_removes_nothing_and_plans_the_job_all_the_same(project, monkeypatch, changes):
    project = Project(**changes)
    index = project.states().index
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)
    monkeypatch.setattr("isotrope.plan.targets.ResultCode", lambda sources: MadeUpCode())
    at = {"run": OWN, "point": "base", "pack": "1-2"}
    table = "accuracy" if changes else None

    def plan(dry=True):
        planned = Plan({"runs": OWN})
        said = planned.mend_set_back(dry)
        if project.of_run:
            wanted = planned.evaluation_of_run(OWN, "base", "accuracy")
        else:
            wanted = planned.evaluations(**at, table=table)
        rule = "evaluate_run" if project.of_run else "evaluate_alone" if table else "evaluate"
        why = Reasons(planned, planned.set_back).why(
            rule, {**at, **({"table": table} if table else {})}
        )
        return said, planned.training(**at), wanted, why

    said, training, rows, _ = plan()
    assert said == []
    project.evaluate(ROWS_BETWEEN)
    said, its_training, others, why = plan()
    assert said == [f"{project.results} is {set_back.SET_BACK}; `snakemake` puts it together anew"]
    assert (its_training, others != rows) == (training, True)
    assert why == f"its rows are {set_back.SET_BACK}"
    project.train(BETWEEN)
    said, its_training, _, _ = plan()
    assert its_training != training
    assert project.results.is_file()
    assert (FOLDER / "run.json").is_file()
    plan(dry=False)
    assert not (FOLDER / "run.json").exists()
