"""Evaluations with jobs of their own, against another run's networks, and of whole runs."""

import csv
import json
import re
import shutil

import pytest
from workflow_project import Project, jobs

ONE, TWO = "tiny/stripes/one", "tiny/stripes/two"
FILE = f"param-files/{ONE}.yaml"
SAID = (  # of so many seeds
    r"long: code [0-9a-f]{{16}}: \d+ modules as they are now\n"
    r"long: {} seeds on 32 images of stripes, valid\n"
)
ENTRIES = f"""\
evaluations:
  - accuracy
  - {{name: confidence, as: long, split: valid, resources: {{runtime: 9m, memory: 500MB}}}}
  - {{name: agreement, against: {{run: {TWO}}}}}
  - {{name: spread}}
"""
HEAD = """\
from isotrope.settings import Settings

REVISION = 1
NEEDS = set()
SPLIT = "test"


class Params(Settings):
    pass


"""
AGREEMENT = (
    HEAD
    + """\
def evaluate(networks, data, params):
    ours, theirs = (one.logits(data.images).argmax(-1) for one in (networks, networks.against))
    return [
        {"seed": seed, "metric": "agreement", "value": float(value), "n": len(data)}
        for seed, value in zip(networks.seeds, (ours == theirs).double().mean(-1), strict=True)
    ]
"""
)
SPREAD = (
    HEAD.replace("SPLIT", 'SCOPE = "run"\nARRAYS = True\nSPLIT')
    + """\
def evaluate(networks, data, params):
    logits = networks.logits(data.images)
    rows = [{"metric": "spread", "value": float(logits.std(0).mean()), "n": len(data)}]
    return rows, {None: {"mean": logits.mean(0).numpy()}}
"""
)


@pytest.fixture(scope="module")
def first(finished_project, tmp_path_factory):
    """The finished project with evaluations of every kind, and what snakemake said of them."""
    folder = tmp_path_factory.mktemp("own_jobs") / "project"
    shutil.copytree(finished_project.folder, folder, symlinks=True)
    project = Project(folder)
    plugins = project.path("plugins/evaluation")
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "agreement.py").write_text(AGREEMENT)
    (plugins / "spread.py").write_text(SPREAD)
    project.edit(FILE, "evaluations: [accuracy]\n", ENTRIES)
    return project, project.make("tables")


@pytest.fixture
def project(first, tmp_path):
    """A copy of it that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(first[0].folder, folder, symlinks=True)
    return Project(folder)


def table(project, name):
    with project.path(f"out/tables/scale/{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_has_a_job_of_its_kind_and_a_file_of_its_own(first):
    project, output = first
    done = jobs(output)
    assert {rule: done[rule] for rule in done if rule.startswith("evaluate")} == {
        "evaluate": 1,
        "evaluate_alone": 1,
        "evaluate_run": 1,
    }
    assert "train" not in done
    pack = project.path(f"out/runs/{ONE}/base/seeds-1-2")
    assert "long" not in (pack / "results.csv").read_text()
    assert (pack / "results-long.csv").read_text().count("long") == 2
    assert "long: 1 seeds" not in (pack / "evaluate.log").read_text()
    assert re.fullmatch(SAID.format(2), (pack / "evaluate-long.log").read_text())


def test_tables_are_collected_from_all_files(first):
    project, _ = first
    assert [row["seed"] for row in table(project, "long")] == ["1", "2"]
    agreement = table(project, "agreement")
    assert [row["seed"] for row in agreement] == ["1", "2"]
    assert all(0 <= float(row["value"]) <= 1 for row in agreement)
    (spread,) = table(project, "spread")
    assert (spread["run"], spread["seed"], spread["metric"]) == (ONE, "", "spread")
    assert project.path("out/tables/scale/spread.npz").is_file()
    assert project.planned("tables") == {}
    shown = json.loads(project.run("isotrope", "status", "--json").stdout)
    assert {row["state"] for row in shown} == {"done"}


def test_another_training_of_the_other_run_is_measured_against_anew(project):
    project.edit(f"param-files/{TWO}.yaml", "epochs: 2", "epochs: 1")
    planned = project.planned("evaluations")
    assert planned == {"train": 1, "evaluate": 2, "evaluations": 1}


def test_another_seed_is_one_more_of_its_own_and_changes_what_is_of_the_run(project):
    project.edit(FILE, "seeds: 1-2", "seeds: 1-3")
    project.edit(FILE, "seeds_per_job: 2", "seeds_per_job: 3")
    project.edit(FILE, f"  - {{name: agreement, against: {{run: {TWO}}}}}\n", "")
    before = table(project, "spread")

    project.make("evaluations", "out/tables/scale/spread.csv")

    log = project.path(f"out/runs/{ONE}/base/seeds-1-3/evaluate-long.log").read_text()
    assert re.fullmatch(SAID.format(1), log)
    assert table(project, "spread") != before


def test_without_resources_it_moves_to_the_shared_job_and_computes_nothing(project):
    project.edit(FILE, ", resources: {runtime: 9m, memory: 500MB}", "")
    output = project.make("tables")
    assert "evaluate_alone" not in jobs(output)
    assert project.path(f"out/runs/{ONE}/base/seeds-1-2/evaluate.log").read_text() == ""
    assert len(table(project, "long")) == 2


def test_by_hand_all_are_made_and_one_can_be_asked_for(project):
    shutil.rmtree(project.path(f"out/runs/{ONE}/base/.evaluations"))
    done = project.run("isotrope", "evaluate", FILE, "--table", "long")
    assert re.fullmatch(SAID.format(2), done.stdout)
    done = project.run("isotrope", "evaluate", FILE)
    said = dict.fromkeys(line.split(":")[0] for line in done.stdout.splitlines())
    assert list(said) == ["accuracy", "agreement", "spread"]
    refused = project.run("isotrope", "evaluate", FILE, "--table", "lang")
    assert refused.returncode == 2
    assert "has no evaluation 'lang'; did you mean 'long'" in refused.stdout
