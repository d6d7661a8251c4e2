"""Which foreign weights networks with a moving fovea take: their own, and those of RAM-LPM.

The latter are those of either published network: that of SIM2MNIST, with a layer of 1,024 units
before the answer, and that of ImageNet, where that layer is in the file but not used. Both were
trained with ``legacy_pole_pad: true``, without which the same weights would compute something else.

Source of the names: the code published with Kiritani and Ono, 2020,
https://arxiv.org/abs/2002.05388.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from isotrope.errors import UserError

_PARALLEL = "module."  # before all names, where several GPUs have trained
_SENSOR = "retina.grid_2d"
_STACKS = re.compile(r"(cnn_what|cnn_where)\.net\.(\d+)\.(.+)")
_HEADS = {
    "hidden": {"fc_before_classifier": 0, "bn_before_classifier": 2, "classifier.fc": 3},
    "direct": {"bn_before_classifier": 0, "classifier.fc": 1},
}
_SHOWN = 3


def published(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    head: str,
    radii: Sequence[float],
    legacy_pole_pad: bool,
) -> dict[str, Tensor] | None:
    """The weights that a ``ram_lpm`` takes of a published network, by its own names.

    Names that are unknown are given as they are, so that whoever puts them in can say so.

    Args:
        network: whose names count.
        weights: by their names.
        head: ``hidden`` or ``direct``.
        radii: that its fovea samples, in halves of the image's shorter side.
        legacy_pole_pad: whether it has the rows beyond the pole as published.

    Returns:
        The weights; None if they are of no published network.

    Raises:
        UserError: if weights are missing, or of another fovea or padding.
    """
    given = {name.removeprefix(_PARALLEL): value for name, value in weights.items()}
    if _SENSOR not in given:
        return None
    if not legacy_pole_pad:
        raise UserError("published weights were trained with legacy_pole_pad: true; set that")
    _refuse_other_radii(given.pop(_SENSOR), radii)
    found = _renamed(given, network.state_dict(), head)
    return taken_whole(network, found, ("std",))  # no weight there, but a setting


def taken_whole(
    network: nn.Module, given: Mapping[str, Tensor], spared: Sequence[str] = ()
) -> dict[str, Tensor]:
    """Weights of which none may be missing but those that are spared.

    Args:
        network: whose names count.
        given: by its names.
        spared: names that may be missing.

    Raises:
        UserError: if another is missing.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in given and name not in spared]
    if missing and set(given) <= set(own):
        listed = ", ".join(missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise UserError(f"the weights lack {listed}{more}; they are of other settings")
    return dict(given)


def _renamed(
    given: Mapping[str, Tensor], own: Mapping[str, Tensor], head: str
) -> dict[str, Tensor]:
    """Published weights by our names."""
    places = {stack: _places(f"{stack}.", own) for stack in ("cnn_what", "cnn_where")}
    theirs = {stack: _places(f"{stack}.net.", given) for stack in places}
    heads, found = _HEADS[head], {}
    for name, value in given.items():
        ours, (part, _, last) = name, name.rpartition(".")
        if match := _STACKS.fullmatch(name):
            order, known = theirs[match[1]], places[match[1]]
            place = order.index(int(match[2]))
            ours = f"{match[1]}.{known[place]}.{match[3]}" if place < len(known) else name
        elif part in heads:
            ours = f"head.{heads[part]}.{last}"
        elif part == "fc_before_classifier":  # of no use without a hidden layer
            continue
        elif part == "baseliner.fc":
            ours = f"baseline.fc.{last}"
        elif part == "locator.fc":
            ours = f"locator.{last}"
        found[ours] = value
    return found


def _places(stack: str, names: Mapping[str, Tensor]) -> list[int]:
    """The places in a stack of layers that have weights, from the first on."""
    found = {name.removeprefix(stack).split(".")[0] for name in names if name.startswith(stack)}
    return sorted(int(place) for place in found)


def _refuse_other_radii(grid: Tensor, radii: Sequence[float]) -> None:
    """Refuse a fovea that samples at other radii than that of published weights."""
    theirs = grid[:, 0, 0].double().cpu()
    ours = torch.tensor(radii, dtype=torch.float64)
    if theirs.shape != ours.shape or not torch.allclose(theirs, ours, atol=1e-5):
        said = [f"{len(one)} from {one[0]:.4g} to {one[-1]:.4g}" for one in (theirs, ours)]
        raise UserError(
            f"the weights are of a fovea with other radii: {said[0]}; the model's are {said[1]}"
        )
