"""One small network at three image sizes, and the mean of its three answers.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Ensemble". With the same
torch seed it has the published initial weights and outputs.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.geometry import pyramid_down
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.peak_convolution import convolution_peaks
from isotrope.models._fit import refuse_smaller
from isotrope.models._scale_weights import COLUMN, renamed
from isotrope.settings import Settings

REVISION = 1
PARTS: set[str] = set()  # each layer sees three sizes of one image: none is a map of the image


class Params(Settings):
    """Settings of ``ensemble``."""

    kernel_size: int = Field(7, ge=1, description="side of both convolutions' kernels, in pixels")


class Ensemble(nn.Module):
    """Convolution, ReLU, convolution, ReLU, global maximum, linear, at each level of a pyramid.

    The levels are the image, its half and its quarter; the maps are as large as the level. All
    levels share the weights.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        output: ``(batch, classes)``, the mean of the levels' logits
    """

    def __init__(self, channels: int, classes: int, kernel_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, kernel_size, padding="same")
        self.conv2 = nn.Conv2d(16, 32, kernel_size, padding="same")
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        half = pyramid_down(images)
        levels = (images, half, pyramid_down(half))
        first = [self.conv1(level).relu() for level in levels]
        if self.training:  # the same numbers with a cheaper gradient
            features = convolution_peaks(first, self.conv2).relu()
        else:
            features = torch.stack([self.features(self.conv2(maps).relu()) for maps in first])
        logits: Tensor = self.lin(features)
        return logits.mean(dim=0)

    def adopt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its own weights, or those of the published network.

        Raises:
            UserError: if any is missing.
        """
        return renamed(self, weights, COLUMN)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Ensemble:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small to be halved twice.
    """
    refuse_smaller(image_shape, 6, "a pyramid of three levels")
    return Ensemble(image_shape[0], classes, params.kernel_size)
