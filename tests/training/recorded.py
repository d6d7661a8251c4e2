"""A stand-in for CUDA graphs on the CPU: operations are written down, and done again as they were.

Like a graph it works on the tensors that it was recorded with, whatever Python would do by then:
numbers that were read, branches that were taken and sizes stay as they were.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map_only

LOOKS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select")


class _Written(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        if function.name().partition(".")[0] in LOOKS:
            raise RuntimeError(f"{function.name()} looks at the device while it is recorded")
        found = function(*args, **(kwargs or {}))
        results = [one for one in tree_iter(found) if isinstance(one, Tensor)]
        given, named = tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}))
        self.done.append((function, given, named, [one.detach() for one in results]))
        return found


class RecorderOnCPU:
    """`isotrope.training.graphs.Recorder` on the CPU.

    Attributes:
        recorded: how often something was recorded.
        replayed: how often something was replayed.
    """

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def rehearse(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        with _Written() as written:
            work()

        def replay() -> None:
            self.replayed += 1
            with torch.inference_mode():
                for function, args, kwargs, results in written.done:
                    _again(function, args, kwargs, results)

        return replay


def _again(function: Any, args: Any, kwargs: Any, results: list[Tensor]) -> None:
    """Do an operation again, and write what it gives to where it was the first time."""
    found = [one for one in tree_iter(function(*args, **kwargs)) if isinstance(one, Tensor)]
    given = (one for one in tree_iter((args, kwargs)) if isinstance(one, Tensor))
    memory = {one.untyped_storage().data_ptr() for one in given}
    for old, new in zip(results, found, strict=True):
        if old.untyped_storage().data_ptr() not in memory:  # neither in place nor a view
            old.copy_(new)
