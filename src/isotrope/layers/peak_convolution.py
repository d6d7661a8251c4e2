"""The largest response of a convolution, with a gradient that costs next to nothing.

The gradient of a global maximum reaches one position per image and channel. The backward pass of a
dense convolution does not know that and works on the whole map; here only the windows under the
maxima take part. Values and gradients are those of the dense form up to rounding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isotrope.layers.forms import few_launches
from isotrope.layers.stackable_convolution import correlate, zeros_around
from isotrope.layers.windows import one_hot, windows_at


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
    return _weighed(_windows_of_peak(maps, convolution), convolution)


def convolution_peaks(several: Sequence[Tensor], convolution: nn.Conv2d) -> Tensor:
    """The maximum over all positions of ``convolution(maps)``, for maps of several sizes.

    Shapes:
        several: each ``(batch, in_channels, height, width)``
        output: ``(several, batch, out_channels)``

    Raises:
        ValueError: as `convolution_peak` does.
    """
    if not few_launches(several[0]):
        return torch.stack([convolution_peak(maps, convolution) for maps in several])
    windows = torch.stack([_windows_of_peak(maps, convolution) for maps in several])
    return _weighed(windows, convolution)


def _windows_of_peak(maps: Tensor, convolution: nn.Conv2d) -> Tensor:
    """What the kernels see at the maxima: ``(batch, in_channels, out_channels, pixels)``."""
    _refuse_others(convolution)
    size = convolution.weight.shape[-2:]
    around = zeros_around(convolution.padding, size, convolution.dilation)
    with torch.no_grad():  # the bias moves no maximum
        responses = correlate(maps, convolution.weight, padding=convolution.padding)
        _, top, left = largest(responses)
    return windows_at(maps, top, left, size, around)


def _weighed(windows: Tensor, convolution: nn.Conv2d) -> Tensor:
    peaks = torch.einsum("...cok,ock->...o", windows, convolution.weight.flatten(2))
    return peaks if convolution.bias is None else peaks + convolution.bias


def responses_at(
    maps: Tensor,
    kernels: Tensor,
    index: Tensor,
    top: Tensor,
    left: Tensor,
    around: Sequence[int] = (0, 0, 0, 0),
) -> Tensor:
    """One response of each output channel in a stack of convolutions, each of maps of its own.

    Shapes:
        maps: ``(batch, in_channels, stack, height, width)``
        kernels: ``(out_channels, in_channels, stack, kernel_height, kernel_width)``
        index, top, left: ``(batch, out_channels)`` int64: which of the stack, and the window's
            first row and column in its maps with the zeros
        around: zeros left, right, above and below, as ``F.pad`` takes them
        output: ``(batch, out_channels)``
    """
    windows = windows_at(maps, top, left, kernels.shape[-2:], around, index)
    if few_launches(maps):  # a gather's gradient sorts on a GPU
        every = torch.einsum("bcok,ocsk->bos", windows, kernels.flatten(3))
        return (every * one_hot(index, kernels.shape[2], every.dtype)).sum(dim=-1)
    chosen = index[:, :, None, None, None].expand(
        -1, -1, kernels.shape[1], -1, kernels[0, 0, 0].numel()
    )
    kernels = kernels.flatten(3)[None].expand(len(maps), -1, -1, -1, -1)
    return torch.einsum("bcok,bock->bo", windows, kernels.gather(3, chosen).squeeze(3))


def largest(responses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The largest of each map, its row and its column; the first of equals.

    Shapes:
        responses: ``(..., height, width)``
        output: three times ``(...)``
    """
    if few_launches(responses):  # whose rows may lie far apart in memory
        values, columns = responses.max(dim=-1)
        values, rows = values.max(dim=-1)
        return values, rows, columns.gather(-1, rows[..., None])[..., 0]
    values, places = responses.flatten(-2).max(dim=-1)
    across = responses.shape[-1]
    return values, places // across, places % across


def _refuse_others(convolution: nn.Conv2d) -> None:
    kind = (convolution.stride, convolution.dilation, convolution.groups)
    if kind != ((1, 1), (1, 1), 1) or convolution.padding_mode != "zeros":
        raise ValueError(
            "convolution_peak needs stride 1, dilation 1, one group and zero padding, "
            f"got {convolution}"
        )
