"""Processes that submitit or SLURM started find each other as those of torchrun do."""

import os
from pathlib import Path

import pytest
import torch
from submitit import LocalExecutor
from torch import distributed

from isotrope.cluster import rendezvous
from isotrope.errors import UserError

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def sum_of_ranks() -> tuple[int, float, str | None]:
    """Meet the other processes over gloo and add 1 and 2 and ..., each process its rank + 1."""
    rank = rendezvous.export()
    distributed.init_process_group("gloo")
    number = torch.tensor([rank + 1.0])
    distributed.all_reduce(number)
    distributed.destroy_process_group()
    return rank, number.item(), os.environ.get("CUDA_VISIBLE_DEVICES")


def test_two_processes_of_submitit_add_a_tensor_and_see_all_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    executor = LocalExecutor(tmp_path)
    executor.update_parameters(timeout_min=5, tasks_per_node=2, gpus_per_node=2)

    found = executor.submit(sum_of_ranks).results()

    assert found == [(0, 3.0, "0,1"), (1, 3.0, "0,1")]


@pytest.fixture
def alone(monkeypatch):
    """The environment of a process that nobody started with others."""
    for name in [*NAMES, *(name for name in os.environ if name.startswith(("SLURM", "SUBMITIT")))]:
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    for name in NAMES:
        os.environ.pop(name, None)


def of_slurm(monkeypatch, **changes):
    step = {
        "JOB_ID": "47",
        "NTASKS": "4",
        "STEP_NUM_TASKS": "4",
        "JOB_NUM_NODES": "1",
        "PROCID": "3",
        "LOCALID": "3",
        "JOB_NODELIST": "gpu1",
    }
    for name, value in {**step, **changes}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)


def test_a_process_that_is_alone_sets_nothing(alone):
    assert rendezvous.export() == 0
    of_slurm(alone, NTASKS="1", STEP_NUM_TASKS="1", PROCID="0")
    assert rendezvous.export() == 0
    of_slurm(alone)
    alone.delenv("SLURM_STEP_NUM_TASKS")  # the batch script of a job for four tasks
    assert rendezvous.export() == 0
    assert not set(NAMES) & set(os.environ)


def test_processes_of_srun_on_one_node_meet_there_and_on_several_on_the_first(alone):
    of_slurm(alone)
    assert rendezvous.export() == 3
    found = {name: os.environ[name] for name in NAMES}
    port = int(found.pop("MASTER_PORT"))
    assert found == {
        "RANK": "3",
        "LOCAL_RANK": "3",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "4",
        "MASTER_ADDR": "127.0.0.1",
    }
    assert 20000 <= port <= 60000
    for name in NAMES:
        del os.environ[name]
    of_slurm(alone, JOB_NUM_NODES="2", LOCALID="1", JOB_NODELIST="gpu[2-3]")
    assert rendezvous.export() == 3
    assert os.environ["MASTER_ADDR"] == "gpu2"
    assert (os.environ["LOCAL_RANK"], os.environ["LOCAL_WORLD_SIZE"]) == ("1", "2")
    assert "SUBMITIT_EXECUTOR" not in os.environ


def test_what_torchrun_set_stays_and_a_part_of_it_is_refused(alone):
    of_slurm(alone)
    alone.setenv("RANK", "7")
    with pytest.raises(UserError, match="RANK is set, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR, MAST"):
        rendezvous.export()
    for name in NAMES:
        alone.setenv(name, "7")
    assert rendezvous.export() == 7
    assert os.environ["WORLD_SIZE"] == "7"
