"""Whether a network that was built for images of one size takes those of another."""

from typing import Any

from isotrope.params import modelling
from isotrope.params.blocks import Plugin

Shape = tuple[int, int, int]  # channels, height, width

_known: dict[tuple[str, str, Shape, int, Shape], str | None] = {}


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
    key = model.name, model.params.model_dump_json(), built_for, classes, shape
    if key not in _known:
        _known[key] = _refusal(model, built_for, classes, shape)
    return _known[key]


def _refusal(model: Plugin, built_for: Shape, classes: int, shape: Shape) -> str | None:
    import torch  # only here: planning imports this module without it

    reason = None
    for device in ("meta", "cpu"):
        try:
            with torch.device(device), torch.random.fork_rng(devices=[]), torch.inference_mode():
                network: Any = modelling.build(model.name, model.params, built_for, classes).eval()
                generator = torch.Generator("cpu")
                noise = [network.draw(generator, 2)] if hasattr(network, "draw") else []
                network(torch.zeros(2, *shape), *noise)
        except (RuntimeError, ValueError, NotImplementedError) as error:
            reason = str(error).partition("\n")[0]
        except AssertionError:  # torch has no exponential numbers from a generator on meta
            if device != "meta":
                raise
        else:
            return None
    return reason
