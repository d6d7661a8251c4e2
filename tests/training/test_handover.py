"""A warning reaches the handler that was there before training: once, and when all is saved."""

import os
import signal

import pytest
from test_interruptions import LOG, assert_same, fake_scontrol, slow_task
from toy_runs import start, train, train_logged, wait_for

from isotrope.processes import signals
from isotrope.processes.signals import Interruption

STATUS = 44


def train_for_another(task, log, asked):
    """Train as a task of submitit does: with its handler set before."""

    def handle(number, frame):
        saved = task.unfinished(1).exists()
        with asked.open("a") as file:
            file.write(f"{signal.Signals(number).name} {saved}\n")
        raise SystemExit(STATUS)

    signal.signal(signal.SIGUSR2, handle)
    train_logged(task, log)


def test_the_earlier_handler_is_called_once_after_the_saving_and_slurm_is_left_alone(
    toys, monkeypatch
):
    scontrol = fake_scontrol(toys, monkeypatch, 0)
    untouched, task = slow_task("untouched"), slow_task("warned", save_every=1000.0)
    train(untouched)
    asked = toys / "handled"
    process = start(train_for_another, task, LOG, asked)
    wait_for(lambda: LOG.exists() and "epoch 1 of" in LOG.read_text())
    for _ in range(3):  # before the step ends
        os.kill(process.pid, signal.SIGUSR2)
    process.join(20)

    assert process.exitcode == STATUS
    assert asked.read_text() == "SIGUSR2 True\n"
    assert not scontrol.exists()
    assert "SIGUSR2: saved, goes to the handler that was there before" in LOG.read_text()
    assert any("goes on in epoch" in line for line in train(task))
    assert_same(task, untouched)


@pytest.fixture
def heard():
    """Every call of a handler that was there before."""
    calls = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: calls.append(number))
    yield calls
    signal.signal(signal.SIGUSR2, before)


def train_warned(number, *, then):
    """A training that gets a signal, and what it does then."""
    with Interruption() as interruption:
        os.kill(os.getpid(), number)
        then(interruption)


def leave(interruption):
    interruption.leave(lambda line: None, steps=1)


def fail(interruption):
    raise ZeroDivisionError


def test_a_warning_after_the_last_step_is_passed_on_when_training_ends(heard):
    train_warned(signal.SIGUSR2, then=lambda interruption: heard.append("ends"))
    assert heard == ["ends", signal.SIGUSR2]


def test_a_training_that_fails_passes_nothing_on(heard):
    with pytest.raises(ZeroDivisionError):
        train_warned(signal.SIGUSR2, then=fail)
    assert heard == []


def test_a_process_whose_handler_comes_back_ends_well_since_another_one_speaks_for_it(heard):
    with pytest.raises(SystemExit) as caught:
        train_warned(signal.SIGUSR2, then=leave)
    assert caught.value.code == 0
    assert heard == [signal.SIGUSR2]


def test_other_signals_are_not_passed_on(heard):
    with pytest.raises(SystemExit) as caught:
        train_warned(signal.SIGTERM, then=leave)
    assert caught.value.code == 143
    assert heard == []


def test_a_task_of_an_array_is_queued_again_alone(tmp_path, monkeypatch):
    asked = fake_scontrol(tmp_path, monkeypatch, 0)
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4711")  # the last task has the number of the array
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    monkeypatch.setattr(signals, "REQUEUE_WAIT", 0)
    with pytest.raises(SystemExit):
        train_warned(signal.SIGUSR2, then=leave)
    assert asked.read_text() == "requeue 4711_3\n"
