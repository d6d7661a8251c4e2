"""The device of a process: its memory, and how torch computes on it. GPUs are made up."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from isotrope import devices
from isotrope.devices import arithmetic
from isotrope.errors import UserError

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)
GIB = 2**30
ASK = """
import sys
import torch
from isotrope.devices import arithmetic
with arithmetic(torch.device("cpu"), 1):
    assert torch.are_deterministic_algorithms_enabled()
print([name for name in ("torch._inductor", "torch._dynamo") if name in sys.modules])
"""


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("repeatable", [False, True])
def test_what_is_random_is_warned_of_and_the_mode_before_is_set_again(before, repeatable):
    torch.set_deterministic_debug_mode(before)
    try:
        with arithmetic(CPU, 1, repeatable=repeatable):
            assert torch.get_deterministic_debug_mode() == int(repeatable)
        assert torch.get_deterministic_debug_mode() == before
    finally:
        torch.set_deterministic_debug_mode(0)


def test_the_compiler_is_told_where_there_is_one():
    from torch._inductor import config

    with arithmetic(CPU, 1):
        assert config.deterministic
    assert not config.deterministic


def test_no_compiler_is_imported_for_it():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def card(monkeypatch):
    """A made-up GPU of 80 GiB, of which 60 are free."""
    monkeypatch.delenv(devices.JOBS_PER_CARD, raising=False)
    one = SimpleNamespace(total_memory=80 * GIB, free=60 * GIB, fractions=[])
    made_up = {
        "is_available": lambda: True,
        "current_device": lambda: 0,
        "get_device_properties": lambda device: one,
        "mem_get_info": lambda device: (one.free, one.total_memory),
        "set_per_process_memory_fraction": lambda share, device: one.fractions.append(share),
    }
    for name, function in made_up.items():
        monkeypatch.setattr(torch.cuda, name, function)
    return one


def test_one_job_may_have_all_memory_of_a_card(card):
    assert devices.choose("auto") == GPU
    assert card.fractions == []
    assert devices.memory_total(GPU) == 80 * GIB
    assert devices.memory_total(CPU) == 0


def test_one_of_several_jobs_takes_its_share_of_the_memory(card, monkeypatch):
    monkeypatch.setenv(devices.JOBS_PER_CARD, "4")

    assert devices.choose("cuda") == GPU
    assert card.fractions == [1 / 4]
    assert devices.memory_total(GPU) == 20 * GIB


def test_the_memory_of_a_card_is_asked_of_torch_and_of_the_cpu_nothing_is_known(monkeypatch):
    done = []
    made_up = {
        "memory_allocated": lambda device: 3,
        "memory_reserved": lambda device: 5,
        "max_memory_reserved": lambda device: 7,
        "max_memory_allocated": lambda device: 4_000_000,
        "empty_cache": lambda: done.append("emptied"),
        "reset_peak_memory_stats": lambda device: done.append(f"peak of {device}"),
    }
    for name, function in made_up.items():
        monkeypatch.setattr(torch.cuda, name, function)

    assert devices.memory_now(GPU) == 3
    assert devices.memory_held(GPU) == 5
    assert devices.memory_held(GPU, most=True) == 7
    assert devices.memory_peak_mb(GPU) == 4.0
    devices.start_memory_peak(GPU)
    devices.free_memory(GPU)
    assert done == ["peak of cuda:0", "emptied"]

    assert devices.memory_now(CPU) == devices.memory_held(CPU, most=True) == 0
    assert 20 < devices.memory_peak_mb(CPU) < 100_000
    devices.start_memory_peak(CPU)
    devices.free_memory(CPU)
    assert len(done) == 2


@pytest.fixture
def claims(monkeypatch):
    """What is asked for of GPUs, which are four."""
    asked = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(
        devices.cards, "claim", lambda names, places, log, *more: asked.append((names, places))
    )
    return asked


def test_one_of_the_visible_gpus_is_claimed_before_cuda_is_asked(claims, card, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(claims))
    monkeypatch.setenv(devices.JOBS_PER_CARD, "3")
    assert devices.choose("auto") == GPU
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-5d")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: pytest.fail("this may start CUDA"))
    devices.choose("cuda")
    assert claims == [(["0", "1", "2", "3"], 3), (["2", "GPU-5d"], 3)]


def test_nothing_is_claimed_for_the_cpu_nor_in_company_nor_once_cuda_is_at_work(
    claims, card, monkeypatch
):
    devices.choose("cpu")
    monkeypatch.setenv("WORLD_SIZE", "2")
    devices.choose("cuda")
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    devices.choose("cuda")
    assert claims == []


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_jobs_that_is_none_is_refused(card, monkeypatch, said):
    monkeypatch.setenv(devices.JOBS_PER_CARD, said)
    with pytest.raises(UserError, match=f"ISOTROPE_JOBS_PER_CARD={said}: needs a whole number"):
        devices.choose("auto")
    assert devices.choose("cpu") == CPU


@pytest.mark.parametrize(
    ("gib", "jobs", "images"),
    [(80, 1, 128), (15.7, 1, 128), (80, 4, 128), (80, 10, 64), (8, 1, 64), (4, 1, 32), (2, 1, 32)],
)
def test_images_of_a_forward_pass_follow_the_memory_that_a_job_may_have(
    card, monkeypatch, gib, jobs, images
):
    monkeypatch.setenv(devices.JOBS_PER_CARD, str(jobs))
    card.total_memory = int(gib * GIB)
    assert devices.evaluation_batch(GPU) == images
    card.free = 0
    assert devices.evaluation_batch(GPU) == images
    assert devices.evaluation_batch(CPU) == 32
