"""Two jobs that want the same seeds: each seed is trained and tested once, and both end well."""

import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_distributed import LOG as LOG_OF_RANKS
from test_distributed import start_ranks
from toy_runs import (
    ToyDataParams,
    ToyModelParams,
    start,
    toy_task,
    toy_training,
    train,
    train_logged,
    wait_for,
    without_seconds,
)

from isotrope.evaluation import accuracy
from isotrope.measuring import evaluating
from isotrope.measuring.task import BoundEvaluation, EvaluationTask
from isotrope.packs import lease
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation
from isotrope.processes.signals import EXIT_AGAIN
from isotrope.training.task import TrainingTask

LOGS = Path("first.log"), Path("second.log")


@pytest.fixture(autouse=True, scope="module")
def _warm():
    """What torch imports for its first optimizer, before any process is forked."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()


@pytest.fixture(autouse=True)
def _quick(toys, monkeypatch):
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)
    yield
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def slow_task(**changes: object) -> TrainingTask:
    values = {
        "model_params": ToyModelParams(step_seconds=0.01),
        "training": toy_training(epochs=4, reshuffle=True),
        "save_every": 0.2,
    }
    return toy_task(**{**values, **changes})


def said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def trained() -> list[str]:
    """The seeds that were trained to their end, as both logs say."""
    return sorted(re.findall(r"^(seed \d+): done", "".join(map(said, LOGS)), re.MULTILINE))


def both(first: TrainingTask, second: TrainingTask) -> None:
    """Start two jobs, the second while the first trains, and wait for both."""
    processes = [start(train_logged, first, LOGS[0])]
    wait_for(lambda: "epoch 1 of" in said(LOGS[0]))
    processes.append(start(train_logged, second, LOGS[1]))
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert "waits for the training of toy/toy/plain, " in said(LOGS[1])


def assert_clean() -> None:
    left = [path for path in Path("out").rglob("*") if path.name.startswith(".")]
    assert {path.name for path in left} <= {".seeds", ".evaluations"}


def test_a_second_copy_of_a_pack_waits_and_takes_the_finished_seeds():
    task = slow_task()
    both(task, task)

    assert trained() == ["seed 1", "seed 2"]
    assert "0 to train, 2 are finished" in said(LOGS[1])
    assert sorted(path.name for path in task.folder.iterdir()) == [
        *("history.csv", "run.json", "weights.safetensors")
    ]
    assert_clean()


def test_packs_of_another_size_share_their_seeds():
    both(slow_task(), slow_task(pack="1-3", seeds=[1, 2, 3]))

    assert trained() == ["seed 1", "seed 2", "seed 3"]
    assert "1 to train, 2 are finished" in said(LOGS[1])
    assert_clean()


def test_the_chosen_point_waits_for_its_candidate():
    both(slow_task(), slow_task(selected=True))
    assert trained() == ["seed 1", "seed 2"]


def test_two_trainings_of_one_folder_wait_for_each_other_though_they_share_no_seed():
    both(slow_task(), slow_task(training_digest="f" * 16))
    assert trained() == ["seed 1", "seed 1", "seed 2", "seed 2"]
    assert '"training_digest": "ffffffffffffffff"' in (slow_task().folder / "run.json").read_text()


def test_other_seeds_are_trained_at_the_same_time():
    first = start(train_logged, slow_task(training=toy_training(epochs=1000)), LOGS[0])
    wait_for(lambda: "epoch 1 of" in said(LOGS[0]))
    lines = train(slow_task(seeds=[3], pack="3-4"))
    assert first.is_alive()
    assert not any("waits" in line for line in lines)


def test_whoever_waited_for_a_job_that_was_killed_goes_on_where_it_was():
    task = slow_task(save_every=0.0)
    first = start(train_logged, task, LOGS[0])
    wait_for(lambda: "epoch 2 of" in said(LOGS[0]))
    second = start(train_logged, task, LOGS[1])
    wait_for(lambda: "waits for" in said(LOGS[1]))
    first.kill()
    first.join()
    second.join(60)

    assert second.exitcode == 0
    assert f"process {first.pid} on" in said(LOGS[1])
    assert "that process is gone" in said(LOGS[1])
    assert re.search(r"^seed 1: goes on in epoch [23] of 4", said(LOGS[1]), re.MULTILINE)
    assert trained() == ["seed 1", "seed 2"]
    assert_clean()


def test_a_job_that_was_suspended_for_too_long_writes_nothing_and_ends_well(monkeypatch):
    untouched, task = slow_task(run="toy/toy/untouched"), slow_task()
    train(untouched)
    first = start(train_logged, task, LOGS[0])
    wait_for(lambda: "epoch 2 of" in said(LOGS[0]))
    os.kill(first.pid, signal.SIGSTOP)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.5)  # for whoever comes now

    train_logged(task, LOGS[1])
    files = [*task.folder.parent.rglob("seed.json"), *task.folder.parent.rglob("*.csv")]
    written = {path: path.read_bytes() for path in files}
    os.kill(first.pid, signal.SIGCONT)
    first.join(60)

    assert first.exitcode == 0
    assert "not heard of for" in said(LOGS[1])
    assert "has lost its lease" in said(LOGS[0])
    assert "0 to train, 2 are finished" in said(LOGS[0])
    assert trained() == ["seed 1", "seed 2"]
    assert {path: path.read_bytes() for path in files} == written
    ours, theirs = (load_file(one.folder / "weights.safetensors") for one in (task, untouched))
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    histories = [(one.folder / "history.csv").read_text() for one in (task, untouched)]
    assert without_seconds(histories[0]) == without_seconds(histories[1])
    assert_clean()


def test_a_signal_to_a_job_that_has_lost_its_lease_is_not_forgotten(monkeypatch):
    task = slow_task(training=toy_training(epochs=1000), save_every=0.0)
    first = start(train_logged, task, LOGS[0])
    wait_for(lambda: "epoch 2 of" in said(LOGS[0]))
    os.kill(first.pid, signal.SIGSTOP)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.5)
    second = start(train_logged, task, LOGS[1])
    wait_for(lambda: "goes on in epoch" in said(LOGS[1]))
    os.kill(first.pid, signal.SIGTERM)
    os.kill(first.pid, signal.SIGCONT)
    first.join(20)

    assert first.exitcode == 143
    assert "SIGTERM: waits no longer, ends" in said(LOGS[0])
    assert second.is_alive()


def test_several_processes_that_lose_their_lease_end_to_be_started_again(monkeypatch):
    slow = ToyModelParams(handed=True, norm=False, step_seconds=0.01)
    task = slow_task(model_params=slow, training=toy_training(epochs=1000), save_every=0.0)
    leader, follower = start_ranks(task, 2)
    wait_for(lambda: "epoch 1 of" in said(LOG_OF_RANKS))
    os.kill(leader.pid, signal.SIGSTOP)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.5)
    second = start(train_logged, task, LOGS[1])
    wait_for(lambda: "goes on in epoch" in said(LOGS[1]))
    os.kill(leader.pid, signal.SIGCONT)
    for process in (leader, follower):
        process.join(60)

    assert leader.exitcode == EXIT_AGAIN
    assert follower.exitcode is not None
    assert said(LOG_OF_RANKS).endswith("has lost its lease; it writes nothing\n")
    assert second.is_alive()


def evaluate_logged(task: EvaluationTask, log: Path) -> None:
    with log.open("a", buffering=1) as file:
        evaluating.evaluate(task, lambda line: print(line, file=file))


def test_a_second_copy_of_an_evaluation_waits_and_computes_nothing(monkeypatch):
    packs = toy_task(), toy_task(pack="1-3")
    for pack in packs:
        train(pack)
    entry = Evaluation("accuracy", "accuracy", accuracy.Params(), None, ("evaluations", 0))
    measure = BoundEvaluation(entry, Plugin("toy", ToyDataParams()), "d" * 16)
    tasks = [
        EvaluationTask(
            pack.run, "base", {pack.pack: [1, 2]}, pack.training_digest, [measure], device="cpu"
        )
        for pack in packs
    ]
    evaluate = accuracy.evaluate

    def slow(*given):
        Path("computing").touch()
        wait_for(lambda: "waits for" in said(LOGS[1]))
        return evaluate(*given)

    monkeypatch.setattr(accuracy, "evaluate", slow)
    first = start(evaluate_logged, tasks[0], LOGS[0])
    wait_for(Path("computing").exists)
    second = start(evaluate_logged, tasks[1], LOGS[1])
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0

    waits, *rest = said(LOGS[1]).splitlines()
    assert waits.startswith("waits for the evaluation of toy/toy/plain, base, seeds 1-2: process")
    assert not rest
    results = [task.results.read_text() for task in tasks]
    assert results[0] == results[1]
    assert_clean()
