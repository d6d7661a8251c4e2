"""The commands for the seeds of a run hand on what they were asked, and say what was done."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from isotrope.cli import app
from isotrope.cluster import rendezvous
from isotrope.commands import runs
from isotrope.datasets import building as datasets
from isotrope.datasets import download
from isotrope.errors import UserError
from isotrope.measuring import evaluating
from isotrope.params import foreign
from isotrope.plan import index_file
from isotrope.results import choice
from isotrope.tasks import building, by_hand
from isotrope.training import distributed, pack

FILE = "param-files/a/b/c.yaml"
POINT_AND_SEEDS = ("base", None, None)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(index_file.PLANNED, raising=False)
    path = Path(FILE)
    path.parent.mkdir(parents=True)
    path.write_text("anything")
    return path


@pytest.fixture
def trained(monkeypatch):
    """What a training is asked for: GPUs, tasks, and the reports of those."""
    found = {"gpus": [], "tasks": [], "reports": []}

    def torchrun(gpus, words, log):
        found["gpus"].append(gpus)
        return ["/torchrun", "again"] if gpus > 1 else None

    def train_pack(task, report):
        found["reports"].append((task, report.own_log))

    monkeypatch.setattr(rendezvous, "export", lambda: None)
    monkeypatch.setattr(by_hand, "gpus_of", lambda file: 2 if found.get("two") else 1)
    monkeypatch.setattr(distributed, "torchrun", torchrun)
    tasks = found["tasks"]
    monkeypatch.setattr(by_hand, "training_tasks", lambda *asked: tasks.append(asked) or ["x", "y"])
    monkeypatch.setattr(pack, "train_pack", train_pack)
    return found


def test_every_task_of_a_training_is_done_and_keeps_its_own_log_by_hand_alone(
    file, trained, monkeypatch
):
    assert run("train", file).exit_code == 0
    monkeypatch.setenv(index_file.PLANNED, "1")
    words = ("--point", "p", "--pack", "1-2", "--device", "cpu", "--threads", 3)
    assert run("train", file, *words, "--save-every", 5, "--eager").exit_code == 0

    assert trained["tasks"] == [
        (file, *POINT_AND_SEEDS, "auto", 1, 30.0, False),
        (file, "p", "1-2", None, "cpu", 3, 5.0, True),
    ]
    assert trained["gpus"] == [1, 0]
    reports = [("x", True), ("y", True), ("x", False), ("y", False)]
    assert trained["reports"] == reports


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_the_run_says_how_many_threads_compute_where_nobody_else_does(
    file, trained, monkeypatch, command
):
    asked = trained["tasks"]
    monkeypatch.setattr(by_hand, "evaluation_tasks", lambda *words: asked.append(words) or [])
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert run(command, file).exit_code == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "5")  # as Snakemake does
    assert run(command, file).exit_code == 0
    assert [words[5] for words in asked] == [None, 5]


def test_a_training_on_two_gpus_becomes_that_of_torchrun(file, trained, monkeypatch):
    class ReplacedError(Exception):
        pass

    def execv(path, command):
        raise ReplacedError(path, command)

    trained["two"] = True
    monkeypatch.setattr(os, "execv", execv)
    done = run("train", file)
    assert isinstance(done.exception, ReplacedError)
    assert done.exception.args == ("/torchrun", ["/torchrun", "again"])
    assert trained["tasks"] == []


def test_every_task_of_an_evaluation_is_done_with_those_of_own_jobs_unless_refused(
    file, monkeypatch
):
    asked, done = [], []
    monkeypatch.setattr(
        by_hand, "evaluation_tasks", lambda *words: asked.append(words) or ["x", "y"]
    )
    monkeypatch.setattr(
        evaluating, "evaluate", lambda task, log, own_log: done.append((task, own_log))
    )
    run("evaluate", "a/b/c")  # the name of the run
    monkeypatch.setenv(index_file.PLANNED, "1")
    run("evaluate", file, "--seeds", "1-3", "--table", "accuracy", "--no-own-jobs")
    assert asked == [
        (file, *POINT_AND_SEEDS, "auto", 1, None, True),
        (file, "base", None, "1-3", "auto", 1, "accuracy", False),
    ]
    assert done == [("x", True), ("y", True), ("x", False), ("y", False)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--like", "a/b/c", "--point", "x=1"], "--like: a network of yours has no point"),
        (["--like", "a/b/c", "--pack", "1-5"], "--like: a network of yours has no point, pack"),
        (
            ["--like", "a/b/c", "--seeds", "1"],
            "--like: a network of yours has no point, pack, seed",
        ),
        (["--like", "a/b/c", "--no-own-jobs"], "--like: a network of yours has no point, pack, s"),
        (["--all"], "--all: is for networks that are measured with --like"),
        (["--to", "x"], "name the run that it is measured like, too, as in --like"),
        (["--weights", FILE], "name the run that it is measured like, too, as in --like"),
    ],
)
def test_each_word_that_goes_with_no_like_or_not_without_is_refused(file, monkeypatch, words, said):
    monkeypatch.setattr(by_hand, "evaluation_tasks", lambda *_: [])
    monkeypatch.setattr(runs, "_evaluate_like", lambda *_: None)
    found = run("evaluate", file, *words)
    assert isinstance(found.exception, UserError)
    assert said in str(found.exception)
    for fits in (["--point", "x=1", "--pack", "1-5", "--seeds", "1"], ["--like", "a/b/c", "--all"]):
        assert run("evaluate", file, *fits).exit_code == 0


def test_a_choice_is_written_and_said_with_its_candidates(file, monkeypatch):
    rule = choice.SelectEntry("validation_accuracy", "median", [1, 2], "last")
    candidates = [
        choice.Candidate("p", "d" * 16, 0.5, [0.5, 0.5], []),
        choice.Candidate("q", "e" * 16, 0.25, [0.25], [2]),
    ]
    made, written = choice.Choice("p", rule, candidates, ["p", "q"]), []
    known = SimpleNamespace(run=lambda name: f"run {name}", digests=lambda name: f"of {name}")
    monkeypatch.setattr(index_file, "current", lambda *_, **__: known)
    monkeypatch.setattr(choice, "choose", lambda *asked: written.append(asked) or made)
    monkeypatch.setattr(choice, "write", lambda *words: written.append(words))
    said = run("choose", file).output
    assert written == [("a/b/c", "run a/b/c", "of a/b/c"), ("a/b/c", made)]
    assert said.splitlines() == [
        "p: best validation accuracy 50.0 % (median of 2 seeds)",
        "q: best validation accuracy 25.0 % (median of 1 seeds, 1 diverged)",
        "p is chosen, the last of 2 equals; wrote out/runs/a/b/c/choice.json",
    ]


def test_weights_and_param_files_of_others_are_taken_over_where_asked(file, monkeypatch):
    asked = []

    def noted(*words):
        asked.append(words)
        return Path("there")

    for module, name in (
        (by_hand, "import_seed"),
        (by_hand, "ship"),
        (foreign, "import_param_file"),
    ):
        monkeypatch.setattr(module, name, noted)
    assert run("import-weights", file, 3, "theirs.pt", "--point", "p").output.startswith(
        "wrote there"
    )
    assert run("ship", file, 4).output == "wrote there; commit it\n"
    assert run("import-param-file", file, "--to", "x.yaml").output == "wrote there\n"
    assert asked == [
        (file, "p", 3, Path("theirs.pt")),
        (file, "base", 4),
        (file, None, Path("x.yaml")),
    ]


def test_a_data_set_is_built_as_its_words_or_the_param_files_say(monkeypatch):
    monkeypatch.setattr(building, "params_in_index", lambda name, key: f"{name} {key} of the index")
    monkeypatch.setattr(building, "params_in_words", lambda name, words: f"{name} {words}")
    monkeypatch.setattr(
        "isotrope.digests.dataset_digest", lambda name, params: f"digest of {params}"
    )
    monkeypatch.setattr(datasets, "build_dataset", lambda *asked: f"{asked[0]}: {asked[1:]}")
    by_key, plain = "stir k of the index", "stir ['task=emoji']"
    assert run("build", "stir", "--key", "k").output == (
        f"built stir: stir: {(by_key, f'digest of {by_key}')}\n"
    )
    assert run("build", "stir", "task=emoji").output == (
        f"built stir: stir: {(plain, f'digest of {plain}')}\n"
    )
    refused = run("build", "stir", "task=emoji", "--key", "k")
    assert isinstance(refused.exception, UserError)
    assert "--key k: its settings are those of the param-files" in str(refused.exception)


def test_a_download_says_what_is_whole(monkeypatch):
    monkeypatch.setattr(download, "download", lambda name, file: f"out/downloads/{name}/{file}")
    assert run("download", "mnist", "a.npz").output == "out/downloads/mnist/a.npz is whole\n"
