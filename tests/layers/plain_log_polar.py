"""Log-polar layers as their formulas say, in float64, slowly."""

import math

import torch
from torch.nn import functional as F


def pixel(images, row, column, around=0.0):
    """Images moved so that each pixel shows the one ``row`` down and ``column`` to the right."""
    height, width = images.shape[-2:]
    size = max(abs(row), abs(column))
    padded = F.pad(images - around, (size,) * 4) + around
    return padded[..., size + row : size + row + height, size + column : size + column + width]


def bilinear_samples(images, tau_min, tau_max, ntau, num_angles, around=0.0):
    """Shape ``(batch, channels, radii, angles, height, width)``, straight from the coordinates."""
    found = []
    for t in range(ntau):
        tau = tau_min * (tau_max / tau_min) ** (t / (ntau - 1))
        for a in range(num_angles):
            theta = -math.pi + 2 * math.pi * a / num_angles
            x, y = tau * math.cos(theta), tau * math.sin(theta)
            left, top = math.floor(x), math.floor(y)
            one = 0
            for row, down in ((top, top + 1 - y), (top + 1, y - top)):
                for column, across in ((left, left + 1 - x), (left + 1, x - left)):
                    one = one + down * across * pixel(images, row, column, around)
            found.append(one)
    return torch.stack(found, dim=2).unflatten(2, (ntau, num_angles))


def stencil_samples(images, bank, around=0.0):
    """The same for any bank, from all that its points see."""
    grid = bank.grid
    found = [
        sum(
            weight * pixel(images, row, column, around)
            for (row, column), weight in bank.stencil(t, a).items()
        )
        for t in range(grid.rows)
        for a in range(grid.num_angles)
    ]
    found = [one if torch.is_tensor(one) else torch.zeros_like(images) for one in found]
    return torch.stack(found, dim=2).unflatten(2, (grid.rows, grid.num_angles))


def responses(samples, weight):
    """Shape ``(batch, out_channels, rows, angles, height, width)``."""
    batch, _, _, _, height, width = samples.shape
    pixels = samples.permute(0, 4, 5, 1, 2, 3).flatten(0, 2)
    pixels = F.pad(pixels, (0, weight.shape[-1] - 1, 0, 0), mode="circular")
    found = F.conv2d(pixels, weight)
    return found.unflatten(0, (batch, height, width)).permute(0, 3, 4, 5, 1, 2)


def remaining(found, topk=None, align="row", tau_pooling=None, theta_pooling=None):
    """What pooling leaves of the responses of one pixel ``(rows, angles)``, number by number."""
    rows, angles = found.shape
    tau, theta = tau_pooling or rows, theta_pooling or angles
    if topk is None:
        wide = -(-angles // theta) * theta
        around = found[:, torch.arange(wide) % angles]
        return torch.stack(
            [
                around[t : t + tau, a : a + theta].max()
                for t in range(0, rows - tau + 1, tau)
                for a in range(0, wide, theta)
            ]
        )
    first = [int(row.argmax()) for row in found]
    if align == "joint":
        first = [int(found.argmax()) % angles] * rows
    turned = torch.stack([row.roll(-shift) for row, shift in zip(found, first, strict=True)])
    kept = []
    for row in turned:
        score = row if align == "row" else turned.amax(dim=0)
        best = sorted(sorted(range(angles), key=lambda a: (-score[a].item(), a))[:topk])
        kept.append(row[best])
    kept = torch.stack(kept)
    return torch.cat([kept[t : t + tau].amax(dim=0) for t in range(0, rows - tau + 1, tau)])


def kept_responses(found, **pooling):
    """`remaining` of every pixel: ``(batch, out_channels * slots, height, width)``."""
    batch, channels, _, _, height, width = found.shape
    pixels = found.permute(0, 4, 5, 1, 2, 3).flatten(0, 3)
    kept = torch.stack([remaining(one, **pooling) for one in pixels])
    kept = kept.view(batch, height, width, channels, -1)
    return kept.permute(0, 3, 4, 1, 2).flatten(1, 2)
