"""Scaled convolutions and what chooses among their sizes, without ever holding all sizes.

Values, choices and gradients are those of `SiConv2d` followed by `ScalePool`, up to rounding.

* `largest_over_scales` takes the sizes one after the other and keeps the best of each pixel.
* `chosen_maps` is given one scale for each image and channel and computes that one alone. The
  scale comes from `scale_scores`: for the sum of a map, no map is needed, because the sum of a
  correlation is the correlation of the kernel with sums over boxes of the image.
* `pool_at_once` and `peak_places` do so in the few large operations that suit a GPU; see
  `isotrope.layers.scales_at_once`.
* `response_at` is given one position, too, and computes one window. It is all that the gradient of
  a global maximum needs, once it is known where the maximum is.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
import isotrope.layers.scaled_spectra as spectral
import isotrope.layers.scaled_ties as ties
import isotrope.layers.scales_at_once as at_once
from isotrope.layers.scaled_constants import Site
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.scaled_gradients import largest_responses
from isotrope.layers.scales_at_once import Seen

Score = Literal["largest", "sum", "mean", "mean_square"]
_ON_A_CPU, _ON_A_GPU = 2**22, 2**28  # numbers at a time of transforms of kernels for one image


def largest_over_scales(images: Tensor, convolution: SiConv2d) -> tuple[Tensor, Tensor]:
    """The largest response at each pixel over all kernel sizes, and its scale.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        outputs: ``(batch, out_channels, height - k + 1, width - k + 1)``; the second int64

    Raises:
        ValueError: if the convolution has a stride or padding, or its kernels do not fit.
    """
    spectra, folded, bases = convolution.in_fourier_space(images)
    largest, scales = largest_responses(spectra, folded, convolution.frames, bases)
    largest, scales = (found.permute(3, 2, 0, 1) for found in (largest, scales))
    bias = convolution.bias.to(largest.dtype)[:, None, None]
    found, largest = largest, largest + bias
    judged = largest
    if not torch.is_grad_enabled():  # values and gradients know nothing of ties
        equal = ties.equal_at_all_sizes(found, scales, images, convolution)
        scales, judged = scales * ~equal, torch.where(equal, bias, largest)
    if convolution.frame == "zero":  # of the frames at a pixel, the narrowest comes first
        depths = _map_depths(images, convolution)
        narrowest = (convolution.frame_widths <= depths[..., None]).sum(dim=-1)
        beaten = (judged < 0) & (narrowest < convolution.num_scales)
        scales = torch.maximum(scales, beaten.to(scales.dtype) * narrowest.to(scales.dtype))
        largest = largest * ~beaten
    return largest.to(images.dtype).contiguous(), scales.contiguous().long()


def pool_at_once(
    images: Tensor, convolution: SiConv2d, score: Score | None
) -> tuple[Tensor, Tensor]:
    """The pooled maps and the scales they are from, in few large operations.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        outputs: ``(batch, out_channels, height - k + 1, width - k + 1)``; the second int64, or
            ``(batch, out_channels)``

    Args:
        images: what is convolved.
        convolution: with kernels at all scales.
        score: what a scale is chosen by; None if each pixel chooses for itself.

    Raises:
        ValueError: if the convolution has a stride or padding, or its kernels do not fit.
    """
    seen, site = _see(images, convolution), _site(images)
    bias = convolution.bias.to(site.dtype)[:, None, None]
    kernels, size, weights = seen.kernels, images.shape[-2:], convolution.weights.to(site.dtype)
    if score is not None:
        scales = _scores_at_once(seen, convolution, score).argmax(dim=-1)
        return _chosen_at_once(seen, convolution, scales).to(images.dtype), scales
    largest, scales = at_once.largest_responses(seen, weights)
    found, largest = largest, largest + bias
    judged = largest
    if not torch.is_grad_enabled():  # values and gradients know nothing of ties
        equal = ties.equal_at_all_sizes(found, scales, images, convolution)
        scales, judged = scales * ~equal, torch.where(equal, bias, largest)
    if convolution.frame == "zero":  # of the frames at a pixel, the narrowest comes first
        beaten = judged < constants.thresholds(kernels, size, site)
        scales = torch.where(beaten, constants.narrowest(kernels, size, site.device), scales)
        largest = largest.masked_fill(beaten, 0)
    return largest.to(images.dtype), scales.long()


def _chosen_at_once(seen: Seen, convolution: SiConv2d, scales: Tensor) -> Tensor:
    """As `chosen_maps`, in few large operations."""
    site, size = _site(seen.images), seen.images.shape[-2:]
    weights, bias = convolution.weights.to(site.dtype), convolution.bias.to(site.dtype)
    found = at_once.chosen_responses(seen, weights, scales) + bias[:, None, None]
    outside = constants.outside(seen.kernels, size, site.device)[scales]
    return found.masked_fill(outside, convolution.around)


def scale_scores(images: Tensor, convolution: SiConv2d, score: Score) -> Tensor:
    """What the framed map of each scale is judged by. It has no gradient.

    ``largest`` is the largest value and counts frames of zeros; what is the bias but for rounding
    is the bias, so that sizes which see zeros only are equal. ``sum`` is the sum of all values, of
    which such frames hold none; ``mean`` and ``mean_square`` leave every frame out.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        output: ``(batch, out_channels, scales)``

    Raises:
        ValueError: if the convolution has a stride or padding, or its kernels do not fit.
    """
    with torch.no_grad():
        if score in ("sum", "mean"):
            return _sums(images.detach(), convolution, mean=score == "mean")
        spectra, folded, bases = convolution.in_fourier_space(images.detach())
        parts = spectral.multipliers(spectra)
        groups = spectral.groups(folded, spectra)
        bias_of_all = convolution.bias.to(spectra.dtype)
        biases = torch.split(bias_of_all, [some.shape[2] for some in groups])
        limits = ties.limits(images.detach().to(spectra.dtype), convolution)
        scores = []
        for scale, frame in enumerate(convolution.frames):
            rows, columns, inverse = bases.rows[scale], bases.columns[scale], bases.inside(frame)
            of_scale = []
            for weights, bias in zip(groups, biases, strict=True):
                kernels = spectral.kernel_spectra(weights, rows, columns)
                maps = spectral.responses(kernels, parts, inverse)
                if score == "mean_square":
                    of_scale.append((maps + bias[:, None]).square().mean(dim=(0, 1)))
                else:
                    of_scale.append(maps.amax(dim=(0, 1)))
            scores.append(torch.cat(of_scale).T)
            if score == "largest":
                scores[-1] = ties.settled(scores[-1], limits[..., scale]) + bias_of_all
                if frame > 0 and convolution.frame == "zero":
                    scores[-1] = scores[-1].clamp(min=0)
        return torch.stack(scores, dim=-1)


@torch.no_grad()
def _scores_at_once(seen: Seen, convolution: SiConv2d, score: Score) -> Tensor:
    """As `scale_scores`, in few large operations."""
    images, kernels, size = seen.images[0], seen.kernels, seen.images.shape[-2:]
    weights, bias = convolution.weights.to(images.dtype), convolution.bias.to(images.dtype)
    if score == "mean_square":
        return at_once.mean_squares(seen, weights, bias)
    site = _site(images)
    if score == "largest":
        limits = ties.limits(images.detach(), convolution)
        found = ties.settled(at_once.maxima(seen, weights), limits) + bias[:, None]
        framed = convolution.frame == "zero"
        return torch.maximum(found, constants.least(kernels, site)) if framed else found
    mean = score == "mean"
    down, across = (constants.boxes(kernels, side, mean, site) for side in size)
    shape = (*images.shape[:2], *down.shape[:2], -1)
    boxes = (down.flatten(0, 1) @ images).view(shape) @ across.mT
    scores = torch.einsum("ncsuv,ocuv->nos", boxes, weights)
    return scores + bias[:, None] * (1 if mean else constants.areas(kernels, size, site))


@torch.no_grad()
def _framed_peaks(seen: Seen, convolution: SiConv2d) -> tuple[Tensor, Tensor]:
    """The largest value of the framed map of each scale, and the first place that has it.

    Shapes:
        outputs: ``(batch, out_channels, scales)``; the second is ``row * columns + column``
    """
    dtype = seen.images.dtype
    values, places = at_once.peaks(seen, convolution.weights.to(dtype))
    values = values + convolution.bias.to(dtype)[:, None]
    if convolution.frame == "zero":
        beaten = values <= constants.least(seen.kernels, _site(values))
        values, places = values.masked_fill(beaten, 0), places.masked_fill(beaten, 0)
    return values, places


def _see(images: Tensor, convolution: SiConv2d) -> Seen:
    """Images, prepared for a convolution's kernels."""
    convolution.refuse_others(images)
    maps = images.to(_site(images).dtype)
    return at_once.see(convolution.resized, maps, convolution.out_channels)


