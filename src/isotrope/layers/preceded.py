"""A network behind something that its images go through first."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from torch import Tensor, nn

M = TypeVar("M", bound=Callable[..., Any])
_MARK = "takes_images"


def takes_images(method: M) -> M:
    """Marks a method of a network whose first argument are images, as ``forward`` takes them."""
    method.__dict__[_MARK] = True
    return method


class Preceded(nn.Module):
    """A network behind a first module, with all that the network offers.

    What the network defines besides ``forward`` is found here too: ``features``, ``loss`` and the
    methods that are marked by `takes_images` take images before the first module, names of
    parameters and buffers are those that they have here, and ``get_submodule`` finds the parts of
    the network by their own names.

    Args:
        name: what the first module is called here.
        first: what images go through first.
        network: the network.
    """

    def __init__(self, name: str, first: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self._first_name = name
        self.add_module(name, first)
        self.network = network

    @property
    def first(self) -> nn.Module:
        """What images go through first."""
        return self._modules[self._first_name]  # type: ignore[return-value]

    def forward(self, images: Tensor, *noise: Any, **told: Tensor) -> Any:
        """What the network makes of the images behind the first module."""
        return self.network(self.first(images), *noise, **told, **self.told(images))

    def told(self, images: Tensor) -> dict[str, Tensor]:
        """What the network is told of the images besides, by keywords; nothing here."""
        del images
        return {}

    def get_submodule(self, target: str) -> nn.Module:
        """A part of the network, or a module by its name here."""
        try:
            return super().get_submodule(target)
        except AttributeError:
            return self.network.get_submodule(target)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(super().__getattr__("network"), name)
        if name in _OFFERED:
            return partial(_OFFERED[name], self, found)
        return partial(_behind, self, found) if getattr(found, _MARK, False) else found


def _behind(
    whole: Preceded, called: Callable[..., Any], images: Tensor, *rest: Any, **more: Any
) -> Any:
    return called(whole.first(images), *rest, **more, **whole.told(images))


def _groups(_: Preceded, called: Callable[..., Any]) -> dict[str, list[str]]:
    return {group: [f"network.{name}" for name in names] for group, names in called().items()}


def _buffers(_: Preceded, called: Callable[..., Any], *rest: Any) -> dict[str, Any]:
    return {f"network.{name}": value for name, value in called(*rest).items()}


_OFFERED: dict[str, Callable[..., Any]] = {
    "features": _behind,
    "loss": _behind,
    "parameter_groups": _groups,
    "on_step": _buffers,
    "on_epoch": _buffers,
}
