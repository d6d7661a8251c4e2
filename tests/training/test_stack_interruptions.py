"""A stack that is killed goes on as the same stack, and ends with the same bits."""

import copy
import json
import os
import random
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_interruptions import LOG, train_until
from toy_runs import (
    CLASSES,
    SHAPE,
    ToyDataParams,
    ToyModelParams,
    build,
    start,
    toy_images,
    toy_task,
    toy_training,
    train,
    train_logged,
    wait_for,
    without_seconds,
)

from isotrope.datasets.images import Images
from isotrope.packs import resume
from isotrope.training import loop, seeding
from isotrope.training.loop import Finished, HeldOut, LockstepTraining
from isotrope.training.stopwatch import Stopwatch
from isotrope.training.task import TrainingTask

SEEDS = [1, 2, 3, 4, 5]
UNEVEN = {"epochs": 20, "reshuffle": True, "early_stopping": {"patience": 3}}


def stack_task(run: str, **changes: object) -> TrainingTask:
    values = {
        "seeds": SEEDS,
        "pack": "1-5",
        "stack": 5,
        "model_params": ToyModelParams(handed=True),
        "training": toy_training(**UNEVEN),
        **changes,
    }
    return toy_task(run=f"toy/toy/{run}", **values)


def assert_same(ours: TrainingTask, theirs: TrainingTask) -> None:
    found, expected = (load_file(task.folder / "weights.safetensors") for task in (ours, theirs))
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    histories = [(task.folder / "history.csv").read_text() for task in (ours, theirs)]
    assert without_seconds(histories[0]) == without_seconds(histories[1])


def resumed(task: TrainingTask) -> list[int]:
    run = json.loads((task.folder / "run.json").read_text())
    return [int(seed["resumed"]) for seed in run["seeds"]]


def in_memory() -> LockstepTraining:
    networks = []
    for seed in SEEDS:
        seeding.seed_everything(seed)
        networks.append(build(ToyModelParams(handed=True), SHAPE, CLASSES))
    splits = (toy_images(ToyDataParams(), split) for split in ("train", "valid"))
    images, validation = (Images(split.images, split.labels) for split in splits)
    return LockstepTraining(networks, SEEDS, toy_training(**UNEVEN), images, HeldOut(validation))


def taken_up(states: dict[int, dict[str, object]]) -> LockstepTraining:
    stacks = [state["stack"] for state in states.values()]
    fresh, seeds = in_memory(), list(states)
    training = LockstepTraining(
        [copy.deepcopy(fresh.engine.network) for _ in seeds],
        seeds,
        fresh.training,
        fresh.train,
        fresh.held_out,
        [stack["row"] for stack in stacks],
        stacks[0]["width"],
    )
    training.restore(states)
    return training


def test_a_stack_put_back_at_any_step_ends_with_the_same_bits():
    """Also where seeds have ended whose rows are still computed, and after these were dropped."""
    ended: list[Finished] = []
    kept, widths = [], set()
    whole = in_memory()

    def keep() -> None:
        kept.append((len(ended), copy.deepcopy(whole.states())))
        widths.add((len(whole.seeds), whole.engine.rows))

    whole.run(keep, lambda: None, ended.extend)
    assert len({len(one.record.history) for one in ended}) > 2
    assert any(seeds < rows for seeds, rows in widths), "no row was ever idle"
    assert len({rows for _, rows in widths}) > 1, "the stack never shrank"
    expected = {one.record.seed: one for one in ended}

    for already, states in kept:
        again: list[Finished] = []
        torch.manual_seed(99)  # what happened in between must not matter
        taken_up(states).run(lambda: None, lambda: None, again.extend)

        assert len(again) == len(SEEDS) - already
        for one in again:
            other = expected[one.record.seed]
            assert len(one.record.history) == len(other.record.history)
            for name, value in other.weights.items():
                assert torch.equal(one.weights[name], value)


@pytest.fixture
def untouched(toys) -> TrainingTask:
    task = stack_task("untouched", save_every=1000.0)
    train(task)
    return task