@torch.no_grad()
def peak_places(
    images: Tensor, convolution: SiConv2d, score: Score | None
) -> tuple[Tensor, Tensor]:
    """Where each channel of the pooled maps is largest; without a gradient, in few launches.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        outputs: ``(batch, out_channels)``, the scale and ``row * columns + column``

    Args:
        images: what is convolved.
        convolution: with kernels at all scales.
        score: what a scale is chosen by; None if each pixel chooses for itself. Then the first
            place of those that are equal is taken, and the smallest scale there.

    Raises:
        ValueError: if the convolution has a stride or padding, or its kernels do not fit.
    """
    seen = _see(images.detach(), convolution)
    if score not in (None, "largest"):
        scale = _scores_at_once(seen, convolution, score).argmax(dim=-1)
        return scale, _chosen_at_once(seen, convolution, scale).flatten(2).argmax(dim=-1)
    values, places = _framed_peaks(seen, convolution)
    if score is None:
        count = convolution.num_scales
        numbers = constants.scale_numbers((0, count), places.dtype, places.device)
        ranks = numbers + places * count
        least = ranks.masked_fill(values < values.amax(dim=-1, keepdim=True), 2**62).amin(dim=-1)
        return least % count, least // count
    scale = values.argmax(dim=-1)
    return scale, places.gather(-1, scale[..., None])[..., 0]


