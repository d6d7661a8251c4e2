"""The published form of scaled convolutions, pools and maxima, as plain as possible, in float64."""

import torch
from torch.nn import functional as F

from isotrope.geometry import resize_matrix


def resized(weights, size, mode):
    """Kernels at another size by torch's own interpolation (``area`` has none that fits)."""
    k = weights.shape[-1]
    if mode == "area":
        matrix = resize_matrix(k, size, "area", dtype=weights.dtype)
        kernels = matrix @ weights @ matrix.T
    else:
        kernels = F.interpolate(weights, size=(size, size), mode=mode)
    return kernels * (k**2 / size**2)


def plain_maps(images, weights, bias, sizes, mode="bicubic", around=0.0):
    """One ``interpolate`` and one ``conv2d`` for each size, framed and stacked."""
    k, maps = weights.shape[-1], []
    for size in sizes:
        found = F.conv2d(images, resized(weights, size, mode), bias)
        maps.append(F.pad(found, ((size - k) // 2,) * 4, value=around))
    return torch.stack(maps, dim=2)


def plain_scores(maps, sizes, statistic):
    """What the energy pool compares, map by map."""
    k, scores = sizes[0], []
    for i, size in enumerate(sizes):
        frame = (size - k) // 2
        height, width = maps.shape[-2:]
        inside = maps[:, :, i, frame : height - frame, frame : width - frame].flatten(2)
        scores.append(
            {
                "signed_sum": inside.sum(-1),
                "valid_mean": inside.mean(-1),
                "valid_mean_square": inside.square().mean(-1),
            }[statistic]
        )
    return torch.stack(scores, dim=2)


def plain_pool(maps, mode, sizes, statistic="signed_sum"):
    """The pooled maps and the indices."""
    if mode == "pixel":
        return maps.max(dim=2)
    scores = maps.amax(dim=(3, 4)) if mode == "slice" else plain_scores(maps, sizes, statistic)
    indices = scores.argmax(dim=2)
    chosen = [[maps[n, c, i] for c, i in enumerate(row)] for n, row in enumerate(indices.tolist())]
    return torch.stack([torch.stack(row) for row in chosen]), indices
