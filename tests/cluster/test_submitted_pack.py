"""What a submitted task tells Snakemake of a param-file that changes while it is at work."""

import json
from pathlib import Path

import pytest
from made_up_param_file import GOOD, NAME

from isotrope import paths
from isotrope.cluster import submitted_pack
from isotrope.cluster.submitted_pack import SubmittedPack
from isotrope.errors import UserError
from isotrope.tasks import by_hand

FILE = paths.PARAM_FILES / f"{NAME}.yaml"
OWN = "evaluations: [{name: accuracy, as: alone, resources: {runtime: 5m}}, "
TEXT = GOOD.replace("evaluations: [", OWN)
PACK = paths.pack_folder(NAME, "base", "1-25")
TRAINED = [PACK / name for name in ("weights.safetensors", "history.csv", "run.json")]
TABLES = [PACK / "results.csv", PACK / "results-alone.csv"]


class Work:
    """The work of a task, of which only the order is real."""

    def __init__(self, monkeypatch):
        self.told, self.evaluated = [], []
        self.then = self.fails = self.meanwhile = None
        of_task = submitted_pack
        monkeypatch.setattr(of_task, "train_pack", self.train)
        monkeypatch.setattr(of_task.evaluating, "evaluate", self.evaluate)
        monkeypatch.setattr(of_task.recording, "record", self.record)
        monkeypatch.setattr(of_task.recording, "forget", self.forget)
        monkeypatch.setattr(of_task, "_outcome", lambda task: f"trained {task.seeds}")

    def train(self, task, report):
        if self.then is not None:
            FILE.write_text(self.then)

    def evaluate(self, task, log):
        self.evaluated.append((task.results.name, list(task.seeds)))
        if self.meanwhile is not None:
            FILE.write_text(self.meanwhile)
        if self.fails == task.results.name:
            raise UserError("no memory")

    def record(self, rules, files, log):
        self.told.append(("record", rules, files))

    def forget(self, files):
        self.told.append(("forget", sorted(files)))

    def run(self, seeds=None, evaluate=True):
        (task,) = by_hand.training_tasks(FILE, "base", None, seeds, "cpu", 1)
        digests = (task.training_digest,)
        return SubmittedPack(str(FILE), "base", "1-25", seeds, digests, 1, evaluate)()


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir(parents=True)
    FILE.write_text(TEXT)
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"files": []}))
    return Work(monkeypatch)


def test_a_whole_pack_is_recorded_with_every_table(work):
    assert work.run() == "trained [1, 2, 3]"
    assert work.evaluated == [("results.csv", [1, 2, 3]), ("results-alone.csv", [1, 2, 3])]
    rules = ["train", "evaluate", "evaluate_alone"]
    assert work.told == [("record", rules, [TRAINED[0], *TABLES])]


def test_what_is_not_evaluated_is_recorded_as_trained(work):
    work.run(evaluate=False)
    assert work.evaluated == []
    assert work.told == [("record", ["train"], [TRAINED[0]])]


def test_of_a_part_of_a_pack_the_tables_are_forgotten_too(work):
    work.run(seeds="2")
    assert [seeds for _, seeds in work.evaluated] == [[2], [2]]
    assert work.told == [("forget", sorted([*TRAINED, *TABLES]))]


@pytest.mark.parametrize(
    ("seeds", "measured"), [("1-4", [1, 2, 3]), ("[1, 3]", [1, 3]), ("[4, 5]", None)]
)
def test_seeds_that_come_and_go_meanwhile_leave_the_rest_evaluated_and_all_forgotten(
    work, seeds, measured
):
    work.then = TEXT.replace("seeds: 1-3", f"seeds: {seeds}")
    work.run()
    assert [found for _, found in work.evaluated] == ([measured] * 2 if measured else [])
    assert work.told == [("forget", sorted([*TRAINED, *(TABLES if measured else ())]))]


@pytest.mark.parametrize(
    ("old", "new"), [("epochs: 2", "epochs: 3"), ("epochs: 2", "epoks: 2"), ("1-3", "30-31")]
)
def test_trained_otherwise_or_no_more_it_is_forgotten_and_said(work, old, new):
    work.then = TEXT.replace(old, new)
    with pytest.raises(
        UserError, match=r"was changed while .* was trained; its finished seeds are"
    ):
        work.run()
    assert work.told == [("forget", sorted(TRAINED))]
    assert work.evaluated == []


def test_what_is_wrong_with_the_changed_file_is_said_too(work):
    work.then = TEXT.replace("epochs: 2", "epoks: 2")
    with pytest.raises(UserError) as raised:
        work.run()
    assert raised.value.sentences[0].startswith(f"{FILE}, or what it names, was changed while ")
    assert any("epoks: unknown key" in sentence for sentence in raised.value.sentences[1:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: accuracy, as: alone", "name: scale_generalization, as: alone"),
        ("epochs: 2", "epochs: 3"),
    ],
)
def test_what_changes_while_it_is_evaluated_is_not_recorded_as_made(work, old, new):
    assert old in TEXT
    work.meanwhile = TEXT.replace(old, new)
    work.run()
    assert work.told == [("forget", sorted([*TRAINED, *TABLES]))]


def test_where_an_evaluation_fails_what_was_made_before_is_recorded(work):
    work.fails = TABLES[1].name
    with pytest.raises(UserError, match="no memory"):
        work.run()
    assert work.told == [("record", ["train", "evaluate"], [TRAINED[0], TABLES[0]])]
    assert "no memory" in Path(PACK / "evaluate.log").read_text()
