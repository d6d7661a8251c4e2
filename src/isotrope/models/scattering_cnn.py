"""Wavelet scattering and wide residual blocks: the wavelets may be learned.

Source: Gauthier, Therien, Alsene-Racicot, Chaudhary, Rish, Belilovsky, Eickenberg and Wolf,
"Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539, and their published
code: 22,597,232 parameters for CIFAR-10 besides 64 of the wavelets. Their tables call what stands
on the wavelets a wide residual network; see `_wide_blocks`. The same without wavelets is
``wide_cnn``.

Known differences: those of ``scattering_linear``, which also says what seeds share.
"""

from torch import Tensor

from isotrope.models._scattering_settings import ScatteringParams, Wavelets, by_channels
from isotrope.models._wide_blocks import WideNetwork, WideParams

REVISION = 1
PARTS = {"scattering", "stem", "group1", "group2", "features"}
METHODS = {"wavelets"}
EXAMPLE = {"L": 4, "width": 1, "blocks": 2}


class Params(ScatteringParams, WideParams):
    """Settings of ``scattering_cnn``."""


class ScatteringCnn(Wavelets, WideNetwork):
    """Scattering, and a `WideNetwork` on its coefficients.

    Shapes (paths, h and w: see `ScatteringParams.numbers`; k is the width):
        input: ``(batch, channels, height, width)`` in 0..1
        scattering: ``(batch, channels, paths, h, w)``
        stem, group1, group2: ``(batch, 16 * k | 32 * k | 64 * k, h, w)``
        features: ``(batch, 64 * k * 4)``
        output: ``(batch, classes)`` logits

    Args:
        image_shape: channels, height and width of the images.
        classes: number of classes.
        params: settings.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__(params.numbers(image_shape)[0], classes, params)
        self.scattering = params.transform(image_shape)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        return super().forward(by_channels(self.scattering(images)))


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> ScatteringCnn:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small for so many scales.
    """
    return ScatteringCnn(image_shape, classes, params)
