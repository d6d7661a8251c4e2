"""Unfinished seeds that an older version left go on, and end as if they had never been stopped."""

import json
from pathlib import Path

import pytest
from test_interruptions import assert_same
from toy_runs import toy_task, toy_training, toys, train, train_logged  # noqa: F401

from isotrope.packs import resume
from isotrope.packs.code_records import Code

NEVER_SAVED = 1000.0  # seconds
CODE = Code("1" * 16, {"plugins/models/mine.py": "a"})


class StoppedError(Exception):
    """What ends the training of a test."""


def stop_at(saving: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a training as soon as a seed is saved so often."""
    save, left = resume.save, saving

    def counted(*words: object) -> None:
        nonlocal left
        save(*words)
        left -= 1
        if left == 0:
            raise StoppedError

    monkeypatch.setattr(resume, "save", counted)


def as_older(path: Path, digest: str, drop: tuple[str, ...]) -> dict[str, object]:
    """Write an unfinished seed as versions did before they kept these."""
    saved = resume.load(path, digest, print)
    assert saved is not None
    training, record, engine = saved["training"], saved["record"], saved["training"]["engine"]
    if "sums" in drop:
        training |= {"loss_sum": training["sums"]["loss"], "correct": training["sums"]["counts"]}
    if "best_score" in drop:
        kept = training["record"]
        assert kept["best_score"] == kept["top_score"] > 0
        kept["best_accuracy"] = kept["best_score"]
        training["record"] = {k: v for k, v in kept.items() if k != "top_score"}
        for row in training["record"]["history"]:
            row["train_accuracy"] = row.pop("train_score")
            row["validation_accuracy"] = row.pop("validation_score")
    for part in (training, training["record"], record, engine):
        for name in drop:
            part.pop(name, None)
    resume.save(path, saved, digest)
    return saved


@pytest.mark.parametrize(
    "drop",
    [
        ("sums",),
        ("best_score",),
        ("limits",),
        ("recordings",),
        ("resumed_epochs", "code"),
        ("sums", "best_score", "limits", "recordings", "resumed_epochs", "code"),
    ],
)
def test_they_go_on_where_they_were(toys, monkeypatch, drop):  # noqa: F811
    words: dict[str, object] = {"seeds": [1], "pack": "1-1", "code": CODE}
    words["training"] = toy_training(reshuffle=True)
    untouched = toy_task(run="toy/toy/untouched", save_every=NEVER_SAVED, **words)
    train(untouched)
    task = toy_task(save_every=0.0, **words)
    with monkeypatch.context() as patch:
        stop_at(8, patch)
        with pytest.raises(StoppedError):
            train(task)
    path = task.unfinished(1)
    saved = as_older(path, task.training_digest, drop)
    training = saved["training"]
    assert training["epochs"] > 0 < training["position"], "in the middle of a later epoch"

    train_logged(task, Path("train.log"))

    assert_same(task, untouched)
    (ours,), (theirs,) = (
        json.loads((one.folder / "run.json").read_text())["seeds"] for one in (task, untouched)
    )
    for key in ("best_epoch", "best_validation_accuracy", "epochs", "status"):
        assert ours[key] == theirs[key], key
    assert (ours["resumed"], ours["resumed_epochs"]) == (1, [training["epochs"] + 1])
    other_code = "seed 1 goes on with other code than it began with"
    assert (other_code in Path("train.log").read_text()) == ("code" in drop)
    assert ours["code"] == (["", CODE.digest] if "code" in drop else [CODE.digest])
