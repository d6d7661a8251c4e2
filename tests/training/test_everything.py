"""All that training offers at once: killed at any moment, in a stack or alone, the same numbers.

Batch norm, dropout, noise of the network's own, two groups under one_cycle, gradients accumulated
over several batches, buffers that follow a schedule, recordings; with a loss of the network's own
and training images that differ from seed to seed, with masks, and with images that two processes
read from files.
"""

import csv
import itertools
import os
import random
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from everything import MODELS, EverythingParams, everything, everything_task
from toy_runs import start, train, train_logged, wait_for, without_seconds

from isotrope import devices, registry
from isotrope.packs import store
from isotrope.training.task import TrainingTask

LOG, KILLS = Path("train.log"), 20
POLY = {"name": "poly", "power": 0.9}
SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "schedule": POLY}
# as published for scattering networks, and with a score that the last epoch need not have
SUMMED = everything(accumulate={"images": 16, "reduce": "sum"}, optimizer=SGD, keep="last")


class Case(NamedTuple):
    """A model on a data set, and how it is trained."""

    model: str
    data: str
    changes: dict[str, Any]


IMAGES = Case("toy_classes", "toy_subsets", {"stack": 3})
STREAM = Case("toy_classes", "toy_stream", {"stack": 3, "training": everything(order="shared")})
SUBSETS_OF_STREAM = Case("toy_classes", "toy_stream_subsets", {"stack": 1})
MASKS = Case("toy_masks", "toy_masks", {"stack": 3, "training": SUMMED})
MASK_STREAM = Case(
    "toy_masks", "toy_mask_stream", {"stack": 3, "training": everything(order="shared")}
)
WORKERS = {"threads": 3}  # one of them trains


