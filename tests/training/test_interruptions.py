"""Killed, told to end, told to be queued again: nothing is lost and the result is the same."""

import json
import os
import random
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import (
    ToyModelParams,
    start,
    toy_task,
    toy_training,
    train,
    train_logged,
    wait_for,
    without_seconds,
)

from isotrope.processes import signals
from isotrope.training.task import TrainingTask

LOG = Path("train.log")


def slow_task(run: str, **changes: object) -> TrainingTask:
    """Two seeds that take some seconds, with dropout, batch norm and an order of their own."""
    return toy_task(
        run=f"toy/toy/{run}",
        model_params=ToyModelParams(step_seconds=0.01),
        training=toy_training(epochs=8, reshuffle=True, early_stopping={"patience": 5}),
        **{"save_every": 0.0, **changes},
    )


@pytest.fixture
def untouched(toys) -> TrainingTask:
    """The pack trained without an interruption."""
    task = slow_task("untouched", save_every=1000.0)
    train(task)
    return task


def assert_same(ours: TrainingTask, theirs: TrainingTask) -> None:
    found, expected = (load_file(task.folder / "weights.safetensors") for task in (ours, theirs))
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    histories = [(task.folder / "history.csv").read_text() for task in (ours, theirs)]
    assert without_seconds(histories[0]) == without_seconds(histories[1])


def resumed(task: TrainingTask) -> int:
    run = json.loads((task.folder / "run.json").read_text())
    return sum(int(seed["resumed"]) for seed in run["seeds"])


def begun(task: TrainingTask) -> bool:
    return task.unfinished(1).exists() or task.unfinished(2).exists()


@pytest.mark.parametrize("save_every", [0.0, 0.05])
def test_a_pack_killed_at_random_moments_ends_with_the_same_bits(untouched, save_every):
    task, moments = slow_task("killed", save_every=save_every), random.Random(1)
    kills = 0
    while True:
        process = start(train_logged, task, LOG)
        if kills < 6:
            wait_for(lambda process=process: begun(task) or not process.is_alive())
        process.join(moments.uniform(0.0, 0.25) if kills < 6 else 60)
        if process.exitcode is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1

    assert process.exitcode == 0
    assert kills == 6
    assert resumed(task) >= 1  # how many saves there were in time is up to the machine
    assert_same(task, untouched)
    assert not list(task.folder.parent.rglob("*.part"))
    assert not list(task.folder.parent.rglob(".resume"))


def train_until(task: TrainingTask, operation: int) -> None:
    """Train a pack and end without a word at the n-th thing that is done to a file."""
    left = operation

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def work(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os._exit(9)
            return original(*args, **options)

        return work

    for name in ("replace", "rename", "unlink", "mkdir"):
        setattr(Path, name, counted(getattr(Path, name)))
    os.fsync = counted(os.fsync)
    train(task)


def test_a_pack_killed_at_any_file_operation_ends_with_the_same_bits(toys):
    """Every operation from the first save to the last output, each in a folder of its own."""
    changes = {"seeds": [1], "pack": "1-1", "training": toy_training(epochs=1)}
    untouched = toy_task(run="toy/toy/untouched", **changes)
    train(untouched)
    for operation in range(1, 1000):
        task = toy_task(run=f"toy/toy/killed_{operation}", save_every=0.0, **changes)
        process = start(train_until, task, operation)
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == 9
        train(task)
        assert_same(task, untouched)
        assert not list(task.folder.parent.rglob("*.part"))
        assert not list(task.folder.parent.rglob(".resume"))
    assert operation > 40


def test_sigterm_saves_and_ends_with_143_in_the_midst_of_an_epoch(untouched):
    task = slow_task("terminated", save_every=1000.0)
    process = start(train_logged, task, LOG)
    wait_for(lambda: LOG.exists() and "epoch 2 of" in LOG.read_text())
    os.kill(process.pid, signal.SIGSTOP)  # so that it goes no further unasked
    os.waitpid(process.pid, os.WUNTRACED)
    done = max(int(number) for number in re.findall(r"epoch (\d+) of", LOG.read_text()))
    os.kill(process.pid, signal.SIGTERM)
    os.kill(process.pid, signal.SIGCONT)
    process.join(60)

    assert process.exitcode == 143
    assert task.unfinished(1).exists()
    assert not task.folder.joinpath("run.json").exists()
    [line] = [line for line in train(task) if "goes on" in line]
    first, second = json.loads((task.folder / "run.json").read_text())["seeds"]
    assert line == f"seed 1: goes on in epoch {first['resumed_epochs'][0]} of 8"
    assert first["resumed_epochs"][0] <= done + 2, "one may have ended without being said yet"
    assert (first["resumed"], len(first["resumed_epochs"])) == (1, 1)
    assert (second["resumed"], second["resumed_epochs"]) == (0, [])
    assert_same(task, untouched)


def fake_scontrol(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> Path:
    """A ``scontrol`` that notes what it was asked."""
    asked = folder / "asked"
    program = folder / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho no such job >&2\nexit {status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    return asked


@pytest.mark.parametrize("warning", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_warning_of_slurm_requeues_the_job_and_waits_for_its_end(untouched, monkeypatch, warning):
    asked = fake_scontrol(untouched.folder, monkeypatch, 0)
    task = slow_task("requeued", save_every=1000.0)
    process = start(train_logged, task, LOG)
    wait_for(lambda: LOG.exists() and "epoch 1 of" in LOG.read_text())
    os.kill(process.pid, warning)
    wait_for(asked.exists)
    process.join(0.3)

    assert process.is_alive()  # until SLURM ends it
    assert asked.read_text() == "requeue 4711\n"
    assert task.unfinished(1).exists()
    os.kill(process.pid, signal.SIGTERM)  # saved already: waits for SIGKILL
    process.join(0.2)
    assert process.is_alive()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    train(task)
    assert_same(task, untouched)


def test_a_warning_ends_with_75_if_slurm_refuses_or_is_not_there(toys, monkeypatch):
    for slurm in (True, False):
        if slurm:
            fake_scontrol(toys, monkeypatch, 1)
        else:
            monkeypatch.delenv("SLURM_JOB_ID")
        task, log = slow_task(f"refused_{slurm}", save_every=1000.0), Path(f"{slurm}.log")
        process = start(train_logged, task, log)
        wait_for(lambda log=log: log.exists() and "epoch 1 of" in log.read_text())
        os.kill(process.pid, signal.SIGUSR2)
        process.join(10)

        assert process.exitcode == signals.EXIT_AGAIN
        assert task.unfinished(1).exists()
        assert ("no such job" if slurm else "not a SLURM job") in log.read_text()


def test_a_job_that_did_no_step_is_not_queued_again(monkeypatch, tmp_path):
    asked, lines = fake_scontrol(tmp_path, monkeypatch, 0), []
    with signals.Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGUSR2)
        with pytest.raises(SystemExit) as caught:
            interruption.leave(lines.append, steps=0)

    assert caught.value.code == signals.EXIT_AGAIN
    assert not asked.exists()


def test_handlers_are_put_back_and_a_second_ctrl_c_ends_at_once():
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    with signals.Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(SystemExit) as caught:
            interruption.leave(lambda line: None, steps=1)
    assert caught.value.code == 130
    after = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    assert after == before


def test_outside_of_the_main_thread_nothing_is_heard_and_nothing_breaks():
    errors = []

    def work():
        try:
            with signals.Interruption() as interruption:
                assert interruption.signal is None
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
