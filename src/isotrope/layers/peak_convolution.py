"""The largest response of a convolution, with a gradient that costs next to nothing.

The gradient of a global maximum reaches one position per image and channel. The backward pass of a
dense convolution does not know that and works on the whole map; here only the windows under the
maxima take part. Values and gradients are those of the dense form up to rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def convolution_peak(maps: Tensor, convolution: nn.Conv2d) -> Tensor:
    """The maximum over all positions of ``convolution(maps)``.

    Shapes:
        maps: ``(batch, in_channels, height, width)``
        output: ``(batch, out_channels)``

    Args:
        maps: the convolution's input.
        convolution: of stride and dilation 1, without groups, padded with zeros if at all.

    Raises:
        ValueError: if the convolution is of another kind.
    """
    _refuse_others(convolution)
    height, width = convolution.weight.shape[-2:]
    padded = F.pad(maps, _padding(convolution))
    with torch.no_grad():
        responses = F.conv2d(padded, convolution.weight)  # the bias moves no maximum
        across = responses.shape[-1]
        place = responses.flatten(2).argmax(dim=-1)
    corner = place // across * padded.shape[-1] + place % across
    rows = torch.arange(height, device=maps.device)[:, None] * padded.shape[-1]
    offsets = (rows + torch.arange(width, device=maps.device)).flatten()
    batch, channels = maps.shape[:2]
    places = (corner[..., None] + offsets).flatten(1)[:, None].expand(-1, channels, -1)
    windows = padded.flatten(2).gather(2, places)
    windows = windows.view(batch, channels, -1, height * width)
    peaks = torch.einsum("bcok,ock->bo", windows, convolution.weight.flatten(2))
    return peaks if convolution.bias is None else peaks + convolution.bias


def _padding(convolution: nn.Conv2d) -> tuple[int, int, int, int]:
    """Zeros left, right, above and below, as ``F.pad`` takes them."""
    height, width = convolution.weight.shape[-2:]
    if convolution.padding == "valid":
        return 0, 0, 0, 0
    if convolution.padding == "same":
        left, above = (width - 1) // 2, (height - 1) // 2
        return left, width - 1 - left, above, height - 1 - above
    vertical, horizontal = (int(side) for side in convolution.padding)
    return horizontal, horizontal, vertical, vertical


def _refuse_others(convolution: nn.Conv2d) -> None:
    kind = (convolution.stride, convolution.dilation, convolution.groups)
    if kind != ((1, 1), (1, 1), 1) or convolution.padding_mode != "zeros":
        raise ValueError(
            "convolution_peak needs stride 1, dilation 1, one group and zero padding, "
            f"got {convolution}"
        )
