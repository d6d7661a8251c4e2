"""What runs again after which change, and what does not."""

import json
import shutil

from workflow_project import jobs

ONE, TWO = "tiny/stripes/one", "tiny/stripes/two"
FILE = f"param-files/{ONE}.yaml"


def results(project, run=ONE, pack="1-2"):
    return project.path(f"out/runs/{run}/base/seeds-{pack}/results.csv").read_text()


def seed_times(project, run=ONE):
    stored = sorted(project.path(f"out/runs/{run}/base/.seeds").glob("*/seed.json"))
    return {path.parent.name: path.stat().st_mtime_ns for path in stored}


def test_nothing_is_done_twice(project):
    assert project.planned("tables") == {}


def test_a_comment_and_other_spelling_rerun_nothing(project):
    project.edit(FILE, "study: scale\n", "# a comment\nstudy: scale\n")
    project.edit(FILE, "learning_rate: 1.0e-2", "learning_rate: 0.01")
    project.edit(FILE, "seeds: 1-2", "seeds: [2, 1]")

    assert project.planned("tables") == {}


def test_a_changed_value_retrains_its_run_only_and_the_reason_is_said(project):
    before = seed_times(project)
    project.edit(FILE, "epochs: 2", "epochs: 1")

    output = project.make("runs")

    assert jobs(output) == {"train": 1, "runs": 1}
    assert "\n    trained with training.epochs 2, now 1\n" in output
    assert "2 to train" in project.trained(ONE)
    assert before.items() <= seed_times(project).items()  # the old ones are kept
    project.edit(FILE, "epochs: 1", "epochs: 2")
    project.make("runs")
    assert "0 to train, 2 are finished" in project.trained(ONE)


def test_what_was_deleted_is_missed_and_nothing_is_trained_for_it(project):
    pack = f"out/runs/{ONE}/base/seeds-1-2"
    project.path(f"{pack}/weights.safetensors").unlink()
    project.path("out/figures/scale/accuracy.pdf").unlink()
    assert project.planned("evaluations") == {"train": 1, "evaluate": 1, "evaluations": 1}
    named = (f"{pack}/weights.safetensors", "out/figures/scale/accuracy.svg")

    project.make("evaluations", "out/figures/scale/accuracy.pdf")

    assert "0 to train, 2 are finished" in project.trained(ONE)
    assert all(project.path(name).is_file() for name in named)
    assert project.planned("evaluations", "out/figures/scale/accuracy.pdf") == {}


def test_a_new_seed_trains_and_evaluates_that_seed_only(project):
    before, rows = seed_times(project), results(project)
    project.edit(FILE, "seeds: 1-2", "seeds: 1-3")
    project.edit(FILE, "seeds_per_job: 2", "seeds_per_job: 3")

    project.make("evaluations")

    assert "1 to train, 2 are finished" in project.trained(ONE, "1-3")
    assert before.items() < seed_times(project).items()
    assert results(project, pack="1-3").startswith(rows)
    log = project.path(f"out/runs/{ONE}/base/seeds-1-3/evaluate.log").read_text()
    assert "accuracy: 1 seeds" in log


def test_large_seeds_are_one_pack_and_another_one_is_trained_alone(project):
    project.edit(FILE, "seeds: 1-2", "seeds: [4294967295, 207715039]")
    project.edit(FILE, "seeds_per_job: 2", "seeds_per_job: 3")
    made = project.make("evaluations", "--config", f"runs={ONE}")
    assert "seeds 4294967295,207715039" in made, "messages say the seeds"
    assert "2 to train" in project.trained(ONE, "list-1")
    project.edit(FILE, "207715039]", "207715039, 491659600, 1]")

    project.make("tables", "--config", f"runs={ONE}")

    assert "1 to train, 2 are finished" in project.trained(ONE, "list-1")
    assert "0 to train, 1 are finished" in project.trained(ONE, "1-3")
    table = project.path("out/tables/scale/runs.csv").read_text()
    for seed in (4294967295, 207715039, 491659600, 1):
        assert f",{seed}," in table
    said = project.run("isotrope", "status", "--packs", "--runs", ONE, COLUMNS="200").stdout
    assert "done" in said
    assert "3/3  tiny/stripes/one base seeds 207715039,491659600,4294967295" in said
    by_hand = project.run("isotrope", "train", FILE, "--pack", "list-1", "--seeds", "491659600")
    assert by_hand.returncode == 0, by_hand.stdout
    assert "0 to train, 1 are finished" in by_hand.stdout


def test_another_number_of_seeds_per_job_trains_nothing(project):
    before = seed_times(project)
    project.edit(FILE, "seeds_per_job: 2", "seeds_per_job: 1")

    project.make("runs")

    assert "0 to train, 1 are finished" in project.trained(ONE, "1-1")
    assert "0 to train, 1 are finished" in project.trained(ONE, "2-2")
    assert seed_times(project) == before


