"""Jobs whose steps are recorded and replayed, as on a GPU."""

import os
import signal

import pytest
import torch
from recorded import RecorderOnCPU
from test_interruptions import LOG
from test_stack_interruptions import assert_same, resumed, stack_task
from toy_runs import start, toy_training, train, train_logged, wait_for

from isotrope import devices
from isotrope.training import job
from isotrope.training.steps import Limits
from isotrope.training.sums import Sums

SETTINGS = {"seeds": [1, 2, 3], "pack": "1-3", "save_every": 0.0}


@pytest.fixture
def recorders(toys, monkeypatch):
    """The recorders of jobs, which record on the CPU."""
    made = []

    def recorder_of(device):
        made.append(RecorderOnCPU())
        return made[-1]

    monkeypatch.setattr(job, "recorder_of", recorder_of)
    return made


@pytest.mark.parametrize("stack", [1, 3])
def test_a_killed_job_records_its_steps_anew_and_ends_with_the_same_bits(recorders, stack):
    changes = {**SETTINGS, "stack": stack, "training": toy_training(epochs=8, order="own")}
    whole, killed = (stack_task(run, **changes) for run in ("whole", "killed"))
    launched = stack_task("launched", **changes, eager=True)
    train(whole)
    assert recorders[0].replayed > 8 * (3 if stack == 1 else 1)
    train(launched)
    assert len(recorders) == 1

    process = start(train_logged, killed, LOG)
    wait_for(lambda: LOG.exists() and "epoch 3 of" in LOG.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    train(killed)

    assert max(resumed(killed)) == 1
    assert_same(killed, whole)
    assert_same(launched, whole)


def test_seeds_in_turn_share_what_is_recorded(recorders):
    train(stack_task("in_turn", **SETTINGS, stack=1, training=toy_training(epochs=2)))

    (recorder,) = recorders
    assert recorder.recorded == 4  # two sizes of training batches, two of tests
    assert recorder.replayed == 3 * 2 * (3 + 2)


def test_a_stack_that_runs_out_of_memory_while_recording_is_halved(recorders, monkeypatch):
    add = Sums.add

    def limited(self, found, images):
        if len(found.loss) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        add(self, found, images)

    monkeypatch.setattr(Sums, "add", limited)
    changes = {**SETTINGS, "training": toy_training(epochs=2)}
    lines = train(stack_task("halved", **changes, stack=3))
    train(stack_task("whole", **changes, stack=2))

    said = "seeds 1-3: together they need more memory than the device has; 2 are tried at once"
    assert said in lines
    assert_same(stack_task("halved", **changes), stack_task("whole", **changes))


@pytest.mark.parametrize("late", [False, True])
def test_a_seed_whose_graphs_do_not_fit_the_memory_goes_on_without(recorders, monkeypatch, late):
    record = RecorderOnCPU.record

    def limited(self, work):
        if late and self.recorded < 2:  # the tests of the first epoch are recorded last
            return record(self, work)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    changes = {**SETTINGS, "stack": 1, "training": toy_training(epochs=2)}
    launched = stack_task("launched", **changes, eager=True)
    train(launched)
    monkeypatch.setattr(RecorderOnCPU, "record", limited)
    lines = train(stack_task("without", **changes))

    said = "steps need more memory as CUDA graphs than the device has; they are launched one by one"
    assert len([line for line in lines if line.startswith(said)]) == 1
    assert_same(stack_task("without", **changes), launched)


def test_a_training_keeps_how_much_it_computes_at_once(toys, monkeypatch):
    """On a GPU with other memory the batches of another size would have other bits."""
    changes = {**SETTINGS, "stack": 3, "training": toy_training(epochs=6)}
    seen = []
    monkeypatch.setattr(
        job.LockstepTraining,
        "run",
        lambda self, *rest: seen.append(self.limits) or kept(self, *rest),
    )
    task = stack_task("moved", **changes)
    process = start(train_logged, task, LOG)
    wait_for(lambda: LOG.exists() and "epoch 2 of" in LOG.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    first = Limits.of(torch.device("cpu"))
    monkeypatch.setattr(devices, "evaluation_batch", lambda device: 999)

    train(task)

    assert Limits.of(torch.device("cpu")).tested_at_once == 999
    assert seen == [first]


kept = job.LockstepTraining.run
