"""Matrices and tables that depend on settings and sizes only, made once and not in each step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack  # no public way

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")

_KEPT = 512  # of each kind; those of a network's layers and image sizes are some dozens
_holders: list[list[object]] = []


def made_once(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """Keep what a function makes for each of its last arguments, which must be hashable.

    What is made are plain tensors, even in inference mode and inside a transform of `torch.func`.
    `torch.compile` reads through it, and keeps what it can by itself. ``cache_clear`` forgets all.
    """

    @lru_cache(_KEPT)
    def kept(*arguments: Any, **named: Any) -> Made:
        with temporarily_clear_interpreter_stack(), torch.inference_mode(False), torch.no_grad():
            return make(*arguments, **named)

    @wraps(make)
    def find(*arguments: Any, **named: Any) -> Made:
        if torch.compiler.is_compiling():
            return make(*arguments, **named)
        found = kept(*arguments, **named)
        for held in _holders:
            held.append(found)
        return found

    find.__dict__["cache_clear"] = kept.cache_clear
    return find


@contextmanager
def holding() -> Iterator[list[object]]:
    """Collect what is asked for in the block.

    A CUDA graph knows of memory, not of tensors: whoever records one must hold these as long.
    """
    held: list[object] = []
    _holders.append(held)
    try:
        yield held
    finally:
        _holders.pop()
