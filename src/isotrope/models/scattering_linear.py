"""Wavelet scattering and a linear layer: the wavelets may be learned.

Scattering, batch norm of each coefficient, a linear layer over all coefficients and positions. With
``log``, which is not published, the norm is given logarithms: moduli of one channel are spread over
orders of magnitude, and a linear layer then compares their ratios (Andén and Mallat, "Deep
Scattering Spectrum", 2014, arXiv 1304.6763, do so to sounds).

Source: Gauthier, Therien, Alsene-Racicot, Chaudhary, Rish, Belilovsky, Eickenberg and Wolf,
"Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539, and their published
code: 156,016 parameters for CIFAR-10 besides 64 of the wavelets.

Known differences: wavelets on coarser grids and the gradient of orientations are exact, and with
``resample`` and ``theta_grad`` as published.

Random wavelets are drawn from numpy's generator, all else from torch's. So seeds that differ in how
wavelets begin, and whether they are learned, share the weights of all other layers, for which the
published code seeds everything a second time.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.models._scattering_settings import ScatteringParams, Wavelets, by_channels

REVISION = 1
PARTS = {"scattering", "features"}
METHODS = {"wavelets"}
EXAMPLE = {"L": 4}


class Params(ScatteringParams):
    """Settings of ``scattering_linear``."""

    eps: float = Field(1e-5, gt=0, description="what the norm adds to variances")
    log: float | None = Field(
        None,
        gt=0,
        description="the norm is given the logarithms of averaged moduli, to which this number is "
        "added before; leave out for the moduli themselves, as published",
    )


class ScatteringLinear(Wavelets, nn.Module):
    """Scattering, batch norm, a linear layer.

    Shapes (paths, h and w: see `ScatteringParams.numbers`):
        input: ``(batch, channels, height, width)`` in 0..1
        scattering: ``(batch, channels, paths, h, w)``
        features: ``(batch, channels * paths * h * w)``
        output: ``(batch, classes)`` logits

    Args:
        image_shape: channels, height and width of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        channels, height, width = params.numbers(image_shape)
        self.scattering = params.transform(image_shape)
        self.log = params.log
        self.norm = BatchNorm2d(channels, eps=params.eps)
        self.features = nn.Flatten()
        self.lin = nn.Linear(channels * height * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        coefficients = self.scattering(images)
        if self.log is not None:
            coefficients = with_logarithms(coefficients, self.log)
        logits: Tensor = self.lin(self.features(self.norm(by_channels(coefficients))))
        return logits


def with_logarithms(coefficients: Tensor, offset: float) -> Tensor:
    """The same with ``log(offset + modulus)`` for every averaged modulus.

    Averages of the image itself, the first path, have a sign and stay. What rounding has left of a
    modulus below zero counts as zero.

    Args:
        coefficients: ``(batch, colours, paths, height, width)``, paths from order 0 on.
        offset: above zero.
    """
    image, moduli = coefficients[:, :, :1], coefficients[:, :, 1:]
    return torch.cat([image, (moduli.clamp(min=0) + offset).log()], dim=2)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ScatteringLinear:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small for so many scales.
    """
    return ScatteringLinear(image_shape, classes, params)
