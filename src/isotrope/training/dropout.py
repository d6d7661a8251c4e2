"""Dropout whose zeros follow from a key: the same alone and in a stack, on the device itself.

torch's dropout draws from a generator, whose numbers depend on all that was drawn before; in a
stack of seeds no row could have its own. Here each element is kept or not by a hash of its place,
of the module, of how often the module ran before in the same pass, and of a key of the seed and the
step, so that nothing has to be saved and rows do not depend on each other. A pass that is computed
twice (``torch.utils.checkpoint``) would draw anew; a layer that computes twice takes a key by
``next_key`` and drops by it (`isotrope.layers.hashed_dropout`, where the hash is, too).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from isotrope.layers.hashed_dropout import kept, mixed

_MASK = 0xFFFFFFFF
_KINDS: dict[type[nn.Module], int] = {  # how many leading axes have a number of their own
    nn.Dropout1d: 2,
    nn.Dropout2d: 2,
    nn.Dropout3d: 2,
}


class KeyedDropout(nn.Module):
    """Dropout of elements, or of whole channels.

    Args:
        share: how many are set to zero, from 0 to 1; the others grow by ``1 / (1 - share)``.
        number: tells the modules of a network apart.
        axes: leading axes that have numbers of their own; all, if none is given.

    Attributes:
        key: int64 ``()``, a number of 32 bits that is another in every step and for every seed.
        runs: how often it ran since the pass through its network began.
    """

    key: Tensor

    def __init__(self, share: float, number: int, axes: int | None = None) -> None:
        super().__init__()
        self.share = share
        self.number = number
        self.axes = axes
        self.runs = 0
        self.register_buffer("key", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """The values, in training with some of them zero."""
        if not self.training or self.share == 0:
            return values
        shape = values.shape[: self.axes]
        places = torch.arange(shape.numel(), device=values.device)
        keep = kept(places, self.next_key(), self.share).view(shape)
        keep = keep.view(*shape, *[1] * (values.ndim - len(shape)))
        grown = 1 / (1 - self.share) if self.share < 1 else 0.0
        return values * (keep * grown).to(values.dtype)

    def next_key(self) -> Tensor:
        """The key of one more run, int64 ``()``, of 32 bits."""
        place = 0x9E3779B1 * (self.number + 1) + 0x85EBCA6B * self.runs
        self.runs += 1
        return mixed(self.key ^ (place & _MASK))

    def extra_repr(self) -> str:
        """What a summary of the network says of it."""
        return f"p={self.share}"


def with_keys(network: nn.Module) -> list[str]:
    """Put keyed dropout into the place of torch's, and name the keys.

    ``nn.Dropout`` and its forms for whole channels are replaced. A network that was given keyed
    dropout before is left as it is. A module that stands in two places stays one.
    """
    known: dict[nn.Module, KeyedDropout] = {}
    for number, (name, module) in enumerate(list(network.named_modules(remove_duplicate=False))):
        keyed = known.get(module) or _keyed(module, number)
        if keyed is not None:
            known[module] = keyed.train(module.training)
            network.set_submodule(name, keyed.to(_device(network)))
    return list(_keys(network))


def dropouts(network: nn.Module) -> list[KeyedDropout]:
    """The keyed dropout modules of a network."""
    return [module for module in network.modules() if isinstance(module, KeyedDropout)]


def _keyed(module: nn.Module, number: int) -> KeyedDropout | None:
    kind = type(module)
    if kind is nn.Dropout:
        return KeyedDropout(module.p, number)  # type: ignore[arg-type]
    if kind in _KINDS:
        return KeyedDropout(module.p, number, _KINDS[kind])  # type: ignore[arg-type]
    return None


def _device(network: nn.Module) -> torch.device:
    return next((value.device for value in network.parameters()), torch.device("cpu"))


def _keys(network: nn.Module) -> Iterator[str]:
    for name, module in network.named_modules():
        if isinstance(module, KeyedDropout):
            yield f"{name}.key" if name else "key"
