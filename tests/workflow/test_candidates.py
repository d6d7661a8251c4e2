"""A sweep of which one point is chosen, in the real workflow."""

import json
import shutil

import pytest
from workflow_project import Project, fresh, jobs

RUN = "tiny/stripes/one"
FILE = f"param-files/{RUN}.yaml"
SWEEP = """\
sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-9]}
select: {statistic: median, seeds: 1-2, ties: last}

evaluations"""
GOOD, BAD = "learning_rate=0.01", "learning_rate=1e-09"
TABLES = [f"out/tables/scale/{table}.csv" for table in ("runs", "accuracy", "selection")]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run of three seeds whose second point cannot learn, with what snakemake said of it."""
    project = fresh(tmp_path_factory.mktemp("chosen"))
    project.add(RUN, evaluations=SWEEP)
    project.edit(FILE, "seeds: 1-2\n\ndataset", "seeds: 1-3\n\ndataset")
    project.edit(FILE, "seeds_per_job: 2", "seeds_per_job: 3")
    return project, project.make(*TABLES)


@pytest.fixture
def chosen(first, tmp_path):
    """A copy of it that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(first[0].folder, folder, symlinks=True)
    return Project(folder)


def choice(project):
    return json.loads(project.path(f"out/runs/{RUN}/choice.json").read_text())


def log(project, point):
    path = project.path(f"out/runs/{RUN}/{point}/seeds-1-3/train.log")
    return path.read_text().splitlines()[0]


def stored(project, point):
    found = project.path(f"out/runs/{RUN}/{point}/.seeds").glob("*/seed.json")
    return {path.parent.name.partition("-")[0]: path.stat().st_mtime_ns for path in found}


def rows(project, table):
    lines = project.path(f"out/tables/scale/{table}.csv").read_text().splitlines()
    return [line.split(",")[:3] for line in lines[1:]]


def test_candidates_train_the_seeds_of_the_choice_and_the_winner_all(first):
    chosen, output = first
    assert jobs(output) == {
        "build_dataset": 1,
        "train": 3,
        "choose": 1,
        "evaluate": 1,
        "collect": 3,
    }
    assert "2 to train, 0 are finished" in log(chosen, GOOD)
    assert "2 to train, 0 are finished" in log(chosen, BAD)
    assert "1 to train, 2 are finished" in log(chosen, "selected")
    assert set(stored(chosen, GOOD)) == {"1", "2", "3"}
    assert set(stored(chosen, BAD)) == {"1", "2"}
    made = choice(chosen)
    assert made["winner"] == GOOD
    assert [one["point"] for one in made["candidates"]] == [GOOD, BAD]


def test_tables_hold_the_chosen_point_under_its_own_name(first):
    chosen, _ = first
    expected = [[RUN, GOOD, seed] for seed in "123"]
    assert rows(chosen, "runs") == expected
    assert rows(chosen, "accuracy") == expected
    lines = chosen.path("out/tables/scale/selection.csv").read_text().splitlines()
    assert lines[0] == "run,point,statistic,value,n,chosen"
    assert [line.split(",")[1::4] for line in lines[1:]] == [[GOOD, "true"], [BAD, "false"]]


def test_status_and_the_commands_by_hand_know_the_chosen_point(chosen):
    shown = json.loads(chosen.run("isotrope", "status", "--json").stdout)
    assert [(row["point"], row["state"], row["finished"]) for row in shown] == [
        (GOOD, "done", 2),
        (BAD, "done", 2),
        ("selected", "done", 3),
    ]
    assert [row["chosen"] for row in shown] == [None, None, GOOD]
    by_hand = chosen.run("isotrope", "train", FILE, "--point", "selected", "--seeds", "3")
    assert "0 to train, 1 are finished" in by_hand.stdout


def test_nothing_is_done_twice_and_a_label_retrains_nothing(chosen):
    assert chosen.planned(*TABLES) == {}
    chosen.edit(FILE, "study: scale\n", "study: scale\nlabel: Another name\n")
    assert chosen.planned(*TABLES) == {"collect": 1}


def test_another_value_trains_itself_only_and_the_choice_is_made_again(chosen):
    before = stored(chosen, GOOD), stored(chosen, BAD)
    chosen.edit(FILE, "[1.0e-2, 1.0e-9]", "[1.0e-2, 1.0e-9, 1.0e-8]")

    output = chosen.make(*TABLES)

    assert jobs(output) == {"train": 2, "choose": 1, "evaluate": 1, "collect": 3}
    assert "2 to train" in log(chosen, "learning_rate=1e-08")
    assert "0 to train, 3 are finished" in log(chosen, "selected")
    assert (stored(chosen, GOOD), stored(chosen, BAD)) == before
    evaluated = chosen.path(f"out/runs/{RUN}/selected/seeds-1-3/evaluate.log").read_text()
    assert evaluated == ""  # nothing was computed again
    assert len(rows(chosen, "selection")) == 3


def test_another_winner_is_made_anew_with_its_finished_seeds_kept(chosen):
    before = stored(chosen, GOOD), stored(chosen, BAD)
    chosen.edit(FILE, "[1.0e-2, 1.0e-9]", "[1.0e-8, 1.0e-9]")

    chosen.make(*TABLES)

    made = choice(chosen)
    assert (made["winner"], made["tied"]) == (BAD, ["learning_rate=1e-08", BAD])
    assert "1 to train, 2 are finished" in log(chosen, "selected")
    assert rows(chosen, "runs") == rows(chosen, "accuracy") == [[RUN, BAD, n] for n in "123"]
    assert stored(chosen, GOOD) == before[0]
    assert stored(chosen, BAD).items() > before[1].items()
    chosen.edit(FILE, "[1.0e-8, 1.0e-9]", "[1.0e-2, 1.0e-9]")
    chosen.make("runs")
    assert "0 to train, 3 are finished" in log(chosen, "selected")
