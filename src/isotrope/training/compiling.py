"""Forward and backward passes by `torch.compile`, where a param-file asks for it.

On a GPU what it writes is recorded as part of a CUDA graph, as steps are that are not compiled (see
`graphs`); torch's own graphs would come in between. Every shape of a batch is compiled for itself,
so that what a step computes does not depend on the shapes seen before it: a training that was
resumed must find the same bits. New networks of a process find what was compiled for the ones
before them. Where there are too many shapes, the training ends with a sentence that says so, since
torch would go on uncompiled, and with other bits.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from isotrope.console.wording import duration_text
from isotrope.errors import UserError
from isotrope.params.training import Training
from isotrope.training.objective import Measured

SHAPES = 256  # that one process may compile

Work = Callable[..., Measured]


def compiled(work: Work, training: Training) -> Work:
    """The work as it is or, with ``compile: true``, compiled when it is first done."""
    if not training.compile:
        return work
    _tell_compiler()
    fast: Work = torch.compile(work, dynamic=False)
    return fast


def _tell_compiler() -> None:
    """Set what it does with many shapes, and its mode of determinism as torch's own is set.

    The settings are the process's own: `torch.compile` takes a limit from torch 2.12 on only.
    """
    config: Any = importlib.import_module("torch._dynamo.config")  # takes a second
    config.recompile_limit = config.accumulated_recompile_limit = SHAPES
    config.fail_on_recompile_limit_hit = True
    torch.use_deterministic_algorithms(
        torch.are_deterministic_algorithms_enabled(),
        warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
    )


@contextmanager
def announced(log: Callable[[str], None]) -> Iterator[None]:
    """Say that something is compiled, and how long it took."""
    log("torch.compile is at work, which takes seconds to minutes")
    begin = time.monotonic()
    yield
    log(f"compiled in {duration_text(time.monotonic() - begin)}")


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence what cannot be compiled, whichever step finds out.

    Raises:
        UserError: if something in the block cannot be compiled here, or has too many shapes.
    """
    try:
        yield
    except Exception as error:
        if (exc := sys.modules.get("torch._dynamo.exc")) is None:  # nothing was compiled
            raise
        if isinstance(error, exc.FailOnRecompileLimitHit):
            raise UserError(
                f"training.compile: torch.compile was given batches of more than {SHAPES} shapes; "
                "leave it out, or let images have fewer sizes"
            ) from error
        if not isinstance(error, exc.TorchDynamoException):
            raise
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"training.compile: torch.compile failed ({first}); leave it out, or mend what it "
            "lacks: on a CPU a C++ compiler, on a GPU Triton"
        ) from error
