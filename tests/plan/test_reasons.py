"""Why a job is to run again, as its files tell it."""

import json
import os

import pytest
from made_up_index import DEMO, OWN, made_up_index, point, run

from isotrope import paths
from isotrope.digests import with_sums
from isotrope.packs.code_records import Code, digest_of, record
from isotrope.plan.index import EvaluationEntry, Index, JobEntry, SelectEntry, StartEntry
from isotrope.plan.reasons import Reasons

NOW = {"model": {"name": "x"}, "training": {"epochs": 2}}  # the settings of the made-up points
BEFORE = {"model": {"name": "x"}, "training": {"epochs": 1}}
OURS, OTHERS = "a" * 16, "9" * 16
TRAIN = ("train", {"run": DEMO, "point": "base", "pack": "1-25"})


class Known:
    """What has an index."""

    def __init__(self, index=None, **entry):
        index = index or made_up_index()
        changed = {name: type(one)(**{**vars(one), **entry}) for name, one in index.runs.items()}
        self.index = Index(changed if entry else index.runs, index.datasets)


def why(rule, wildcards, known=None):
    return Reasons(known or Known()).why(rule, wildcards)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Write the run.json of the demo's pack."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    manifest([])

    def write(digest=OURS, settings=NOW, seeds=(1, 2, 3), place="base", **more):
        folder = paths.pack_folder(DEMO, place, "1-25")
        folder.mkdir(parents=True)
        said = [{"seed": seed, "status": "done"} for seed in seeds]
        content = {"training_digest": digest, "settings": settings, "seeds": said}
        (folder / "run.json").write_text(json.dumps({**content, "point": "base", **more}))
        return folder

    return write


def manifest(sums, **more):
    path = paths.manifest("stir", "emoji")
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [{"root": "ISOTROPE_DATA", "path": "x", "sha256": one} for one in sums]
    path.write_text(json.dumps({"files": files, **more}))


def test_what_was_set_is_said_as_it_was_and_as_it_is(trained):
    trained(OTHERS, BEFORE)
    assert why(*TRAIN) == "trained with training.epochs 1, now 2"


def test_code_that_changed_with_a_setting_is_said_too(trained):
    then = {"isotrope/models/x.py": "1" * 16, "isotrope/training/loop.py": "2" * 16}
    code = Code(digest_of(then), then)
    record(DEMO, code)
    trained(OTHERS, BEFORE, code=[code.digest])
    known = Known()
    known.index.code.update(then)
    assert why(*TRAIN, known) == "trained with training.epochs 1, now 2"
    known.index.code["isotrope/models/x.py"] = "3" * 16
    said = "trained with training.epochs 1, now 2; by other code, too: isotrope/models/x.py"
    assert why(*TRAIN, known) == said


def test_of_other_code_the_commit_is_said(trained):
    trained(OTHERS, git_commit="0123456789abcdef")
    assert why(*TRAIN) == "trained by other code (0123456789ab): a REVISION has changed"


def test_a_commit_that_does_not_hold_the_code_is_said_to_be_none(trained):
    trained(OTHERS, git_commit="0123456789abcdef-dirty")
    said = "trained by other code (0123456789ab, with changes that are in no commit): a REVISION"
    assert why(*TRAIN).startswith(said)


def test_of_other_files_of_the_users_is_said_that_they_may_be_it(trained):
    manifest(["new"])
    trained(with_sums(OURS, ["old"]))
    assert why(*TRAIN).endswith("a REVISION has changed, or on other files of yours")


