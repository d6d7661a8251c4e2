"""Whether a network can be built on torch's meta device: tensors have shapes there, no values."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def is_built(build: Callable[[], object]) -> bool:
    """Whether ``build`` builds something there."""
    return built(build) is not None


def built(build: Callable[[], T]) -> T | None:
    """What ``build`` builds there; None if it cannot.

    Random initial values are not drawn: there is nothing to hold them, and in large networks the
    meta device spends most of its time on them.
    """
    import torch
    from torch.nn import init
    from torch.overrides import TorchFunctionMode

    drawing = {
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        *(init.normal_, init.uniform_, init.trunc_normal_),
        *(init.kaiming_normal_, init.kaiming_uniform_, init.xavier_normal_, init.xavier_uniform_),
    }

    class WithoutDraws(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            if func in drawing and args and getattr(args[0], "is_meta", False):
                return args[0]
            return func(*args, **(kwargs or {}))

    with suppress(Exception), torch.device("meta"), WithoutDraws():
        return build()
    return None
