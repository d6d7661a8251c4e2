"""The ``standard`` network behind a layer that warps each image as it sees fit.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Spatial Transform". With the
same torch seed it has the published initial weights (those of ``standard``, then those
of the transformer) and outputs.
Differs from the published network: the transformer's linear layer follows the image size, which
was fixed at 64 x 64 pixels.
"""

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor

from isotrope.layers.spatial_transformer import SpatialTransformer
from isotrope.models._fit import refuse_smaller
from isotrope.models._scale_weights import COLUMN, renamed
from isotrope.models.standard import Standard
from isotrope.settings import Settings

REVISION = 1
PARTS = {"transformer", "features"}  # the stages see warped images, whose pixels are elsewhere


class Params(Settings):
    """Settings of ``spatial_transform``."""

    kernel_size: int = Field(
        7, ge=1, description="side of the kernels behind the transformer, in pixels"
    )


class SpatialTransform(Standard):
    """Spatial transformer, then ``standard``.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1
        transformer: as the input
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, kernel_size: int) -> None:
        super().__init__(image_shape[0], classes, kernel_size)
        self.transformer = SpatialTransformer(*image_shape)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        return super().forward(self.transformer(images))

    def adopt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its own weights, or those of the published network.

        Raises:
            UserError: if any is missing.
        """
        names = (*COLUMN, ("transform_model.", "transformer.localization."))
        return renamed(self, weights, names)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> SpatialTransform:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are smaller than the two kernels together, or than 4 pixels.
    """
    k = params.kernel_size
    refuse_smaller(image_shape, 4, "the spatial transformer, which halves them twice")
    refuse_smaller(image_shape, 2 * k - 1, f"two convolutions of {k} x {k} pixels")
    return SpatialTransform(image_shape, classes, k)
