"""The device that trains and tests, and arithmetic on it that gives the same numbers every time.

Of several GPUs of a machine each process claims one that is free. Several jobs may share a GPU:
with ``ISOTROPE_JOBS_PER_CARD=2`` in the environment a process takes at most half of its memory, and
all that follows from the size of the memory follows this share.
"""

import gc
import math
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from isotrope.console.printing import say
from isotrope.errors import UserError
from isotrope.processes import cards

DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "tf32", "bfloat16"]
JOBS_PER_CARD = "ISOTROPE_JOBS_PER_CARD"  # a variable of the environment; 1 if it is not set


def choose(name: DeviceName, log: Callable[[str], None] = say) -> torch.device:
    """The device of a name; ``auto`` is a GPU if there is one, else the CPU.

    Where several GPUs are visible, one is claimed for the rest of this process, see ``claim``.

    Args:
        name: the device's name.
        log: is told which GPU is claimed, and if all are taken.

    Raises:
        UserError: if ``cuda`` is asked for and torch sees no GPU, no GPU can be claimed, or
            ``ISOTROPE_JOBS_PER_CARD`` is no whole number of at least 1.
    """
    if name == "cpu":
        return torch.device("cpu")
    claim(log)
    if torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
        if (jobs := jobs_per_card()) > 1:
            torch.cuda.set_per_process_memory_fraction(1 / jobs, device)
        return device
    if name == "cuda":
        raise UserError(
            "device cuda: torch sees no GPU here; ask for device cpu or auto, or look at the "
            "driver and CUDA_VISIBLE_DEVICES"
        )
    return torch.device("cpu")


def claim(log: Callable[[str], None], gpus: int = 1, inherited: bool = False) -> None:
    """Claim GPUs of this machine, if more than one is visible; wait while too few are free.

    Nothing is claimed where CUDA is in use already, nor by one of several processes that train
    together: the process that started them has claimed their GPUs.

    Args:
        log: is told which GPUs are claimed, and if too few are free.
        gpus: how many.
        inherited: whether a program that replaces this process keeps them.

    Raises:
        UserError: if they cannot be claimed, or ``ISOTROPE_JOBS_PER_CARD`` is no whole number of
            at least 1.
    """
    at_work: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if at_work or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return
    names = cards.visible(torch.cuda.device_count)
    cards.claim(names, jobs_per_card(), log, gpus, inherited)


def jobs_per_card() -> int:
    """How many processes share a GPU, from the environment.

    Raises:
        UserError: if the variable holds anything but a whole number of at least 1.
    """
    said = os.environ.get(JOBS_PER_CARD, "1")
    if not said.isdecimal() or int(said) < 1:
        raise UserError(f"{JOBS_PER_CARD}={said}: needs a whole number of at least 1")
    return int(said)


def describe(device: torch.device) -> str:
    """``cpu``, or the name that the GPU gives itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def synchronize(device: torch.device) -> None:
    """Wait for all work that was given to a GPU, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def start_memory_peak(device: torch.device) -> None:
    """Let the peak of a GPU's memory begin anew. The peak of a process on the CPU cannot."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.reset_peak_memory_stats(device)


def memory_peak_mb(device: torch.device) -> float:
    """The most memory in use so far, in MB: tensors on a GPU, else the whole process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def evaluation_batch(device: torch.device) -> int:
    """Images per forward pass where no gradient is needed.

    On the CPU, more than 32 small images no longer fit the cache and take longer; 16 and 32 give
    the same bits. A GPU wants more at once: 128 where this process may have 16 GiB of its memory or
    more, and half as many for each halving of that, down to 32. What is in use at the moment does
    not count: in batches of another size a training would not go on with the same bits.
    """
    if device.type != "cuda":
        return 32
    halvings = round(math.log2(16 * 2**30 / memory_total(device)))  # one of 16 has a bit less
    return max(32, 128 >> max(0, halvings))


def memory_total(device: torch.device) -> int:
    """Bytes of a GPU's memory that this process may have, whatever is in use; 0 on the CPU.

    All of it, or the share of one of several jobs.
    """
    if device.type != "cuda":
        return 0
    return int(torch.cuda.get_device_properties(device).total_memory) // jobs_per_card()


def memory_now(device: torch.device) -> int:
    """Bytes of tensors on a GPU; 0 on the CPU, where it is not known."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def memory_held(device: torch.device, most: bool = False) -> int:
    """Bytes of a GPU that torch holds, unused and for graphs included; 0 on the CPU.

    Args:
        device: the device.
        most: the most since `start_memory_peak`, not what it holds now.
    """
    if device.type != "cuda":
        return 0
    held = torch.cuda.max_memory_reserved if most else torch.cuda.memory_reserved
    return int(held(device))


def free_memory(device: torch.device) -> None:
    """Give back what no tensor uses."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def arithmetic(
    device: torch.device, threads: int, precision: Precision = "float32", repeatable: bool = True
) -> Iterator[None]:
    """Set how torch computes; what was set before is set again afterwards.

    In float32 proper unless TF32 is asked for. Repeatable means the same bits again on the same
    device: cuDNN takes its deterministic kernels without timing them first, since the fastest of
    a timing differs from start to start; operations that have only a random order of summation
    are reported by a warning, not refused.

    Args:
        device: where the work is done.
        threads: CPU threads of one operation, at least 1.
        precision: of products and convolutions; ``bfloat16`` is the business of whoever calls them.
        repeatable: whether the same bits are wanted again; else whatever is fastest.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    filling: Any = torch.utils.deterministic
    before = (
        cudnn.allow_tf32,
        matmul.allow_tf32,
        cudnn.benchmark,
        cudnn.deterministic,
        torch.get_deterministic_debug_mode(),
        filling.fill_uninitialized_memory,
        torch.get_num_threads(),
    )
    if device.type == "cuda":  # read when cuBLAS starts; without it sums may vary
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        cudnn.allow_tf32 = matmul.allow_tf32 = precision == "tf32"
        cudnn.benchmark, cudnn.deterministic = not repeatable, repeatable
        _warn_of_randomness(1 if repeatable else 0)
        filling.fill_uninitialized_memory = False
        torch.set_num_threads(threads)
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[:4]
        _warn_of_randomness(before[4])
        filling.fill_uninitialized_memory = before[5]
        torch.set_num_threads(before[6])


def _warn_of_randomness(mode: int) -> None:
    """Set torch's mode of determinism: 0 for none, 1 to warn of what is random, 2 to refuse it."""
    if "torch._inductor.config" in sys.modules:  # what is compiled is told, too
        torch.use_deterministic_algorithms(mode > 0, warn_only=mode == 1)
    else:  # the same, without a second and a half to import a compiler that nobody asked for
        torch.set_deterministic_debug_mode(mode)
