"""Wide residual blocks on images as they are: what a scattering network has behind its wavelets.

Every layer sees the full resolution of the image, about 23 billion products for an image of
32 x 32 pixels.

Source: the convolutional baseline of the code that Gauthier et al. published with "Parametric
Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539, whose tables call it a wide
residual network; that of the paper of this name is ``wide_resnet``. See `_wide_blocks`.
"""

from isotrope.models._wide_blocks import WideNetwork, WideParams

REVISION = 1
PARTS = {"stem", "group1", "group2", "features"}
EXAMPLE = {"width": 1, "blocks": 2}


class Params(WideParams):
    """Settings of ``wide_cnn``."""


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> WideNetwork:
    """The network for images of a shape, which may be of any size."""
    return WideNetwork(image_shape[0], classes, params)
