"""The network that ``pixel_pool``, ``slice_pool`` and ``energy_pool`` share, and its settings."""

from pydantic import Field
from torch import Tensor, nn

from isotrope.geometry import Interpolation, Spacing, kernel_sizes
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.scale_pool import Mode, ScalePool, Statistic
from isotrope.layers.scaled_convolution import Frame, SiConv2d
from isotrope.models._fit import refuse_smaller
from isotrope.settings import Settings


class KernelParams(Settings):
    """Settings of scaled kernels."""

    kernel_size: int = Field(
        7, ge=1, description="side of the smallest kernels, in pixels; the others are larger"
    )
    interpolation: Interpolation = Field(
        "bicubic", description="how the larger kernels come from the smallest"
    )
    sizes: Spacing = Field(
        "arithmetic",
        description="sizes that fit the image: every second one as published, or three an octave",
    )


class PoolParams(KernelParams):
    """Settings of scaled kernels whose maps are pooled over the sizes."""

    frame: Frame = Field(
        "zero",
        description="positions that a larger kernel does not fit: zeros as published, or "
        "positions that no pool may choose",
    )


class ScaledPooling(nn.Module):
    """Scaled convolution, pool over scales, ReLU, the same again, global maximum, linear.

    As many kernel sizes are used as fit the shorter side. As published, the pools compare the
    responses with the zeros that frame the larger kernels' maps, so what ``pixel`` returns is
    negative in the central pixels only.

    No part ever holds the maps of all sizes. When training, the second stage is reduced to the
    windows under its maxima, and ``pool2``, ``stage2`` do not run as modules.

    Shapes (k is the smallest kernel's size):
        input: ``(batch, channels, height, width)`` in 0..1
        pool1, stage1: ``(batch, 16, height - k + 1, width - k + 1)``
        pool2, stage2: ``(batch, 32, height - 2 k + 2, width - 2 k + 2)``
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits

    Raises:
        ValueError: if the images are smaller than the two smallest kernels together.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        params: PoolParams,
        mode: Mode,
        statistic: Statistic = "signed_sum",
    ) -> None:
        super().__init__()
        k = params.kernel_size
        refuse_smaller(image_shape, 2 * k - 1, f"two convolutions of {k} x {k} pixels")
        channels, side = image_shape[0], min(image_shape[1:])
        stages: list[tuple[SiConv2d, ScalePool]] = []
        for inputs, outputs, rest in ((channels, 16, side), (16, 32, side - k + 1)):
            sizes = kernel_sizes(k, rest, params.sizes)
            convolution = SiConv2d(
                inputs,
                outputs,
                len(sizes),
                k,
                interp_mode=params.interpolation,
                frame=params.frame,
                sizes=sizes,
            )
            pool = ScalePool(mode, statistic=statistic, frames=convolution.frames)
            stages.append((convolution, pool))
        (self.conv1, self.pool1), (self.conv2, self.pool2) = stages
        self.stage1 = nn.ReLU()
        self.stage2 = nn.ReLU()
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        first = self.stage1(self.pool1(images, self.conv1))
        if self.training:  # the same numbers with a cheaper gradient, but no map of stage 2
            features = self.stage2(self.pool2.peak(first, self.conv2))
        else:
            features = self.features(self.stage2(self.pool2(first, self.conv2)))
        logits: Tensor = self.lin(features)
        return logits