def chosen_maps(images: Tensor, convolution: SiConv2d, scales: Tensor) -> Tensor:
    """The framed map of one scale for each image and channel.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        scales: ``(batch, out_channels)``
        output: ``(batch, out_channels, height - k + 1, width - k + 1)``

    Raises:
        ValueError: if the convolution has a stride or padding, or its kernels do not fit.
    """
    spectra, folded, bases = convolution.in_fourier_space(images)
    by_channel = folded.permute(2, 0, 1, 3).flatten(2)
    parts = [part.permute(2, 0, 1) for part in spectral.multipliers(spectra)]
    across, waves = spectra.shape[1], spectra.shape[:2].numel()
    numbers = _ON_A_GPU if images.is_cuda else _ON_A_CPU
    step = max(1, numbers // (waves * by_channel.shape[0] * folded.shape[-1]))
    maps = []
    for start in range(0, len(images), step):
        some = slice(start, start + step)
        rows, columns = bases.rows[scales[some]], bases.columns[scales[some]]
        down = (rows @ by_channel).view(*rows.shape, -1)
        kernels = (columns[:, :, None] @ down).flatten(2, 3)
        real, imaginary = (
            (kernels * part[some, None]).sum(dim=-1).view(*rows.shape[:3], -1) for part in parts
        )
        lines = bases.real @ real + bases.imaginary @ imaginary
        maps.append(lines.view(*rows.shape[:2], -1, 2 * across) @ bases.across.T)
    found = torch.cat(maps) + convolution.bias.to(spectra.dtype)[:, None, None]
    frames = convolution.frame_widths[scales]
    outside = _map_depths(images, convolution) < frames[..., None, None]
    return found.masked_fill(outside, convolution.around).to(images.dtype)


def response_at(
    images: Tensor, convolution: SiConv2d, scale: Tensor, row: Tensor, column: Tensor
) -> Tensor:
    """One value of the framed maps for each image and channel, of any scale at any position.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        scale, row, column: ``(batch, out_channels)``
        output: ``(batch, out_channels)``
    """
    dtype = torch.promote_types(images.dtype, torch.float32)
    maps, weights = images.to(dtype), convolution.weights.to(dtype)
    batch, channels, height, width = maps.shape
    k = convolution.kernel_size
    if at_once.suits(images):
        site, kernels = _site(images), convolution.resized
        above, beside = (
            torch.add(place, scale, alpha=side - k + 1)
            for place, side in ((row, height), (column, width))
        )
        down = F.embedding(above, constants.taps(kernels, height, site)).view(batch, -1, height)
        across = F.embedding(beside, constants.taps(kernels, width, site)).view(batch, -1, k, width)
        outside = constants.outside(kernels, images.shape[-2:], site.device)[scale, row, column]
    else:
        lines = convolution.lines(dtype)
        down = _taps(lines, scale, row, height).flatten(1, 2)
        across = _taps(lines, scale, column, width)
        depth = _depth(row, column, height - k + 1, width - k + 1)
        outside = depth < convolution.frame_widths[scale]
    rows = (down @ maps.transpose(1, 2).flatten(2)).view(batch, -1, k * channels, width)
    windows = (rows @ across.mT).view(batch, -1, k, channels, k)
    found = (windows * weights.transpose(1, 2)).sum(dim=(2, 3, 4)) + convolution.bias.to(dtype)
    return found.masked_fill(outside, convolution.around).to(images.dtype)


def _taps(lines: Tensor, scale: Tensor, position: Tensor, length: int) -> Tensor:
    """What the lines of an image are multiplied by for windows of some sizes at some positions.

    Shapes:
        lines: ``(scales, largest size, k)``
        scale, position: ``(batch, out_channels)``
        output: ``(batch, out_channels, k, length)``
    """
    scales, largest, k = lines.shape
    line = torch.arange(length, device=lines.device) - position[..., None] + (largest - k) // 2
    fits = (line >= 0) & (line < largest)
    places = torch.where(fits, line + scale[..., None] * largest, scales * largest)
    padded = torch.cat((lines.flatten(0, 1), lines.new_zeros(1, k)))
    return padded[places].mT


def _sums(images: Tensor, convolution: SiConv2d, mean: bool) -> Tensor:
    """Sums or means of the responses at each scale where the kernel fits."""
    dtype = torch.promote_types(images.dtype, torch.float32)
    maps, weights, lines = images.to(dtype), convolution.weights.to(dtype), convolution.lines(dtype)
    sides = [side - convolution.kernel_size + 1 for side in images.shape[-2:]]
    frames = convolution.frame_widths
    down = _box_taps(lines, frames, images.shape[-2], sides[0], mean)
    across = _box_taps(lines, frames, images.shape[-1], sides[1], mean)
    shape = (*maps.shape[:2], *down.shape[:2], -1)
    rows = (down.flatten(0, 1) @ maps).view(shape)
    boxes = rows @ across.mT
    scores = torch.einsum("ncsuv,ocuv->nos", boxes, weights)
    bias = convolution.bias.to(dtype)[:, None]
    if mean:
        return scores + bias
    return scores + bias * (sides[0] - 2 * frames) * (sides[1] - 2 * frames)


def _box_taps(lines: Tensor, frames: Tensor, length: int, side: int, mean: bool) -> Tensor:
    """The sum (or mean) of what `_taps` gives for all positions inside each scale's frame.

    Shapes:
        lines: ``(scales, largest size, k)``
        output: ``(scales, k, length)``
    """
    largest, k = lines.shape[1:]
    before = torch.ones(largest + 1, largest, dtype=torch.float64, device=lines.device).tril(-1)
    sums = before @ lines.double()  # a cumulative sum on CUDA varies from run to run
    frame = frames[:, None]
    last = torch.arange(length, device=lines.device) + (largest - k) // 2 - frame
    first = last - (side - 1 - 2 * frame)
    above, below = (
        sums.take_along_dim(end.clamp(0, largest)[..., None], dim=1) for end in (last + 1, first)
    )
    boxes = above - below
    if mean:
        boxes = boxes / (side - 2 * frame[..., None])
    return boxes.mT.to(lines.dtype)


def _depth(row: Tensor, column: Tensor, height: int, width: int) -> Tensor:
    """How many pixels lie between a position and the border of its map."""
    from_sides = torch.minimum(column, width - 1 - column)
    return torch.minimum(torch.minimum(row, height - 1 - row), from_sides)


def _site(images: Tensor) -> Site:
    """Where maps are computed, and in which type."""
    return Site(torch.promote_types(images.dtype, torch.float32), images.device)


def _map_depths(images: Tensor, convolution: SiConv2d) -> Tensor:
    """`_depth` at every position of the convolution's maps."""
    height, width = (side - convolution.kernel_size + 1 for side in images.shape[-2:])
    row = torch.arange(height, device=images.device)[:, None]
    return _depth(row, torch.arange(width, device=images.device), height, width)