def test_weights_of_ones_own_that_a_training_begins_with_are_files_of_the_users(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    (tmp_path / "w.safetensors").write_text("new")
    start = StartEntry("", "", None, [], ["w.safetensors"])
    index = Index({DEMO: run(DEMO, base=point(start=start))}, made_up_index().datasets)
    trained(OURS)
    assert why(*TRAIN, Known(index)).endswith("a REVISION has changed, or on other files of yours")


def test_more_seeds_are_said(trained):
    trained(with_sums(OURS), seeds=(1, 3))
    assert why(*TRAIN) == "trained are the seeds 1,3, now 1-3"


@pytest.mark.parametrize("seeds", [(1, 2, 3), (1, 2, 3, 4)])
def test_a_pack_as_it_is_asked_for_has_no_sentence_whatever_its_users_files(trained, seeds):
    manifest(["same"])
    trained(with_sums(OURS, ["same"]), seeds=seeds)
    assert why(*TRAIN) == ""


def test_behind_selected_the_summary_names_the_point(trained):
    trained(OTHERS, BEFORE, place=paths.SELECTED, point="large")
    small, large = point(parameters={"training.epochs": 7}), point()
    select = SelectEntry("validation_accuracy", "median", [1], "last")
    index = Index({DEMO: run(DEMO, small=small, large=large)}, made_up_index().datasets)
    wildcards = {"run": DEMO, "point": paths.SELECTED, "pack": "1-25"}
    said = why("train", wildcards, Known(index, select=select))
    assert said == "trained with training.epochs 1, now 2"
    del index.runs[DEMO].points["large"]
    said = why("train", wildcards, Known(index, select=select))
    assert said == "trained for a point of the sweep that is no more"


def evaluated(*stores, place="base"):
    for store in stores:
        (paths.point_folder(DEMO, place) / ".evaluations" / store).mkdir(parents=True)


EVALUATE = ("evaluate", TRAIN[1])


def test_evaluations_that_differ_or_are_new_are_named(trained):
    folder = trained()
    evaluated(f"accuracy-{'b' * 16}", f"scale_generalization-{OTHERS}")
    assert why(*EVALUATE) == "", "there are no results that would be made again"
    (folder / "results.csv").touch()
    differs = "the evaluation scale_generalization differs from what was computed"
    assert why(*EVALUATE) == differs
    os.utime(folder / "results.csv", (1, 1))
    assert why(*EVALUATE) == "", "its networks were trained anew since"
    os.utime(folder / "results.csv")
    evaluated(f"scale_generalization-{'c' * 16}")
    assert why(*EVALUATE) == ""


def test_evaluations_of_networks_that_are_to_be_trained_anew_have_no_sentence(trained):
    folder = trained(OTHERS)
    evaluated(f"accuracy-{OTHERS}")
    (folder / "results.csv").touch()
    assert why(*EVALUATE) == ""


def test_an_evaluation_with_a_job_of_its_own_is_asked_about_alone(trained):
    folder = trained()
    job = JobEntry(0, 1, 30, 1000)
    own = {
        "hours": EvaluationEntry("adversarial", "e" * 16, "stir/emoji", job),
        "all": EvaluationEntry("seed_ensemble", "f" * 16, "stir/emoji", job, of_run=True),
    }
    index = Index({DEMO: run(DEMO, base=point(evaluations=own))}, made_up_index().datasets)
    evaluated(f"adversarial-{OTHERS}")
    (folder / "results-hours.csv").touch()
    (folder.parent / "results-all.csv").touch()
    alone = ("evaluate_alone", {**TRAIN[1], "table": "hours"})
    said = why(*alone, Known(index))
    assert said == "the evaluation hours differs from what was computed"
    of_run = ("evaluate_run", {"run": DEMO, "point": "base", "table": "all"})
    assert why(*of_run, Known(index)) == "the evaluation all is new"


def test_a_choice_says_its_rule_its_points_or_what_was_trained_anew(trained):
    points = {"small": point(), "large": point(digest=OTHERS)}
    rule = {"by": "validation_accuracy", "statistic": "median", "seeds": [1], "ties": "last"}
    index = Index({DEMO: run(DEMO, **points)}, made_up_index().datasets)
    known = Known(index, select=SelectEntry(**rule))
    choose = ("choose", {"run": DEMO})
    assert why(*choose, known) == "", "nothing was chosen yet"

    def chosen(**digests):
        candidates = [{"point": name, "training_digest": one} for name, one in digests.items()]
        path = paths.choice(DEMO)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"rule": {**rule, **changes}, "candidates": candidates}))
        return why(*choose, known)

    changes = {}
    assert chosen(small=OURS, large=OTHERS) == ""
    assert chosen(small=OURS, large=OURS) == "chosen when large had other settings"
    assert chosen(small=OURS, tiny=OURS) == "chosen from small, tiny, now from small, large"
    changes = {"ties": "first"}
    assert chosen(small=OURS, large=OTHERS) == "chosen with ties first, now last"
    assert why(*choose) == "", "the run chooses no more"


def test_a_data_set_says_its_settings_or_its_revision(trained):
    build = ("build_dataset", {"dataset": "stir", "key": "emoji"})
    as_asked = {"settings": {"task": "emoji", "source": "embedded"}, "digest": "d" * 16}
    manifest([], **as_asked)
    assert why(*build) == ""
    manifest([], **{**as_asked, "digest": OTHERS})
    assert why(*build) == "built by other code: its REVISION has changed"
    manifest([], settings={"task": "mnist", "source": "embedded"}, digest=OTHERS)
    assert why(*build) == "built with task mnist, now emoji"


@pytest.mark.parametrize("text", ["", "[]", '{"seeds": 1}', '{"seeds": [{"seed": 1}]}', "\x00"])
def test_damaged_files_have_no_sentence_and_no_error(trained, text):
    folder = trained()
    (folder / "run.json").write_text(text)
    paths.manifest("stir", "emoji").write_text(text)
    assert why(*TRAIN) == why(*EVALUATE) == ""
    assert why("build_dataset", {"dataset": "stir", "key": "emoji"}) == ""


def test_other_jobs_have_none(trained):
    assert why("collect", {"group": "scale", "table": "runs"}) == ""
    assert why("train", {"run": OWN, "point": "base", "pack": "1-25"}) == ""
    assert why("train", {"run": "no/such/run", "point": "base", "pack": "1-25"}) == ""
