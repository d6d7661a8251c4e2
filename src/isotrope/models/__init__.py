"""Models, one file each; the name of the file is the name that users write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isotrope import registry
from isotrope.errors import UserError

if TYPE_CHECKING:
    from torch import nn


def build_model(
    name: str, image_shape: tuple[int, int, int], classes: int, **params: Any
) -> nn.Module:
    """Build a network with initial weights, drawn from torch's global random state.

    Args:
        name: the model's name, as in a param-file.
        image_shape: channels, height and width of the images, the last two in pixels.
        classes: number of classes.
        params: the model's settings, as in a param-file; those left out have their defaults.

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
        plugin = registry.load("models", name)
    except UserError as error:
        raise ValueError(str(error)) from None
    network: nn.Module = plugin.build(plugin.Params(**params), shape, classes)
    return network
