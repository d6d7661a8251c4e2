"""The largest response of a convolution over scales, rows and columns, at a fraction of its cost.

A convolution of 29 x 58 x 58 maps with kernels of 7 x 7 x 7 takes a tenth of the multiplications in
Fourier space, along all three axes (see `isotrope.layers.scaled_spectra`; here the kernel has one
size). The maps of all scales are never held, and the gradient of the largest response needs one
window of the input for each output. The form for a GPU is in `isotrope.layers.volume_spectra` and
`isotrope.layers.volume_windows`.
"""

import math

import torch
from torch import Tensor, nn

import isotrope.layers.scaled_spectra as spectral
from isotrope.layers.forms import few_launches
from isotrope.layers.scaled_gradients import keep_larger
from isotrope.layers.volume_spectra import largest_responses
from isotrope.layers.volume_windows import cubes_at

_ROWS_AT_ONCE = 8  # of frequencies, for the transform along the scales
_ON_A_CPU = 2**24  # numbers at a time of products of kernels and maps


@torch.no_grad()
def largest_over_depth(maps: Tensor, convolution: nn.Conv3d) -> tuple[Tensor, Tensor]:
    """The maximum of ``convolution(maps)`` over the scales and where it is; without a gradient.

    Shapes:
        maps: ``(batch, in_channels, scales, height, width)``
        outputs: ``(batch, out_channels, height - k + 1, width - k + 1)``; the second int64

    Raises:
        ValueError: if the convolution has not cubic kernels, stride and dilation 1 and one group
            without padding, or its kernels do not fit.
    """
    _refuse_others(maps, convolution)
    dtype = torch.promote_types(maps.dtype, torch.float32)
    weights = convolution.weight.detach().to(dtype)
    find = largest_responses if few_launches(maps) else _depth_by_depth
    values, places = find(maps.detach().to(dtype), weights)
    if convolution.bias is not None:
        values = values + convolution.bias.to(dtype)[:, None, None]
    return values.to(maps.dtype), places.long()


def volume_peak(maps: Tensor, convolution: nn.Conv3d) -> Tensor:
    """The maximum over all positions of ``convolution(maps)``.

    Shapes:
        maps: ``(batch, in_channels, scales, height, width)``
        output: ``(batch, out_channels)``

    Raises:
        ValueError: as `largest_over_depth`.
    """
    k = convolution.weight.shape[-1]
    if few_launches(maps):
        _refuse_others(maps, convolution)
        windows = cubes_at(maps, largest_responses(maps, convolution.weight, axes=3)[1], k)
    else:
        windows = _windows_of_peaks(maps, *largest_over_depth(maps, convolution), k)
    peaks = torch.einsum("bcok,ock->bo", windows, convolution.weight.flatten(2))
    return peaks if convolution.bias is None else peaks + convolution.bias


def _depth_by_depth(maps: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The largest responses and their depths, in small operations for a CPU's cache."""
    k, (scales, height, width) = weights.shape[-1], maps.shape[-3:]
    line = torch.eye(k, dtype=maps.dtype, device=maps.device)[None]
    flat, deep = (spectral.bases(line, True, *size) for size in ((height, width), (scales, k)))
    forth = deep.rows[0]
    back = torch.stack((deep.real, deep.imaginary), dim=-1).flatten(1) / scales
    parts = [spectral.overlapping(one) for one in _transform(maps)]
    wanted = 2 * scales * parts[0][0].shape[0] * len(maps) * len(weights)
    largest, depths = [], []
    folded = spectral.fold(weights, True)
    groups = min(len(weights), math.ceil(wanted / _ON_A_CPU))
    for some in folded.tensor_split(groups, dim=-2):
        products = []
        for slices, images in zip(torch.tensordot(forth, some, dims=1), parts, strict=True):
            kernels = spectral.kernel_spectra(slices, flat.rows[0], flat.columns[0])
            products += [torch.bmm(kernels, part) for part in images]
        shape = (-1, 2, *products[0].shape)
        for depth, pair in enumerate((back @ torch.stack(products).flatten(1)).view(shape)):
            found = spectral.to_positions(pair.unbind(), flat.inside(0))
            if depth == 0:
                largest.append(found)
                depths.append(torch.zeros_like(found, dtype=torch.int16))
            else:
                keep_larger(largest[-1], depths[-1], found, depth)
    values, places = (torch.cat(some, dim=2).permute(3, 2, 0, 1) for some in (largest, depths))
    return values, places


def _windows_of_peaks(maps: Tensor, values: Tensor, depths: Tensor, k: int) -> Tensor:
    """Windows at the maxima of what `largest_over_depth` gives.

    Shapes:
        output: ``(batch, in_channels, out_channels, k**3)``
    """
    place = values.flatten(2).argmax(dim=-1)
    depth = depths.flatten(2).gather(2, place[..., None])[..., 0]
    (height, width), across = maps.shape[-2:], values.shape[-1]
    corner = (depth * height + place // across) * width + place % across
    step = torch.arange(k, device=maps.device)
    offsets = (step[:, None, None] * height + step[:, None]) * width + step
    batch, channels = maps.shape[:2]
    places = (corner[..., None] + offsets.flatten()).flatten(1)[:, None].expand(-1, channels, -1)
    return maps.flatten(2).gather(2, places).view(batch, channels, -1, k**3)


def _transform(maps: Tensor) -> Tensor:
    """The transform of maps along all three axes, as `overlapping` takes it.

    Shapes:
        maps: ``(batch, channels, scales, height, width)``
        output: ``(scales, p * q, 3 * channels, batch)``
    """
    scales = maps.shape[2]
    spectra = torch.stack([spectral.transform(one) for one in maps.unbind(2)])
    doubled = 2 * torch.arange(scales, device=maps.device)
    cosine, sine = spectral.waves(scales, scales, doubled, maps.dtype)
    rows, columns, _, channels, batch = spectra.shape[1:]
    found = spectra.new_empty(scales, rows, columns, 3 * channels, batch)
    for start in range(0, rows, _ROWS_AT_ONCE):
        some = spectra[:, start : start + _ROWS_AT_ONCE]
        even, odd = ((wave @ some.flatten(1)).view(some.shape) for wave in (cosine, sine))
        real = even[..., 0, :, :] + odd[..., 1, :, :]
        imaginary = even[..., 1, :, :] - odd[..., 0, :, :]
        found[:, start : start + _ROWS_AT_ONCE] = torch.cat((imaginary, real, -imaginary), dim=-2)
    return found.flatten(1, 2)


def _refuse_others(maps: Tensor, convolution: nn.Conv3d) -> None:
    k = convolution.weight.shape[-1]
    kind = (convolution.weight.shape[2:], convolution.stride, convolution.dilation)
    usual = kind == ((k,) * 3, (1,) * 3, (1,) * 3) and convolution.groups == 1
    if not usual or convolution.padding not in ((0,) * 3, "valid"):
        raise ValueError(
            "need a convolution with cubic kernels, stride 1, dilation 1 and one group, without "
            f"padding, got {convolution}"
        )
    if min(maps.shape[-3:]) < k:
        shape = " x ".join(str(side) for side in maps.shape[-3:])
        raise ValueError(f"kernels of {k} x {k} x {k} do not fit maps of {shape}")
