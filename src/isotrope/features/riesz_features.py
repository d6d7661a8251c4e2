"""Riesz features as a scikit-learn transformer: 85 numbers of a channel that know no scale."""

from typing import Literal, cast

from torch import nn

from isotrope.features.image_features import ImageFeatures, Names
from isotrope.layers.riesz import Border, Riesz2d


class RieszFeatures(ImageFeatures):
    """The features of `isotrope.layers.riesz.riesz_features`, for scikit-learn.

    Images of `transform` have the size of those of `fit`; another transformer of the same settings
    has the same features of images of another size, in the same order.

    Args:
        depth: moduli that are chained at most.
        directions: of each step, three or more.
        pooling: ``mean`` or ``max`` over the places of the image.
        border: ``mirror`` or ``periodic``.
        image_shape: ``(height, width)`` or ``(channels, height, width)`` of images that are given
            as rows of pixels.
        batch_size: images that are computed at once.
        dtype: ``float32`` or ``float64``, in which features are computed and returned.
        device: of torch, where they are computed.

    Raises:
        ValueError: in `fit`, for what the images or the features cannot be.
    """

    def __init__(
        self,
        depth: int = 3,
        directions: int = 4,
        *,
        pooling: Literal["mean", "max"] = "mean",
        border: Border = "mirror",
        image_shape: tuple[int, ...] | None = None,
        batch_size: int = 64,
        dtype: Literal["float32", "float64"] = "float32",
        device: str = "cpu",
    ) -> None:
        self.depth = depth
        self.directions = directions
        self.pooling = pooling
        self.border = border
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device

    def _layer(self, height: int, width: int) -> nn.Module:
        del height, width
        if self.pooling not in ("mean", "max"):
            raise ValueError(f"pooling must be mean or max, got {self.pooling!r}")
        return Riesz2d(self.depth, self.directions, self.pooling, self.border)

    def _names(self, layer: nn.Module, shape: tuple[int, ...]) -> Names:
        del shape
        paths = cast("Riesz2d", layer).paths
        return ["_".join(f"direction{d}" for d in path) or "image" for path in paths]
