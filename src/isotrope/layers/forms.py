"""Which form a layer takes: few large operations for a GPU, or small ones for a CPU's cache.

Both forms give the same numbers up to rounding. On a GPU a step is bound by the number of its
operations as long as these are small, so there a layer treats as many scales, seeds and images at
once as its share of the memory holds. On a CPU what lies in the cache is faster.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

NUMBERS = 2**28  # of one intermediate result on a GPU, where nobody has said otherwise


class _Choice:
    """What is in force in this process."""

    like_a_gpu = False
    numbers = NUMBERS
    rows = 1


def few_launches(like: Tensor) -> bool:
    """Whether a layer shall take few large operations for this tensor."""
    return like.device.type != "cpu" or _Choice.like_a_gpu


def numbers_at_once(like: Tensor, on_a_cpu: int) -> int:
    """How many numbers an intermediate result may have; of a stack, those of one row.

    Args:
        like: a tensor on the device that computes.
        on_a_cpu: what suits a CPU's cache.
    """
    return max(1, _Choice.numbers // _Choice.rows) if few_launches(like) else on_a_cpu


def in_a_stack() -> bool:
    """Whether several rows are computed at once."""
    return _Choice.rows > 1


def numbers_of_all_rows() -> int:
    """How many numbers an intermediate result on a GPU may have that holds whole stacks."""
    return _Choice.numbers


@contextmanager
def memory(numbers: int) -> Iterator[None]:
    """Let intermediate results on a GPU have so many numbers, of all rows of a stack together."""
    before, _Choice.numbers = _Choice.numbers, numbers
    try:
        yield
    finally:
        _Choice.numbers = before


@contextmanager
def stacked(rows: int) -> Iterator[None]:
    """Let layers know that so many rows of a stack are computed at once under `torch.func.vmap`."""
    before, _Choice.rows = _Choice.rows, rows
    try:
        yield
    finally:
        _Choice.rows = before


@contextmanager
def like_a_gpu() -> Iterator[None]:
    """Compute on a CPU as on a GPU, to test it and to count its operations."""
    before, _Choice.like_a_gpu = _Choice.like_a_gpu, True
    try:
        yield
    finally:
        _Choice.like_a_gpu = before
