"""A training that reads files in worker processes is ended and goes on as any other."""

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_data import STREAM_FILES, ToyDataParams, load_split
from toy_runs import ToyModelParams, start, toy_task, toy_training, train, train_logged, wait_for

from isotrope.errors import UserError

LOG = Path("train.log")


def stream_task(run, threads=1, **changes):
    return toy_task(
        run=f"toy/toy/{run}",
        dataset_name="toy_stream",
        model_params=ToyModelParams(step_seconds=0.02),
        training=toy_training(epochs=3, order="own", augmentation=[{"name": "flip"}]),
        threads=threads,
        **changes,
    )


def workers_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def weights(task):
    return load_file(task.folder / "weights.safetensors")


@pytest.fixture
def alone(toys):
    """The pack trained without an interruption."""
    task = stream_task("alone", threads=3)
    process = start(train_logged, task, LOG)  # threads that were used here would be lost in forks
    process.join(60)
    return weights(task)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_all_processes_loses_nothing_and_leaves_no_worker(alone, number):
    """SLURM and a terminal signal every process of a job."""
    task = stream_task("ended", threads=3, save_every=0.0)  # two workers
    for _ in range(3 if number == signal.SIGTERM else 1):  # orphans take seconds to find out
        process = start(train_logged, task, LOG)
        wait_for(lambda pid=process.pid: len(workers_of(pid)) == 2)
        workers = workers_of(process.pid)
        for pid in (*workers, process.pid):
            if number == signal.SIGTERM or pid == process.pid:
                os.kill(pid, number)
        process.join(30)
        assert process.exitcode == (143 if number == signal.SIGTERM else -number)
        wait_for(lambda pids=workers: not any(Path(f"/proc/{p}").exists() for p in pids))
    process = start(train_logged, task, LOG)
    process.join(60)
    assert process.exitcode == 0
    for name, value in weights(task).items():
        assert torch.equal(value, alone[name]), name


def test_a_damaged_file_ends_the_training_with_its_name(toys):
    load_split("toy_stream", ToyDataParams(), "train")  # writes the files
    path = STREAM_FILES / "classes" / "train" / "7.npz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"train/7\.npz: cannot be read"):
        train(stream_task("damaged"))


def test_seeds_that_share_an_order_see_a_stream_at_once_and_others_in_turn(toys):
    shared = stream_task("shared", stack=2)
    lines = train(toy_task(**vars(shared) | {"training": toy_training(epochs=1, order="shared")}))
    assert not any("one after the other" in line for line in lines)
    lines = train(stream_task("own", stack=2))
    assert any("one after the other" in line and "order: shared" in line for line in lines)
