"""Models as the rest of the project sees them: their settings, and how one is built.

Importing this module needs no torch.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from isotrope import registry
from isotrope.errors import UserError
from isotrope.mistakes import complaints_of, dotted
from isotrope.params.normalise import DESCRIPTION, Normalise, Values
from isotrope.settings import Settings

if TYPE_CHECKING:
    from torch import nn


def settings_of(name: str) -> type[Settings]:
    """The settings of a model: its own ``Params``, and those that every model has.

    Raises:
        UserError: if there is no such model, or it cannot be imported.
    """
    return _with_common(registry.load("models", name).Params)


@cache
def _with_common(own: type[Settings]) -> type[Settings]:
    field: Any = (Normalise, Field("none", description=DESCRIPTION))
    made: type[Settings] = create_model(own.__name__, __base__=own, normalise=field)
    return made


def build(
    name: str, params: Settings, image_shape: tuple[int, int, int], classes: int
) -> nn.Module:
    """The network of a model with initial weights, and the normalisation before it.

    Args:
        name: the model's name.
        params: as ``settings_of`` checks them.
        image_shape: channels, height and width of the images.
        classes: number of classes.

    Raises:
        UserError: if there is no such model, or it cannot be imported.
        ValueError: if the images do not fit the model.
    """
    network: nn.Module = registry.load("models", name).build(params, image_shape, classes)
    return normalised(network, getattr(params, "normalise", "none"), image_shape[0])


def normalised(network: nn.Module, normalise: Any, channels: int) -> nn.Module:
    """A network behind the normalisation that ``model.normalise`` asks for; itself for ``none``.

    Args:
        network: takes images as they come out of the normalisation.
        normalise: as settings have it; ``dataset`` is still to be fitted to training images.
        channels: of the images.
    """
    if normalise == "none":
        return network
    from isotrope.layers.normalising import ByImage, ByValues, Normalised

    if isinstance(normalise, Values):
        return Normalised(ByValues(channels, normalise.mean, normalise.std), network)
    return Normalised(ByImage() if normalise == "image" else ByValues(channels), network)


def build_model(
    name: str, image_shape: tuple[int, int, int], classes: int, **params: Any
) -> nn.Module:
    """Build a network with initial weights, drawn from torch's global random state.

    Args:
        name: the model's name, as in a param-file.
        image_shape: channels, height and width of the images, the last two in pixels.
        classes: number of classes.
        params: the model's settings, as in a param-file; those left out have their defaults. With
            ``normalise="dataset"`` mean and deviation are 0 and 1 until weights are loaded.

    Returns:
        A module whose ``forward`` takes images ``(batch, channels, height, width)`` in 0..1 and
        returns logits ``(batch, classes)``.

    Raises:
        ValueError: if there is no such model, a setting is unknown or out of its range, or the
            images do not fit the model.
    """
    shape = tuple(image_shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"image_shape must be (channels, height, width), got {image_shape}")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    try:
        kind = settings_of(name)
    except UserError as error:
        raise ValueError(str(error)) from None
    settings, complaints = complaints_of(kind, params)
    if settings is None:
        raise ValueError("; ".join(f"{name}: {dotted(where)}{what}" for where, what in complaints))
    return build(name, settings, shape, classes)