@pytest.mark.parametrize("save_every", [0.0, 0.05])
def test_a_stack_killed_at_random_moments_ends_with_the_same_bits(untouched, save_every):
    slow = ToyModelParams(handed=True, step_seconds=0.01)
    task, moments = stack_task("killed", save_every=save_every, model_params=slow), random.Random(3)
    kills = 0
    while True:
        process = start(train_logged, task, LOG)
        if kills < 5:
            begun = task.unfinished(5).exists
            wait_for(lambda process=process, begun=begun: begun() or not process.is_alive())
        process.join(moments.uniform(0.0, 0.4) if kills < 5 else 60)
        if process.exitcode is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1

    assert process.exitcode == 0
    assert kills >= 1  # how many come in time is up to the machine
    assert max(resumed(task)) >= 1
    assert_same(task, untouched)
    assert not list(task.folder.parent.rglob("*.part"))
    assert not list(task.folder.parent.rglob(".resume"))


def test_a_stack_killed_at_file_operations_twice_ends_with_the_same_bits(toys):
    """From the first save to the last output; the seeds end in different epochs."""
    moments = random.Random(7)
    changes = {"seeds": [1, 2, 3], "pack": "1-3", "save_every": 0.05}
    changes["training"] = toy_training(**{**UNEVEN, "epochs": 6, "early_stopping": {"patience": 1}})
    whole = stack_task("whole", **changes)
    train(whole)
    for operation in range(1, 1000, 4):
        task = stack_task(f"killed_{operation}", **changes)
        process = start(train_until, task, operation)
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == 9
        process = start(train_until, task, moments.randint(1, 40))
        process.join(60)
        train(task)
        assert_same(task, whole)
        assert not list(task.folder.parent.rglob(".resume"))
    assert operation > 60


def test_a_stack_with_one_damaged_file_goes_back_to_where_all_seeds_are_known(untouched):
    task = stack_task("damaged", save_every=0.0)
    process = start(train_logged, task, LOG)
    wait_for(lambda: LOG.exists() and "epoch 2 of" in LOG.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    path = task.unfinished(2)
    path.write_bytes(path.read_bytes()[:200])

    lines = train(task)

    assert any(str(path) in line and "passed over" in line for line in lines)
    assert any(line.startswith("seeds 1-5: go on in epoch") for line in lines)
    assert_same(task, untouched)


def test_a_warning_saves_all_seeds_of_a_stack(untouched):
    task = stack_task("terminated", save_every=1000.0)
    process = start(train_logged, task, Path("terminated.log"))
    log = Path("terminated.log")
    wait_for(lambda: log.exists() and "epoch 2 of" in log.read_text())
    os.kill(process.pid, signal.SIGTERM)
    process.join(10)

    assert process.exitcode == 143
    states = [resume.load(task.unfinished(seed), task.training_digest, print) for seed in SEEDS]
    assert len({(s["training"]["epochs"], s["training"]["position"]) for s in states if s}) == 1
    train(task)
    assert_same(task, untouched)


def test_seeds_that_train_together_share_the_time_of_an_epoch(monkeypatch):
    class Ten(Stopwatch):
        def stop(self) -> None:
            self.seconds = 10.0

    monkeypatch.setattr(loop, "Stopwatch", Ten)
    ended: list[Finished] = []
    in_memory().run(lambda: None, lambda: None, ended.extend)
    histories = [one.record.history for one in ended]
    for epoch in range(max(map(len, histories))):
        shares = [rows[epoch].train_seconds for rows in histories if epoch < len(rows)]
        assert sum(shares) == pytest.approx(10)
        assert len(set(shares)) == 1


def test_a_score_is_of_the_images_that_a_seed_was_trained_on_where_none_validate():
    whole = in_memory()
    subsets = {seed: torch.arange(seed, seed + 7) for seed in SEEDS}
    networks = [copy.deepcopy(whole.engine.network) for _ in SEEDS]
    training = toy_training(epochs=1, keep="last")
    for own, count in ((subsets, 7), (None, len(whole.train))):
        made = LockstepTraining(networks, SEEDS, training, whole.train, HeldOut(None), subsets=own)
        assert {record.images for record in made.records.values()} == {count}
    made = LockstepTraining(networks, SEEDS, training, whole.train, whole.held_out)
    assert {record.images for record in made.records.values()} == {len(whole.held_out.validation)}
