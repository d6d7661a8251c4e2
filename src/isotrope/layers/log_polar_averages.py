"""Means of the responses of a log-polar convolution.

A mean of responses is the kernel's product with means of samples, so these are taken first, for so
many images at a time that their samples stay small.
"""

import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.forms import numbers_at_once
from isotrope.layers.log_polar_jobs import Job
from isotrope.layers.log_polar_pooling import Pooling, windows
from isotrope.layers.log_polar_sampling import sampled, smoothed_images

_ON_A_CPU = 2**20  # numbers


def averages(images: Tensor, weight: Tensor, job: Job) -> Tensor:
    """The mean of each window of responses.

    Shapes:
        images: ``(batch, in_channels, height, width)``, zero outside
        weight: ``(out_channels, in_channels, kernel_rows, kernel_angles)``
        output: ``(batch, out_channels, slots, rows, columns)``
    """
    bank, site, pooling = job
    points = bank.grid.rows * bank.grid.num_angles
    numbers = images.shape[1] * points * site.height * site.width
    step = max(1, numbers_at_once(images, _ON_A_CPU) // numbers)
    shares = _shares(pooling, (weight.shape[2], weight.shape[3]), images.dtype, images.device)
    found = []
    for some in torch.split(images, step):
        samples = sampled(smoothed_images(some, bank), bank, site).flatten(2, 3).flatten(-2)
        size = (pooling.slots, weight.shape[2] * weight.shape[3], samples.shape[-1])
        seen = (shares @ samples).view(*samples.shape[:2], *size)
        found.append(torch.einsum("ncskp,ock->nosp", seen, weight.flatten(2)))
    whole = found[0] if len(found) == 1 else torch.cat(found)
    return whole.view(*whole.shape[:3], site.height, site.width)


@made_once
def _shares(
    pooling: Pooling, size: tuple[int, int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """What each point counts in each window under each cell: ``(slots * cells, points)``."""
    order = windows(pooling, torch.device("cpu"))
    rows, angles = order // pooling.angles, order % pooling.angles
    found = torch.zeros(
        pooling.slots, *size, (pooling.rows + size[0] - 1) * pooling.angles, dtype=torch.float64
    )
    for i in range(size[0]):
        for j in range(size[1]):
            points = (rows + i) * pooling.angles + (angles + j) % pooling.angles
            found[:, i, j].scatter_add_(1, points, torch.ones(points.shape, dtype=torch.float64))
    return (found / order.shape[1]).flatten(0, 2).to(device, dtype)
