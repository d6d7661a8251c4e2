"""Every value of a seed that is tracked, from the files of its pack."""

import json
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from isotrope import paths
from isotrope.files import disk, json_files
from isotrope.results.tables import CollectedPack
from isotrope.tracking import seeds as tracking
from isotrope.tracking import track
from isotrope.tracking.seeds import TrackedSeed, Value, read_pack

RUN = "cnn/digits/one"
STARTED, FINISHED = "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:05+00:00"
BEGIN = datetime.fromisoformat(STARTED).timestamp()
HISTORY = """\
seed,epoch,train_loss,validation_accuracy,train_seconds
2,1,0.5,0.25,1.0
2,2,nan,,3.0
11,1,2.5,0.125,5.0
"""
RESULTS = f"""\
evaluation,run,point,seed,scale,padding,metric,value,n
by_scale,{RUN},x=1,2,3,zero,accuracy,0.25,9
by_scale,{RUN},x=1,2,12,zero,accuracy,0.75,9
odd,{RUN},x=1,2,0.5,a b!,mean error,1.5,9
two,{RUN},x=1,2,3,4,accuracy,0.5,9
"""


def entry(number, status, **more):
    return {
        "seed": number,
        "status": status,
        "epochs": 2,
        "best_epoch": 1,
        "best_validation_accuracy": 0.25,
        "seconds": 6.0,
        "seconds_per_epoch_last": 3.0,
        "seconds_per_epoch_mean": 2.0,
        "peak_memory_mb": 300.0,
        "device": "cpu",
        "started": STARTED,
        "finished": FINISHED,
        "git_commit": "abc",
        "versions": {"torch": "2.13"},
        "threads": 4,
        "together": 2,
        **more,
    }


def older(entry):
    """As it was written before it said how it was trained together with others."""
    return {key: value for key, value in entry.items() if key not in ("threads", "together")}


@pytest.fixture
def pack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = paths.pack_folder(RUN, "x=1", "2-11")
    place.mkdir(parents=True)
    (place / "history.csv").write_text(HISTORY)
    (place / "results.csv").write_text(RESULTS)
    nothing = dict.fromkeys(("best_epoch", "best_validation_accuracy"))
    said = {
        "training_digest": "1234abcd",
        "settings": {"model": {"name": "cnn"}, "dataset": {"name": "digits"}},
        "seeds": [entry(2, "done"), older(entry(11, "diverged", git_commit=None, **nothing))],
        "files": {"history.csv": disk.checksum(HISTORY.encode())},
    }
    (place / "run.json").write_text(json.dumps(json_files.sealed(said)))
    return CollectedPack(
        run=RUN,
        study="scale",
        series="own",
        label="Plain",
        source="",
        model="cnn",
        dataset="digits",
        point="x=1",
        parameters={"training.epochs": 2, "model.dropout": None},
        pack=place,
        seeds=(2, 11),
        training_digest="1234abcd",
        evaluations=("by_scale", "odd", "two"),
    )


