"""Where the trained parameters of a network lie in a flat row of numbers.

A row holds the groups one after the other, and in a group its parameters in the order of the
network's modules. A network may define ``parameter_groups()``, which gives names of parameters by
the name of their group; all that it does not name are the group ``base``.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.params.optimizer import BASE, Optimizer
from isotrope.training.optimizers import Group


class Layout:
    """The order of a network's trained parameters in a flat row.

    Args:
        network: any of the networks that are trained; all are alike.
        optimizer: says what differs between groups.

    Raises:
        ValueError: if the parameters are not all of one type, none is trained, or groups name
            parameters that there are not, or twice, or the optimizer a group that there is not.
    """

    def __init__(self, network: nn.Module, optimizer: Optimizer) -> None:
        known = trained(network)
        if len({value.dtype for value in known.values()}) != 1:
            raise ValueError("the trained parameters must be of one type, and there must be some")
        grouped = _grouped(network, known)
        if strange := sorted(set(optimizer.groups) - {*grouped, BASE}):
            listed = ", ".join([*grouped, BASE])
            raise ValueError(
                f"training.optimizer.groups: the model has no group '{strange[0]}'; its groups "
                f"are {listed}"
            )
        named = {name for names in grouped.values() for name in names}
        whole = {BASE: [name for name in known if name not in named], **grouped}
        self.groups: list[Group] = []
        self.names: list[str] = []
        stop = 0
        for group, names in whole.items():
            start, stop = stop, stop + sum(known[name].numel() for name in names)
            self.names += names
            if names:
                self.groups.append(Group(group, start, stop, optimizer.weight_decay_of(group)))
        self.shapes = [known[name].shape for name in self.names]
        self.sizes = [known[name].numel() for name in self.names]

    @property
    def group_names(self) -> list[str]:
        """The groups that have parameters, in their order."""
        return [group.name for group in self.groups]

    def flat(self, network: nn.Module) -> Tensor:
        """A copy of a network's parameters as one row, ``(numbers,)``."""
        known = trained(network)
        return torch.cat([known[name].detach().flatten() for name in self.names])

    def views(self, row: Tensor) -> dict[str, Tensor]:
        """Each parameter as a view into a flat row."""
        pieces = row.split_with_sizes(self.sizes)
        return {
            name: piece.view(shape)
            for name, piece, shape in zip(self.names, pieces, self.shapes, strict=True)
        }

    def stacks(self, flat: Tensor) -> dict[str, Tensor]:
        """Each parameter of all rows as a view ``(rows, ...)`` into ``(rows, numbers)``."""
        pieces = flat.split_with_sizes(self.sizes, dim=1)
        return {
            name: piece.view(len(flat), *shape)
            for name, piece, shape in zip(self.names, pieces, self.shapes, strict=True)
        }


def trained(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that have gradients, in the order of the network's modules."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _grouped(network: Any, known: Mapping[str, object]) -> dict[str, list[str]]:
    """The groups that a network names, each with its parameters."""
    if not hasattr(network, "parameter_groups"):
        return {}
    groups = {group: list(names) for group, names in network.parameter_groups().items()}
    named = [name for names in groups.values() for name in names]
    if strange := sorted(set(named) - set(known)):
        raise ValueError(f"parameter_groups names {strange[0]}, which is no trained parameter")
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise ValueError(f"parameter_groups names {twice} twice")
    return groups
