"""What evaluations that look inside a network share: the outputs of its parts."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


@contextmanager
def outputs_of(
    network: nn.Module, parts: Iterable[str], kept: Callable[[nn.Module, Tensor], T]
) -> Iterator[dict[str, T]]:
    """Keep what the parts of a network return, while it is called inside.

    Args:
        network: has the parts.
        parts: their names, as in ``stage1``.
        kept: what is kept of a part and its output.

    Yields:
        What was kept of the last forward pass, by the names of the parts.
    """
    found: dict[str, T] = {}

    def keep(part: str) -> Any:
        def hook(module: nn.Module, given: Any, output: Tensor) -> None:
            del given
            found[part] = kept(module, output)

        return hook

    with ExitStack() as hooks:
        for part in parts:
            handle = network.get_submodule(part).register_forward_hook(keep(part))
            hooks.callback(handle.remove)
        yield found
