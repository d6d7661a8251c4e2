"""Networks on torch's meta device, where tensors have shapes and no values."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def answer(network: Any, shape: tuple[int, int, int], device: str) -> Any:
    """What a network answers to two images, in evaluation mode; whatever it raises.

    Args:
        network: as it was built on the device.
        shape: channels, height and width of the images.
        device: ``meta``, where nothing is computed, or ``cpu``.
    """
    import torch  # only here, and below: planning imports this module without it
    from torch.utils._pytree import tree_map_only

    network.eval()
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        generator = torch.Generator("cpu")  # it draws on the CPU, as in an evaluation
        noise = [network.draw(generator, 2)] if hasattr(network, "draw") else []
        there = tree_map_only(torch.Tensor, partial(torch.Tensor.to, device=device), noise)
        with torch.device(device):
            return network(torch.zeros(2, *shape), *there)


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
