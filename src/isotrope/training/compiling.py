"""Forward passes that `torch.compile` turns into kernels, where a param-file asks for it.

On a GPU they are replayed as CUDA graphs, one launch instead of hundreds. Every shape of a batch is
compiled for itself, so that what a step computes does not depend on the shapes seen before it: a
training that was resumed must find the same bits.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException

from isotrope.envelope import Training
from isotrope.errors import UserError

SHAPES = 256  # beyond so many torch would go on uncompiled, and with other bits

Work = Callable[..., tuple[Tensor, Tensor]]


def compiled(work: Work, training: Training) -> Work:
    """The work as it is or, where the param-file says ``compile: true``, compiled when first done.

    Raises:
        UserError: when it is first done, if it cannot be compiled here.
    """
    if not training.compile:
        return work
    # in a dict: the types that torch has for `compile` do not know the last one
    options: dict[str, Any] = {"dynamic": False, "recompile_limit": SHAPES}
    fast: Work = torch.compile(work, mode="reduce-overhead", **options)
    begin: Callable[[], None] = torch.compiler.cudagraph_mark_step_begin

    def done(*arguments: object) -> tuple[Tensor, Tensor]:
        begin()  # what was given out before is of no use now
        try:
            return fast(*arguments)
        except TorchDynamoException as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(
                f"training.compile: torch.compile failed ({first}); leave it out, or mend what it "
                "lacks: on a CPU a C++ compiler, on a GPU Triton"
            ) from error

    return done
