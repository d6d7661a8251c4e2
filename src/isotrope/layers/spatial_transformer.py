"""A small network that looks at each image and warps it before others see it.

Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks", NIPS 2015,
https://arxiv.org/abs/1506.02025, in the size that Altstidl et al. used,
https://arxiv.org/abs/2211.10288.
Differs from the published layer: it is built for any image of 4 x 4 pixels or more, not for
64 x 64 alone.
"""

import torch
from torch import Tensor, nn

from isotrope.geometry import affine_grid, pixel_centres
from isotrope.layers.bilinear_sampling import sampled
from isotrope.layers.constants import made_once

_centres = made_once(pixel_centres)


class SpatialTransformer(nn.Module):
    """Warp each image by an affine map that is predicted from it.

    All six numbers of the map are free, so it may turn, shear and mirror as well as zoom.
    An untrained layer predicts the identity for every image. Sampling is bilinear, with
    zeros outside the image.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: the same

    Args:
        channels: channels of the images.
        height: height of the images, in pixels.
        width: width of the images, in pixels.

    Raises:
        ValueError: if a side is shorter than the 4 pixels that two halvings need.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        if min(height, width) < 4:
            raise ValueError(f"images must have 4 pixels or more a side, got {height} x {width}")
        self.localization = nn.Sequential(
            nn.Conv2d(channels, 16, kernel_size=3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(16, 16, kernel_size=3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * (height // 4) * (width // 4), 16),
            nn.ReLU(),
        )
        last = nn.Linear(16, 6)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))  # the identity
        self.localization.append(last)

    def affine_maps(self, images: Tensor) -> Tensor:
        """The predicted maps from output to input positions, in half-widths from the centre.

        Returns:
            Shape ``(batch, 2, 3)``: rows x and y, the last column the shift.
        """
        numbers: Tensor = self.localization(images)
        return numbers.view(-1, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        """The warped images."""
        dtype = torch.promote_types(
            images.dtype, torch.float32
        )  # bfloat16 cannot tell pixels apart
        y, x = (_centres(side, dtype, images.device) for side in images.shape[-2:])
        grid = affine_grid(self.affine_maps(images).to(dtype), x, y)
        return sampled(images.to(dtype), grid).to(images.dtype)