def test_a_seed_has_its_settings_facts_numbers_and_files(pack):
    done, diverged = read_pack(pack, "scale")
    end = BEGIN + 60
    documents = dict(done.documents)
    its = json.loads(documents.pop("run.json"))
    assert [one["seed"] for one in its["seeds"]] == [2]
    assert documents.pop("results.csv") == (
        "evaluation,run,point,seed,scale,padding,metric,value,n\n"
        f"by_scale,{RUN},x=1,2,3,zero,accuracy,0.25,9\n"
        f"by_scale,{RUN},x=1,2,12,zero,accuracy,0.75,9\n"
        f"odd,{RUN},x=1,2,0.5,a b!,mean error,1.5,9\n"
        f"two,{RUN},x=1,2,3,4,accuracy,0.5,9\n"
    )
    at_the_end = {
        "epochs": 2.0,
        "best_epoch": 1.0,
        "best_validation_accuracy": 0.25,
        "seconds": 6.0,
        "seconds_per_epoch_last": 3.0,
        "seconds_per_epoch_mean": 2.0,
        "peak_memory_mb": 300.0,
    }
    by_epoch = list(done.values["by epoch"])
    loss = by_epoch.pop(3)
    assert (loss.name, loss.step, loss.time) == ("train_loss", 2, end)
    assert loss.value != loss.value
    assert done == TrackedSeed(
        run=RUN,
        point="x=1",
        seed=2,
        digest="1234abcd",
        group="scale",
        status="done",
        started=BEGIN,
        finished=end,
        parameters={"model": "cnn", "dataset": "digits", "training.epochs": 2, "seed": 2},
        facts={
            "study": "scale",
            "series": "own",
            "label": "Plain",
            "status": "done",
            "origin": "trained",
            "device": "cpu",
            "threads": "4",
            "together": "2",
            "git_commit": "abc",
            "version.torch": "2.13",
        },
        values={
            "by epoch": done.values["by epoch"],
            "at the end": [Value(key, value, 0, end) for key, value in at_the_end.items()],
            "by_scale": [
                Value("by_scale/accuracy zero by scale", 0.25, 3, end),
                Value("by_scale/accuracy zero by scale", 0.75, 12, end),
            ],
            "odd": [Value("odd/mean error scale:0.5 a b_", 1.5, 0, end)],
            "two": [Value("two/accuracy scale:3 padding:4", 0.5, 0, end)],
        },
        documents=done.documents,
        weights=paths.finished_seed(RUN, "x=1", 2, "1234abcd") / "weights.safetensors",
    )
    assert by_epoch == [
        Value("train_loss", 0.5, 1, BEGIN + 15),
        Value("validation_accuracy", 0.25, 1, BEGIN + 15),
        Value("train_seconds", 1.0, 1, BEGIN + 15),
        Value("train_seconds", 3.0, 2, end),
    ]
    assert documents == {
        "history.csv": "".join(HISTORY.splitlines(keepends=True)[:3]),
        "settings.yaml": "model:\n  name: cnn\ndataset:\n  name: digits\n",
    }
    assert done.evaluations == ["by_scale", "odd", "two"]
    assert (diverged.seed, diverged.status, diverged.evaluations) == (11, "diverged", [])
    assert not {"git_commit", "threads", "together"} & diverged.facts.keys()
    of_source, _ = read_pack(replace(pack, source="local"), "scale")
    assert of_source.parameters == {**done.parameters, "dataset.source": "local"}
    assert set(diverged.documents) == {"history.csv", "run.json", "settings.yaml"}
    assert {one.name for one in diverged.values["at the end"]} == {
        *(set(at_the_end) - {"best_epoch", "best_validation_accuracy"}),
    }


def test_a_seed_is_listed_with_what_it_is_found_by(pack):
    for seed, status, evaluations in zip(
        read_pack(pack, "scale"),
        ("done", "diverged"),
        (["by_scale", "odd", "two"], []),
        strict=True,
    ):
        key = {"run": RUN, "point": "x=1", "seed": seed.seed, "training_digest": "1234abcd"}
        assert track._line(seed) == {**key, "status": status, "evaluations": evaluations}


def test_what_was_done_is_counted_in_one_order():
    said = track._said({"left deleted": 2, "as before": 0, "new": 1, "brought up to date": 3})
    assert said == "1 new, 3 brought up to date, 2 left deleted"


def test_epochs_that_took_no_time_end_at_the_end():
    epoch = {"seed": "1", "epoch": "1", "train_seconds": "0.0"}
    assert tracking._by_epoch([epoch], 10.0, 20.0) == [Value("train_seconds", 0.0, 1, 20.0)]


def test_of_a_run_that_chooses_candidates_keep_the_seeds_that_are_not_taken(monkeypatch):
    packs = {
        ("selected", "the choice"): [("x=1", (1, 2))],
        ("x=1", None): [("x=1", (1,)), ("x=1", (2, 3))],
        ("x=2", None): [("x=2", (1,))],
    }

    def finished(known, name, run, point, made):
        found = packs[point, made]
        fields = dict.fromkeys(CollectedPack.__dataclass_fields__)
        return [CollectedPack(**{**fields, "point": at, "seeds": seeds}) for at, seeds in found]

    monkeypatch.setattr(tracking, "finished_packs", finished)
    monkeypatch.setattr(tracking.choice, "current", lambda known, name: "the choice")
    run = SimpleNamespace(evaluated=["selected"], points=["x=1", "x=2"], select="a rule")
    found = tracking.packs_of(SimpleNamespace(runs={RUN: run}), RUN)
    assert [(one.point, one.seeds) for one in found] == [
        ("x=1", (1, 2)),
        ("x=1", (3,)),
        ("x=2", (1,)),
    ]