@pytest.fixture
def models(toys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of ``everything``, beside the toys."""
    with devices.arithmetic(torch.device("cpu"), 1, "float32", True):
        pass  # imports what else every process would import for itself, which takes seconds
    load = registry.load
    monkeypatch.setattr(
        registry,
        "load",
        lambda kind, name: (kind == "models" and MODELS.get(name)) or load(kind, name),
    )


def task_of(case: Case, run: str, **changes: Any) -> TrainingTask:
    workers = WORKERS if "stream" in case.data else {}
    return everything_task(run, case.model, case.data, **{**case.changes, **workers, **changes})


def stored(task: TrainingTask) -> list[store.FinishedSeed]:
    return [store.load(task.stored(s), s, task.training_digest) for s in task.seeds]


def assert_same(ours: TrainingTask, theirs: TrainingTask) -> None:
    """Weights, histories and recordings have the same bits."""
    for found, expected in zip(stored(ours), stored(theirs), strict=True):
        for name, value in expected.weights.items():
            assert torch.equal(found.weights[name], value), name
        assert without_seconds(found.history) == without_seconds(expected.history)
        assert set(found.recordings) == set(expected.recordings)
        for name, values in expected.recordings.items():
            assert np.array_equal(found.recordings[name], values, equal_nan=True), name


@pytest.mark.parametrize("case", [IMAGES, SUBSETS_OF_STREAM, MASK_STREAM], ids=lambda c: c.data)
def test_a_pack_killed_at_random_moments_ends_with_the_same_bits(models, case):
    training = everything(epochs=15, order="shared" if case.data == "toy_mask_stream" else "own")
    untouched = task_of(case, "untouched", training=training, save_every=1000.0)
    finish(start(train_logged, untouched, Path("untouched.log")))
    slow, moments = EverythingParams(step_seconds=0.03), random.Random(5)
    task = task_of(case, "killed", training=training, model_params=slow, save_every=0.0)
    for _ in range(KILLS):
        before = saved()
        process = start(train_logged, task, LOG)
        wait_for(lambda p=process, b=before: not p.is_alive() or saved() != b)
        process.join(moments.uniform(0.0, 0.06))
        assert process.is_alive(), "the training is too short for so many kills"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    finish(start(train_logged, task, LOG))

    assert_same(task, untouched)
    assert not list(task.folder.parent.rglob(".resume"))


def saved() -> dict[Path, int]:
    """When the unfinished seeds were saved, by their files."""
    found = {}
    for path in Path("out/runs").glob("*/*/killed/*/.resume/*.pt"):
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_mtime_ns
    return found


def finish(process: Any) -> None:
    """Let a training end; in a process of its own, since threads of this one would not fork."""
    process.join(600)
    assert process.exitcode == 0


@pytest.mark.parametrize("case", [IMAGES, STREAM, MASKS, MASK_STREAM], ids=lambda c: c.data)
def test_seeds_of_a_stack_end_as_they_do_alone(models, case):
    """In float64, where another order of sums moves nothing that is visible."""
    together, apart = task_of(case, "together"), task_of(case, "apart", stack=1)
    lines = train(together)
    train(apart)

    assert any(line.startswith("seeds 1-3: epoch 1 of ") for line in lines)
    for found, expected in zip(stored(together), stored(apart), strict=True):
        assert (found.summary["best_epoch"], found.summary["status"]) == (
            expected.summary["best_epoch"],
            expected.summary["status"],
        )
        for name, value in expected.weights.items():
            torch.testing.assert_close(found.weights[name], value, rtol=0, atol=1e-9)
        assert_close(rows(found), rows(expected))
        for name, values in expected.recordings.items():
            assert np.allclose(found.recordings[name], values, rtol=0, atol=1e-9, equal_nan=True)


def rows(seed: store.FinishedSeed) -> list[dict[str, str]]:
    return list(csv.DictReader(seed.history.splitlines()))


def assert_close(found: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other)
        for key in set(one) - {"train_seconds"}:
            assert float(one[key]) == pytest.approx(float(other[key]), rel=0, abs=1e-9), key


def test_a_history_has_the_columns_of_the_data_and_what_the_loss_reports(models):
    classes, masks = task_of(IMAGES, "columns"), task_of(MASKS, "columns")
    train(classes)
    train(masks)

    assert list(rows(stored(classes)[0])[0]) == [
        *("seed", "epoch", "train_loss", "train_accuracy"),
        *("validation_loss", "validation_accuracy", "train_penalty", "validation_penalty"),
        "train_seconds",
    ]
    assert list(rows(stored(masks)[0])[0]) == [
        *("seed", "epoch", "train_loss", "train_mean_iou"),
        *("validation_loss", "validation_mean_iou", "train_seconds"),
    ]
    seeds = [(one.summary["epochs"], one.summary["best_epoch"]) for one in stored(masks)]
    assert seeds == [(4, 4)] * 3  # the last epoch is kept


def test_each_seed_records_its_filters_and_their_gradients_after_every_epoch(models):
    task = task_of(IMAGES, "recorded")
    train(task)

    first, second, _ = stored(task)
    assert list(first.recordings["epoch"]) == [0, 1, 2, 3, 4]
    assert first.recordings["filters"].shape == (5, 4, 1, 3, 3)
    gradients = first.recordings["gradient/conv.weight"]
    assert np.isnan(gradients[0]).all()  # nothing was trained yet
    assert np.isfinite(gradients[1:]).all()
    assert (np.abs(gradients[1:]).max(axis=(1, 2, 3, 4)) > 0).all()
    assert not np.array_equal(first.recordings["filters"], second.recordings["filters"])
    temperatures = [1.0, *(2 - (2 * epoch - 1) / 8 for epoch in (1, 2, 3, 4))]  # 2 steps an epoch
    warmth = [1.0, *(1.5 - epoch / 4 for epoch in range(4))]
    assert first.recordings["heat"] == pytest.approx(np.multiply(temperatures, warmth))
    for now, after in itertools.pairwise(first.recordings["filters"]):
        assert not np.array_equal(now, after)


def test_the_weights_after_every_epoch_are_kept_on_request(models):
    training = everything(keep="last", monitor={"weights": ["*"]})
    task = task_of(IMAGES, "kept", training=training)
    train(task)

    first, second, _ = stored(task)
    kept = {name: first.recordings[f"weight/{name}"] for name in first.weights}
    assert all(len(values) == 5 for values in kept.values())
    for name, value in first.weights.items():
        assert np.array_equal(kept[name][-1], value.numpy())
    assert not np.array_equal(kept["conv.weight"][0], kept["conv.weight"][1])
    assert not np.array_equal(kept["conv.weight"][1], second.recordings["weight/conv.weight"][1])
