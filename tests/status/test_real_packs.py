"""The state of packs that real trainings and evaluations leave behind."""

import os
import signal

import pytest
from made_up_packs import looked_at
from test_evaluating import evaluate, evaluation, task_for
from toy_runs import ToyModelParams, start, toy_task, toy_training, train, train_logged, wait_for

from isotrope.params.points import parameters
from isotrope.plan.index import DatasetEntry, EvaluationEntry, Index, PointEntry, RunEntry

SETTINGS = {"training": {"epochs": 8}}


def toy_index(task, digest="0123456789abcdef", epochs=8):
    evaluations = {
        table: EvaluationEntry(table, "d" * 16, "toy/default")
        for table in ("accuracy", "scale_generalization")
    }
    settings = parameters({"training": {"epochs": epochs}})
    entry = RunEntry(
        study="scale",
        series="own",
        label="toy",
        source="embedded",
        model="toy",
        dataset="toy",
        seeds=list(task.seeds),
        gpu=0,
        cpus=1,
        minutes=1,
        megabytes=1000,
        seeds_per_job=int(task.pack.partition("-")[2]),
        points={"base": PointEntry(digest, "toy/default", evaluations, settings)},
    )
    data = DatasetEntry("toy", "default", {}, "e" * 16, [])
    return Index({task.run: entry}, {"toy/default": data})


def state_of(task, **changes):
    (one,) = looked_at(toy_index(task, **changes))
    return one.found.state, one.found.finished, one.found.detail


def test_a_pack_goes_from_queued_over_trained_to_done_and_stale(toys):
    task = toy_task(model_params=ToyModelParams(explode=2), settings=SETTINGS)
    assert state_of(task) == ("queued", 0, "")
    train(task)
    assert state_of(task) == ("queued", 2, "trained; to be evaluated")
    evaluate(task_for(task))
    assert state_of(task) == ("done", 2, "1 diverged")
    expected = "trained with training.epochs 8, now 9"
    assert state_of(task, digest="f" * 16, epochs=9) == ("stale", 0, expected)


def test_a_pack_with_one_evaluation_of_two_is_stale(toys):
    task = toy_task()
    train(task)
    evaluate(task_for(task, evaluation("accuracy")))
    assert state_of(task) == ("stale", 2, "evaluation scale_generalization is new")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_pack_runs_until_its_job_is_ended_or_lost(toys, how):
    task = toy_task(
        save_every=0.0,
        training=toy_training(epochs=8),
        model_params=ToyModelParams(step_seconds=0.02),
    )
    process = start(train_logged, task, toys / "train.log")
    wait_for(lambda: task.heartbeat.exists() and task.unfinished(1).exists())
    state, _, detail = state_of(task)
    assert (state, detail[:14]) == ("running", "seed 1, epoch ")
    os.kill(process.pid, how)
    process.join()
    if how == signal.SIGKILL:  # it had no last word: time has to pass
        beat = task.heartbeat.stat().st_mtime - 1000
        os.utime(task.heartbeat, (beat, beat))
    state, _, detail = state_of(task)
    assert state == "interrupted"
    assert detail.startswith("saved in" if how == signal.SIGTERM else "last seen in")
    assert detail.endswith("resumes there")
