"""Weights of the networks published with the scale study, by the names of ours.

``standard``, ``kanazawa``, ``xu``, ``conv3d`` and the networks with scale pools have the published
names anyway. The others take a published file whole or not at all, and their own weights as ever.

Source of the names: the code that Altstidl et al. published with "Just a Matter of Scale?", 2022,
https://arxiv.org/abs/2211.10288.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from isotrope.errors import UserError

COLUMN = (  # what is behind the pyramid or the transformer is one sequence
    ("base_model.0.", "conv1."),
    ("base_model.2.", "conv2."),
    ("base_model.5.", "lin."),
)
_BASIS = ".basis.basis"
_SHOWN = 3


def renamed(
    network: nn.Module, weights: Mapping[str, Tensor], names: Sequence[tuple[str, str]]
) -> dict[str, Tensor]:
    """The weights with published beginnings of names replaced by ours.

    Raises:
        UserError: if a weight of the network is missing.
    """
    found = {}
    for name, value in weights.items():
        theirs, ours = next((pair for pair in names if name.startswith(pair[0])), ("", ""))
        found[ours + name.removeprefix(theirs)] = value
    missing = [name for name in network.state_dict() if name not in found]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise UserError(f"the weights lack {', '.join(missing[:_SHOWN])}{more}")
    return found


def steerable(
    network: nn.Module, weights: Mapping[str, Tensor], bases: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The weights of steerable kernels, if they belong to the functions of the network.

    The published files hold these functions, too, and the second layer's weights have an axis of
    length 1 for its number of neighbouring scales.

    Args:
        network: whose weights they shall be.
        weights: by published names, or ours.
        bases: the functions of each of the network's layers, by its name.

    Raises:
        UserError: if the weights belong to other functions.
    """
    found = {}
    for name, value in weights.items():
        layer = name.removesuffix(_BASIS)
        if layer not in bases or layer == name:
            single = name == "conv2.weight" and value.ndim == 4 and value.shape[2] == 1
            found[name] = value.squeeze(2) if single else value
            continue
        own = bases[layer].detach().to("cpu", torch.float64)
        theirs = value.to("cpu", torch.float64)
        if own.shape != theirs.shape or (own - theirs).abs().max() > 1e-4 * own.abs().max():
            raise UserError(
                f"the weights are for other kernels: {name} of the file is not what this network "
                "computes from its settings, so that they would give other answers here"
            )
    return renamed(network, found, ())
