"""One log-polar map about the centre of the image, and a convolutional network on its cylinder.

A turn of the image rolls the map along its angles, where the ends meet, and a global pooling
forgets by how much. A scaling moves it along the radii, where rows leave and enter. Nothing is done
about shifts: the object has to be in the middle.

Source: Kim, Jung, Kim and Lee, "CyCNN: A Rotation Invariant CNN Using Polar Mapping and Cylindrical
Convolution Layers", 2020, https://arxiv.org/abs/2007.10588; the same idea is the PCNN beside which
Esteves, Allen-Blanchette, Zhou and Daniilidis put their Polar Transformer Networks, ICLR 2018,
https://arxiv.org/abs/1709.01889. Differs from both: the layers and the number of weights are those
of ``cnn`` here, the map may be anti-aliased, and the outermost rows are repeated where both pad
with zeros (``rows: zeros``).
"""

from functools import partial

from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.cylindrical_padding import CylindricalPadding, Rows
from isotrope.models._rings import Rings, map_of
from isotrope.models._stages import STAGES, Pooling, Stages, global_pool, stages

REVISION = 1
PARTS = {"features"}  # those before are maps of the image that do not turn as it does


class Params(Rings):
    """Settings of ``polar_cnn``."""

    channels: Stages = Field(((24, 24), (48, 48), (96,)), description=STAGES)
    kernel_size: int = Field(3, ge=1, description="side of all kernels, in samples of the map")
    rows: Rows = Field(
        "replicate",
        description="beyond the radii: the outermost row again, zeros, or nothing (valid: each "
        "convolution leaves fewer radii)",
    )
    batch_norm: bool = Field(True, description="whether each convolution is followed by one")
    pooling: Pooling = Field("max", description="between the stages, of 2 x 2 samples")
    global_pooling: Pooling = Field("average", description="behind the last stage")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features left out in training")


class PolarCnn(nn.Module):
    """Log-polar map, three stages of cylindrical convolutions, a global pooling, a linear layer.

    Quarter turns about the centre change nothing but rounding if ``angles`` is a multiple of 16:
    each of the two poolings wants even numbers.

    Shapes (c1, c2, c3 are the last channels of the stages; rows are not ``valid``):
        input: ``(batch, channels, height, width)`` in 0..1, of any size
        log_polar: ``(batch, channels, radii, angles)``
        stage1: ``(batch, c1, radii, angles)``
        stage2: ``(batch, c2, radii // 2, angles // 2)``
        stage3: ``(batch, c3, radii // 4, angles // 4)``
        features: ``(batch, c3)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        self.log_polar = map_of(params, image_shape)
        self.stage1, self.stage2, self.stage3 = stages(
            image_shape[0],
            params.channels,
            params.kernel_size,
            params.pooling,
            batch_norm=params.batch_norm,
            around=partial(CylindricalPadding, params.kernel_size, params.rows),
        )
        self.features = global_pool(params.global_pooling)
        self.dropout = nn.Dropout(params.dropout)
        self.lin = nn.Linear(params.channels[-1][-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        maps = self.stage3(self.stage2(self.stage1(self.log_polar(images))))
        logits: Tensor = self.lin(self.dropout(self.features(maps)))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> PolarCnn:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small for the smallest radius, or the map too small for
            the convolutions.
    """
    _refuse_small_maps(params)
    return PolarCnn(image_shape, classes, params)


def _refuse_small_maps(params: Params) -> None:
    """Refuse a map of which a stage would leave nothing."""
    radii, angles = params.radii, params.angles
    for number, stage in enumerate(params.channels):
        if number:
            radii, angles = radii // 2, angles // 2
        if params.rows == "valid":
            radii -= len(stage) * (params.kernel_size - 1)
        if radii < 1 or angles < max(1, params.kernel_size // 2):
            raise ValueError(
                f"a map of {params.radii} radii and {params.angles} angles is too small for "
                f"three stages of {params.kernel_size} x {params.kernel_size} kernels"
            )
