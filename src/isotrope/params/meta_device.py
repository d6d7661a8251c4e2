"""Networks on torch's meta device, where tensors have shapes and no values."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
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
        with torch.device(device), shapes_alone() if device == "meta" else nullcontext():
            return network(torch.zeros(2, *shape), *there)


def shapes_alone() -> AbstractContextManager[None]:
    """Inside, layers that leave their maps' shape as it is are passed over on the meta device.

    There batch normalisation and ReLU take most of the time of a residual network's pass, and
    tell nothing. Those whose numbers of channels do not fit go the usual way, and fail.
    """
    from torch.nn import functional as F
    from torch.overrides import TorchFunctionMode

    class WithoutPointwise(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            passed = (func is F.relu and args and args[0].is_meta) or (
                func is F.batch_norm and _fits(*args, **(kwargs or {}))
            )
            return args[0] if passed else func(*args, **(kwargs or {}))

    return WithoutPointwise()


def _fits(
    maps: Any,
    mean: Any,
    variance: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    *_: Any,
    **__: Any,
) -> bool:
    """Whether maps on the meta device have the channels of their normalisation, in evaluation."""
    known = [one for one in (mean, variance, weight, bias) if one is not None]
    return maps.is_meta and not training and all(one.shape == maps.shape[1:2] for one in known)


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
            if func in drawing:
                filled = args[0] if args else (kwargs or {}).get("tensor")
                if getattr(filled, "is_meta", False):
                    return filled
            return func(*args, **(kwargs or {}))

    with suppress(Exception), torch.device("meta"), WithoutDraws():
        return build()
    return None
