"""Convolutions with one kernel at many sizes, then a convolution over the sizes as well.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "Conv3d". With the same
torch seed it has the published initial weights and outputs.
"""

from torch import Tensor, nn

from isotrope.geometry import kernel_sizes
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.scales_at_once import suits
from isotrope.layers.volume_convolution import largest_over_depth, volume_peak
from isotrope.models._fit import refuse_smaller
from isotrope.models._scaled_pooling import KernelParams

REVISION = 1
PARTS = {"features"}


class Params(KernelParams):
    """Settings of ``conv3d``; ``kernel_size`` is that over scales, rows and columns as well."""


class Conv3d(nn.Module):
    """Scaled convolution, ReLU, convolution over scales, rows and columns, ReLU, maximum, linear.

    The maps of the second convolution are never held: ``conv2`` and, when training, ``features``
    do not run as modules; nor do ``conv1`` and ``stage1`` on a GPU.

    Shapes (k is the smallest kernel's size):
        input: ``(batch, channels, height, width)`` in 0..1
        stage1: ``(batch, 16, scales, height - k + 1, width - k + 1)``
        features: ``(batch, 32)``
        output: ``(batch, classes)`` logits

    Raises:
        ValueError: if there are fewer than k sizes that fit the images.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, params: Params) -> None:
        super().__init__()
        k = params.kernel_size
        refuse_smaller(image_shape, 3 * k - 2, f"{k} sizes of kernels from {k} pixels on")
        sizes = kernel_sizes(k, min(image_shape[1:]), params.sizes)
        if len(sizes) < k:
            raise ValueError(
                f"images of {image_shape[1]} x {image_shape[2]} pixels have room for {len(sizes)} "
                f"sizes from {k} pixels on, three an octave; {k} are needed"
            )
        mode = params.interpolation
        self.conv1 = SiConv2d(image_shape[0], 16, len(sizes), k, interp_mode=mode, sizes=sizes)
        self.stage1 = nn.ReLU()
        self.conv2 = nn.Conv3d(16, 32, k)
        self.stage2 = nn.ReLU()
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        whole = suits(images)
        first = self.conv1.rectified(images) if whole else self.stage1(self.conv1(images))
        if self.training:  # the same numbers with a gradient
            features = self.stage2(volume_peak(first, self.conv2))
        else:
            features = self.features(self.stage2(largest_over_depth(first, self.conv2)[0]))
        logits: Tensor = self.lin(features)
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Conv3d:
    """The network for images of a shape.

    Raises:
        ValueError: if there are fewer sizes of kernels that fit the images than a kernel has rows.
    """
    return Conv3d(image_shape, classes, params)
