"""Several processes train a seed together as one does alone, on the CPU in the place of GPUs."""

import json
import multiprocessing
import os
import signal
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import ToyModelParams, silent, toy_task, toy_training, train, train_logged, wait_for

from isotrope.errors import UserError
from isotrope.processes.signals import Interruption
from isotrope.training import distributed
from isotrope.training.distributed import Ranks
from isotrope.training.job import PackJob, SeedGroup, _Training
from isotrope.training.task import TrainingTask

LOG = Path("train.log")


def ranked(rank: int, count: int, port: int, task: TrainingTask) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    train_logged(task, LOG if rank == 0 else Path(f"rank-{rank}.log"))


def start_ranks(task: TrainingTask, count: int):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    started = [
        context.Process(target=ranked, args=(rank, count, port, task), daemon=True)
        for rank in range(count)
    ]
    for process in started:
        process.start()
    return started


def together(task: TrainingTask, count: int) -> None:
    started = start_ranks(task, count)
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * count


def without_norm(run: str, **changes: object) -> TrainingTask:
    """Seeds of a network that is handed what it draws, with batches of 16, 16 and 8 images."""
    model = ToyModelParams(handed=True, norm=False)
    training = toy_training(epochs=3, reshuffle=True)
    return toy_task(
        **{"run": f"toy/toy/{run}", "model_params": model, "training": training} | changes
    )


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_give_what_one_gives_up_to_rounding(toys, count):
    alone, shared = without_norm("alone"), without_norm("shared")
    train(alone)
    together(shared, count)

    found, expected = (load_file(t.folder / "weights.safetensors") for t in (shared, alone))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)
    said = [json.loads((t.folder / "run.json").read_text())["seeds"] for t in (shared, alone)]
    for one, other in zip(*said, strict=True):
        for key in ("status", "epochs", "best_epoch", "best_validation_accuracy"):
            assert one[key] == other[key]
    assert not Path("rank-1.log").read_text(), "only the first process says something"


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_several_processes_accumulate_gradients_as_one_does(toys, reduce):
    """A batch of 6, of which a third process would see 2, and a last one of 4."""
    training = toy_training(batch_size=6, accumulate={"images": 18, "reduce": reduce})
    changes = {"training": training, "seeds": [1], "pack": "1-1"}
    alone, shared = without_norm("alone", **changes), without_norm("shared", **changes)
    train(alone)
    together(shared, 3)

    found, expected = (load_file(t.folder / "weights.safetensors") for t in (shared, alone))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)


def test_what_is_finished_is_not_trained_again_by_several(toys):
    task = without_norm("alone")
    train(task)
    (task.folder / "run.json").unlink()
    together(task, 2)

    assert "0 to train, 2 are finished" in LOG.read_text()
    assert (task.folder / "run.json").exists()


def test_the_first_process_is_told_to_end_and_all_end_and_go_on_later(toys):
    slow = {"model_params": ToyModelParams(handed=True, norm=False, step_seconds=0.02)}
    alone, shared = without_norm("alone", **slow), without_norm("shared", **slow)
    train(alone)
    started = start_ranks(shared, 2)
    wait_for(lambda: LOG.exists() and "epoch 1 of" in LOG.read_text())
    for process in started:  # as torchrun and SLURM do
        os.kill(process.pid, signal.SIGTERM)
    for process in started:
        process.join(60)
    assert started[0].exitcode == 143
    assert started[1].exitcode is not None
    assert shared.unfinished(1).exists()

    together(shared, 2)

    assert "seed 1: goes on in epoch" in LOG.read_text()
    found, expected = (load_file(t.folder / "weights.safetensors") for t in (shared, alone))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)


def test_batch_norm_over_processes_without_gpus_is_refused(toys):
    task = without_norm("normed", model_params=ToyModelParams(handed=True))
    started = start_ranks(task, 2)
    for process in started:
        process.join(60)

    assert all(process.exitcode not in (0, None) for process in started)
    job = PackJob(task, silent(), torch.device("cpu"), Interruption(), 1, Ranks(0, 2))
    with pytest.raises(UserError, match="model toy: batch norm over several processes needs a GPU"):
        _Training(job, SeedGroup.new([1]))


def test_shares_are_every_so_manieth_image_and_cover_each_once():
    images = torch.arange(7)
    shares = [Ranks(rank, 3).share((images, {"a": images[:, None]})) for rank in range(3)]

    assert sorted(torch.cat([share[0] for share in shares]).tolist()) == list(range(7))
    assert [share[1]["a"].shape for share in shares] == [(3, 1), (2, 1), (2, 1)]
    assert sum(Ranks(rank, 3).weight(7) for rank in range(3)) == pytest.approx(1)
    assert Ranks(2, 3).share(images[:2]).tolist() == [0], "a stopgap"
    assert Ranks(2, 3).weight(2) == 0


@pytest.mark.parametrize(
    ("asked", "there", "world", "count"),
    [
        (4, 4, None, "4"),
        (4, 2, None, "2"),
        (1, 4, None, None),
        (4, 1, None, None),
        (4, 4, "4", None),
    ],
)
def test_as_many_processes_are_started_as_gpus_are_asked_for_and_there(
    monkeypatch, asked, there, world, count
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if world:
        monkeypatch.setenv("WORLD_SIZE", world)
    lines: list[str] = []
    claimed: list[int] = []
    monkeypatch.setattr(distributed, "claim", lambda log, gpus, inherited: claimed.append(gpus))
    command = distributed.torchrun(asked, ["train", "param-files/a/b/c.yaml"], lines.append)

    assert bool(lines) == (asked > 1 and there < asked and not world)
    assert claimed == ([int(count)] if count else [])
    if count is None:
        assert command is None
    else:
        assert command[command.index("--nproc-per-node") + 1] == count
        assert command[-2:] == ["train", "param-files/a/b/c.yaml"]
