"""Whether a network that was built for images of one size takes those of another."""

from typing import Any

from isotrope.params import meta_device, modelling
from isotrope.params.blocks import Plugin
from isotrope.params.meta_networks import network_without_values
from isotrope.params.trials import tried
from isotrope.settings import Settings

Shape = tuple[int, int, int]  # channels, height, width


def refusal(model: Plugin, built_for: Shape, classes: int, shape: Shape) -> str | None:
    """Why a network does not take images of a shape that it was not built for; None if it does.

    A forward pass tells: on the meta device, which computes nothing; where an operation of the
    model is not known there, once for real.

    Args:
        model: the model.
        built_for: the shape of the images that it is trained on.
        classes: their number of classes.
        shape: the shape in question.
    """
    found: str | None = _refusal(model.name, model.params, built_for, classes, shape)
    return found


@tried
def _refusal(
    name: str, params: Settings, built_for: Shape, classes: int, shape: Shape
) -> str | None:
    reason = None
    for device in ("meta", "cpu"):
        try:
            network = _built(name, params, built_for, classes, device)
            if network is None:
                continue
            meta_device.answer(network, shape, device)
        except (RuntimeError, ValueError, NotImplementedError) as error:
            reason = str(error).partition("\n")[0]
        else:
            return None
    return reason


def _built(name: str, params: Settings, built_for: Shape, classes: int, device: str) -> Any:
    """The network; on the meta device without its initial values, or None."""
    if device == "meta":
        return network_without_values(name, params, built_for, classes)
    import torch  # only here: planning imports this module without it

    with torch.random.fork_rng(devices=[]), torch.device(device):
        return modelling.build(name, params, built_for, classes)