def test_a_new_evaluation_trains_nothing_and_computes_only_itself(project):
    known = list(project.path(f"out/runs/{ONE}/base/.evaluations").glob("accuracy-*/*.csv"))
    times = {path: path.stat().st_mtime_ns for path in known}
    project.edit(FILE, "evaluations: [accuracy]", "evaluations: [accuracy, confidence]")

    output = project.make("tables")

    assert jobs(output) == {"evaluate": 1, "collect": 3, "tables": 1}
    log = project.path(f"out/runs/{ONE}/base/seeds-1-2/evaluate.log").read_text()
    assert "confidence: 2 seeds" in log
    assert "accuracy" not in log
    assert len(known) == 2
    assert {path: path.stat().st_mtime_ns for path in known} == times
    assert "confidence" in results(project)
    assert project.path("out/tables/scale/confidence.csv").is_file()


def test_label_and_resources_train_and_evaluate_nothing(project):
    project.edit(FILE, "study: scale", "study: scale\nlabel: Another name")
    project.edit(FILE, "runtime: 5m", "runtime: 6m")

    assert project.planned("evaluations") == {}
    output = project.make("out/tables/scale/runs.csv")
    assert jobs(output) == {"collect": 1}
    assert "Another name" in project.path("out/tables/scale/runs.csv").read_text()


def test_a_raised_revision_reruns_what_depends_on_it(project):
    project.edit("src/isotrope/evaluation/accuracy.py", "REVISION = 1", "REVISION = 2")
    assert project.planned("evaluations") == {"evaluate": 2, "evaluations": 1}

    project.edit("plugins/models/tiny.py", "REVISION = 1", "REVISION = 2")
    assert project.planned("evaluations") == {"train": 2, "evaluate": 2, "evaluations": 1}

    project.edit("plugins/data/stripes.py", "REVISION = 1", "REVISION = 2")
    assert project.planned("evaluations")["build_dataset"] == 1
    project.make("runs", "--config", f"runs={ONE}")
    assert "2 to train" in project.trained(ONE)


def test_what_was_evaluated_by_hand_for_a_revision_that_is_set_back_reaches_no_table(project):
    evaluation = "src/isotrope/evaluation/accuracy.py"
    text, rows = project.path(evaluation).read_text(), results(project)
    table = project.path("out/tables/scale/accuracy.csv").read_text()
    project.edit(evaluation, "REVISION = 1", "REVISION = 2")
    project.edit(evaluation, '"value": right / count', '"value": 0.125')
    for words in (("evaluate", FILE), ("collect", "scale")):
        assert project.run("isotrope", *words).returncode == 0
    assert ",0.125," in results(project)
    assert ",0.125," in project.path("out/tables/scale/accuracy.csv").read_text()

    project.path(evaluation).write_text(text)
    of = f"{ONE}/base/seeds-1-2/results.csv {{}} of settings or a REVISION that were set back"
    planned = project.make("-n", "tables")
    assert jobs(planned) == {"evaluate": 1, "collect": 2, "tables": 1}
    assert of.format("is") in planned
    assert ",0.125," in results(project), "a dry run removes nothing"

    output = project.make("tables")

    assert jobs(output) == {"evaluate": 1, "collect": 2, "tables": 1}
    assert of.format("was") in output
    assert results(project) == rows
    assert project.path("out/tables/scale/accuracy.csv").read_text() == table


def test_a_new_param_file_trains_itself_only_and_joins_the_tables(project):
    project.add("tiny/stripes/three", channels=5)

    output = project.make("out/tables/scale/runs.csv")

    assert jobs(output) == {"train": 1, "evaluate": 1, "collect": 1}
    assert "tiny/stripes/three" in project.path("out/tables/scale/runs.csv").read_text()


def test_one_run_asked_for_by_name_keeps_the_others_in_the_tables(project):
    project.edit(FILE, "epochs: 2", "epochs: 1")
    project.add("tiny/stripes/three", channels=5)

    output = project.make("out/tables/scale/runs.csv", "--config", f"runs={ONE}")

    assert jobs(output) == {"train": 1, "evaluate": 1, "collect": 1}
    table = project.path("out/tables/scale/runs.csv").read_text()
    assert f"{ONE},base,1" in table
    assert f"{TWO},base,1" in table
    assert "three" not in table


def test_a_lost_pack_is_put_together_from_its_finished_seeds(project):
    pack = project.path(f"out/runs/{ONE}/base/seeds-1-2")
    before = json.loads((pack / "run.json").read_text())
    shutil.rmtree(pack)

    project.make("runs")

    assert "0 to train" in project.trained(ONE)
    assert json.loads((pack / "run.json").read_text())["files"] == before["files"]


def test_a_sweep_makes_a_point_of_every_value(project):
    text = "sweep: {training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}\nevaluations"
    project.edit(FILE, "evaluations", text)

    project.make("out/tables/scale/runs.csv")

    table = project.path("out/tables/scale/runs.csv").read_text()
    assert f"{ONE},learning_rate=0.01,1" in table
    assert f"{ONE},learning_rate=0.001,2" in table
    assert f"{ONE},base" not in table
