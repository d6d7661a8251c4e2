"""Riesz features and a linear layer: what numbers that know no scale say of a class.

Nothing but batch norm and the linear layer is learned: for grey images and 10 classes 1,030
weights.

Source: Barisin, Angulo, Schladitz and Redenbach, "Riesz feature representation: scale equivariant
scattering network for classification tasks", SIAM Journal on Imaging Sciences 17, 2024,
https://arxiv.org/abs/2307.08467. Differs from theirs: the definition of the features is our own,
see `isotrope.layers.riesz`; batch norm and a linear layer trained by gradients are the classifier,
those of ``scattering_linear``; and the maximum of each map may stand in place of its mean.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm1d
from isotrope.layers.riesz import Border, Riesz2d
from isotrope.models._fit import refuse_smaller
from isotrope.settings import Settings

REVISION = 1
PARTS = {"features"}


class Params(Settings):
    """Settings of ``riesz_linear``."""

    depth: int = Field(3, ge=1, le=4, description="moduli that are chained at most")
    directions: int = Field(4, ge=3, le=16, description="of each step, over half a turn")
    pooling: Literal["mean", "max"] = Field(
        "mean",
        description="over all places; max stays where a thing grows on its canvas, mean does not",
    )
    border: Border = Field(
        "mirror",
        description="beyond it the image is mirrored, or periodic, at a quarter of the work",
    )


class RieszLinear(nn.Module):
    """Riesz features of each channel, batch norm, a linear layer.

    With ``directions ** 0 + ... + directions ** depth`` paths:

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1, of any size from 2 pixels on
        features: ``(batch, channels * paths)``, all of a channel together
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        riesz = Riesz2d(params.depth, params.directions, params.pooling, params.border)
        numbers = channels * len(riesz.paths)
        self.features = nn.Sequential(riesz, nn.Flatten())
        self.bn = BatchNorm1d(numbers)
        self.lin = nn.Linear(numbers, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        logits: Tensor = self.lin(self.bn(self.features(images)))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> RieszLinear:
    """The network for images of a shape.

    Raises:
        ValueError: if a side of the images is a single pixel.
    """
    refuse_smaller(image_shape, 2, "a direction")
    return RieszLinear(image_shape[0], classes, params)
