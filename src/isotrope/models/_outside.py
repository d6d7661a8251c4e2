"""What lies outside of images and maps, where a network is to see an endless canvas.

A black image has the same value everywhere behind every layer of these networks. It is found by
taking one pixel through the layers, with the moments that batch normalisation uses for the images.
"""

from torch import Tensor
from torch.nn import functional as F

Outside = Tensor | None  # (batch, channels) or (1, channels); None for zeros


def of_images(images: Tensor, background: Tensor | None, wanted: bool) -> Outside:
    """What lies outside of the images.

    Args:
        images: ``(batch, channels, height, width)``
        background: what a black image is behind the normalisation, if there is one.
        wanted: whether it is used at all.
    """
    if not wanted:
        return None
    if background is None:
        return images.new_zeros(1, images.shape[1])
    return background.to(images.dtype)


def centred(maps: Tensor, outside: Outside) -> Tensor:
    """Maps whose value outside is zero."""
    return maps if outside is None else maps - outside[..., None, None]


def blurred_half(maps: Tensor, outside: Outside) -> Tensor:
    """Every second pixel along both axes of maps that are smoothed with (1 2 1) / 4."""
    found = centred(maps, outside)
    found = F.pad(found, (1, 1, 1, 1))
    height, width = found.shape[-2] - 2, found.shape[-1] - 2
    found = (found[..., :height:2, :] + 2 * found[..., 1:-1:2, :] + found[..., 2::2, :]) / 4
    found = (found[..., :width:2] + 2 * found[..., 1:-1:2] + found[..., 2::2]) / 4
    return found if outside is None else found + outside[..., None, None]
