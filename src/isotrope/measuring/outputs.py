"""What parts of a network return while it is called."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

Kept = Callable[[Tensor], Tensor]  # what is kept of a part's output, each image by itself


@contextmanager
def outputs_of(network: nn.Module, parts: Mapping[str, Kept]) -> Iterator[dict[str, Tensor]]:
    """Keep what the parts of a network return, while it is called inside.

    Args:
        network: has the parts.
        parts: their names, as in ``stage1``, and what is kept of the output of each.

    Yields:
        What was kept of the last forward pass, by the names of the parts.
    """
    found: dict[str, Tensor] = {}

    def keep(part: str, kept: Kept) -> Any:
        def hook(module: nn.Module, given: Any, output: Tensor) -> None:
            del module, given
            found[part] = kept(output)

        return hook

    with ExitStack() as hooks:
        for part, kept in parts.items():
            handle = network.get_submodule(part).register_forward_hook(keep(part, kept))
            hooks.callback(handle.remove)
        yield found


def has_hooks(network: nn.Module) -> bool:
    """Whether somebody listens to the forward pass of a network or of a part of it."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())
