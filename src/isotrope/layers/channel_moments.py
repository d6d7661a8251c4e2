"""Batch normalisation as a factor and a summand of each channel, from moments found elsewhere.

`nn.BatchNorm2d` finds the moments of what it normalises. Here they may come from several pieces of
a batch that is never held whole, and may be applied to more values than they were found from.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

Affine = tuple[Tensor, Tensor]


class Moments(NamedTuple):
    """Moments of each channel.

    Args:
        mean: ``(channels,)``
        variance: ``(channels,)``, that of all values and not its estimate.
        values: how many values of a channel there are.
    """

    mean: Tensor
    variance: Tensor
    values: int


def moments_of(values: Tensor) -> Moments:
    """The moments of ``(batch, channels, ...)`` over all axes but the channels'."""
    axes = [axis for axis in range(values.ndim) if axis != 1]
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    variance, mean = torch.var_mean(exact, dim=axes, correction=0)
    return Moments(mean, variance, values.numel() // values.shape[1])


def joined(means: Tensor, variances: Tensor, counts: list[int]) -> Moments:
    """The moments of all pieces from those of each.

    Shapes:
        means, variances: ``(pieces, channels)``
    """
    total = sum(counts)
    shares = means.new_tensor([count / total for count in counts])[:, None]
    mean = (shares * means).sum(dim=0)
    variance = (shares * (variances + (means - mean).square())).sum(dim=0)
    return Moments(mean, variance, total)


def affine(norm: nn.BatchNorm2d, moments: Moments | None) -> Affine:
    """What values are multiplied with, and what is then added, ``(channels,)`` each.

    Args:
        norm: with momentum, weights and running moments, which it follows in training.
        moments: those of the batch; None when testing, where the running ones are used.
    """
    running, spread = norm.running_mean, norm.running_var
    if running is None or spread is None or norm.num_batches_tracked is None:
        raise ValueError("need a batch normalisation with running moments")
    if moments is None:
        mean, variance = running, spread
    else:
        mean, variance = moments.mean, moments.variance
        with torch.no_grad():
            estimate = variance * (moments.values / max(1, moments.values - 1))
            rate = norm.momentum or 0.0
            running.mul_(1 - rate).add_(rate * mean.to(running.dtype))
            spread.mul_(1 - rate).add_(rate * estimate.to(spread.dtype))
            norm.num_batches_tracked.add_(1)
    factor = torch.rsqrt(variance + norm.eps).to(norm.weight.dtype) * norm.weight
    return factor, norm.bias - mean.to(factor.dtype) * factor


def along_channels(values: Tensor, factor: Tensor, summand: Tensor) -> Tensor:
    """``(batch, channels, ...)`` times the factor of each channel, plus its summand."""
    shape = (-1, *[1] * (values.ndim - 2))
    return values * factor.view(shape).to(values.dtype) + summand.view(shape).to(values.dtype)


def normalised(
    norm: nn.BatchNorm2d, values: Tensor, with_affine: bool
) -> tuple[Tensor, Affine | None]:
    """What `nn.BatchNorm2d` makes of ``(batch, channels, ...)``.

    Args:
        norm: as `affine` takes it.
        values: what is normalised.
        with_affine: whether the factor and the summand are wanted, too.
    """
    if not with_affine and norm.running_mean is not None:
        flat = values
        if flat.ndim != 4:  # in torch 2.13 gradients are wrong for unusual strides
            flat = flat.flatten(2)[..., None].contiguous()
        return norm(flat).view(values.shape), None
    found = affine(norm, moments_of(values) if norm.training else None)
    return along_channels(values, *found), found
