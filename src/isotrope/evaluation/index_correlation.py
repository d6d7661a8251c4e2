"""Whether larger things are seen with larger kernels: the sizes that the scale pools choose.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, figure 7 and supplementary figure 4.

For each pool and channel, Pearson's r between the size of the thing and the size of the chosen
kernel, both in pixels. ``pearson_r`` and ``mean_kernel_size`` are, as published, of one illustrated
object at all its sizes; ``pearson_r_all`` and ``mean_kernel_size_all`` of all test images. Where
one kernel is chosen always, r is not defined: then the value is nan and ``n`` is 0.

Differs from the published analysis: it has r for slices only, where a channel has one kernel size
for the whole map. A pool that chooses anew at each pixel counts here with its choice at the
pixel where its map is largest. That is the choice behind the network's global maximum, and the one
that a pool of slices would make.

Beside the rows stand arrays of the illustrated object: ``scales`` (pixels), and for the pools
``pool1_kernel_sizes`` and ``pool2_kernel_sizes`` (pixels), ``(scales, channels)`` at all scales;
of pools that choose at each pixel the maps, ``(scales, channels, height, width)``, at
``map_scales`` only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.images import Images, to_unit
from isotrope.errors import UserError
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS = {"pool1", "pool2"}
SPLIT = "all_scales"
ARRAYS = True
TOGETHER = True

POOLS = {"pool1": "conv1", "pool2": "conv2"}  # and whose kernels it chooses from
SMILE = 33  # the class that the paper illustrates, of 36 emoji

Sizes = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]


class Params(Settings):
    """Settings of ``index_correlation``."""

    illustrated_class: int | None = Field(
        None, ge=0, description="class whose first object is shown; 33 if there are so many, else 0"
    )
    map_scales: list[int] = Field(
        [17, 33, 48, 64],
        min_length=1,
        description="object sizes in pixels at which the maps of a pool of pixels are kept",
    )


def evaluate(
    networks: Networks, data: Images, params: Params
) -> tuple[list[dict[str, Any]], dict[int, Arrays]]:
    """Rows of each seed: pool, channel, metric, value, n images; and the arrays of each seed.

    Raises:
        UserError: if the data do not know the scale of what they show, or lack the illustrated
            class or one of ``map_scales``.
    """
    scales, shown = _illustrated(data, params)
    order = dict(zip(scales[shown].tolist(), shown.tolist(), strict=True))
    few = [order[scale] for scale in params.map_scales]
    at_the_peaks, maps = _at_the_peaks(networks, data), _maps(networks, data, few)
    rows: list[dict[str, Any]] = []
    arrays: dict[int, Arrays] = {}
    for place, (seed, network) in enumerate(networks):
        sizes = {
            pool: _sizes_of(network, pool)[chosen[place]] for pool, chosen in at_the_peaks.items()
        }
        for pool, chosen in sizes.items():
            for channel, values in enumerate(chosen.T):
                for which, images in (("", shown), ("_all", np.arange(len(values)))):
                    r, n = correlation(scales[images], values[images])
                    found = [(f"pearson_r{which}", r, n)]
                    found += [
                        (f"mean_kernel_size{which}", float(values[images].mean()), len(images))
                    ]
                    rows += [
                        {
                            "seed": seed,
                            "pool": pool,
                            "channel": channel,
                            "metric": metric,
                            "value": value,
                            "n": count,
                        }
                        for metric, value, count in found
                    ]
        arrays[seed] = {"scales": scales[shown]}
        for pool, chosen in maps.items():
            its = sizes[pool][shown]
            if chosen.ndim == 5:  # it chooses at each pixel
                arrays[seed]["scales"] = np.array(params.map_scales)
                its = _sizes_of(network, pool)[chosen[place]]
            arrays[seed][f"{pool}_kernel_sizes"] = its.astype(np.min_scalar_type(int(its.max())))
    return rows, arrays


def correlation(scales: Sizes, sizes: Sizes) -> tuple[float, int]:
    """Pearson's r and the number of images; nan and 0 where one of both never changes."""
    if len(set(scales.tolist())) < 2 or len(set(sizes.tolist())) < 2:
        return float("nan"), 0
    from scipy.stats import pearsonr  # slow to load, and checking imports this module

    return float(pearsonr(scales, sizes).statistic), len(scales)


def _illustrated(data: Images, params: Params) -> tuple[Sizes, NDArray[np.int64]]:
    """The scale of every image, and which images show the illustrated object, by scale."""
    if "scale" not in data.latents:
        raise UserError(
            "index_correlation needs a data set that knows the scale of its images; "
            "take it out of evaluations, or name another data set there"
        )
    scales, labels = data.latents["scale"].cpu().numpy(), data.labels.cpu().numpy()
    chosen = params.illustrated_class
    if chosen is None:
        chosen = SMILE if labels.max(initial=0) >= SMILE else 0
    (of_class,) = np.nonzero(labels == chosen)
    _, first = np.unique(scales[of_class], return_index=True)
    if len(first) == 0:
        raise UserError(
            f"index_correlation: no image is of class {chosen}; set illustrated_class to another"
        )
    shown = of_class[first]
    if absent := sorted(set(params.map_scales) - set(scales[shown].tolist())):
        raise UserError(
            f"index_correlation: class {chosen} has no image at {', '.join(map(str, absent))} "
            "pixels; set map_scales to others"
        )
    return scales, shown


def pool_indices(
    network: nn.Module,
    images: Tensor,
    device: torch.device,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> Iterator[tuple[slice, dict[str, Tensor], dict[str, Tensor]]]:
    """What the pools choose, and the maps that they return, batch by batch.

    Args:
        network: in evaluation mode, on the device; its pools are `ScalePool`.
        images: uint8 ``(n, channels, height, width)``.
        device: where the network is.
        seed: the network's; it counts for a stochastic one only.
        numbers: which images of the split they are; all of them if left out.

    Yields:
        The images that a batch has, and for each pool the scales chosen, counted from 0, as
        `ScalePool` has them, and its maps ``(batch, channels, height, width)``.
    """

    networks, known = Networks({seed: network}, device), numbers or range(len(images))
    size = devices.evaluation_batch(device)
    for start in range(0, len(images), size):
        batch = to_unit(images[start : start + size].to(device))
        for seen in networks.parts(batch, known[start : start + size], _PARTS):
            indices = {pool: seen.parts[f"{pool}.choice"][0] for pool in POOLS}
            maps = {pool: seen.parts[pool][0] for pool in POOLS}
            yield slice(start, start + len(batch)), indices, maps


def _as_it_is(output: Tensor) -> Tensor:
    return output


_PARTS = dict.fromkeys((*POOLS, *(f"{pool}.choice" for pool in POOLS)), _as_it_is)


def _sizes_of(network: nn.Module, pool: str) -> NDArray[np.int64]:
    """The kernel sizes in pixels that a pool chooses from, by index."""
    return np.array(network.get_submodule(POOLS[pool]).sizes, dtype=np.int64)


def kernel_sizes(
    network: nn.Module, images: Tensor, device: torch.device, seed: int = 0
) -> dict[str, Sizes]:
    """The kernel size in pixels that each pool chose for each image and channel, ``(n, channels)``.

    Of a pool that chooses at each pixel it is that of the pixel where the map is largest, the first
    of equals.
    """
    data = Images(images, torch.zeros(len(images), dtype=torch.int64))
    found = _at_the_peaks(Networks({seed: network}, device), data)
    return {pool: _sizes_of(network, pool)[chosen[0]] for pool, chosen in found.items()}


def _at_the_peaks(networks: Networks, data: Images) -> dict[str, Sizes]:
    """The scale, counted from 0, that each pool chose where its map is largest.

    Returns:
        ``(seeds, images, channels)`` for each pool.
    """
    found: dict[str, list[Tensor]] = {pool: [] for pool in POOLS}
    done = 0
    for batch in data.batches(devices.evaluation_batch(networks.device)):
        numbers = range(done, done + len(batch))
        of_seeds: dict[str, list[Tensor]] = {pool: [] for pool in POOLS}
        for seen in networks.parts(to_unit(batch.images.to(networks.device)), numbers, _PARTS):
            networks.remember(batch.images, seen.seeds, seen.answers)
            for pool in POOLS:
                chosen = seen.parts[f"{pool}.choice"]
                if chosen.ndim == 5:
                    largest = seen.parts[pool].flatten(3).argmax(dim=3, keepdim=True)
                    chosen = chosen.flatten(3).take_along_dim(largest, dim=3).squeeze(3)
                of_seeds[pool].append(chosen)
        for pool, parts in of_seeds.items():
            found[pool].append(torch.cat(parts))
        done += len(batch)
    return {pool: torch.cat(parts, dim=1).cpu().numpy() for pool, parts in found.items()}


def _maps(networks: Networks, data: Images, few: list[int]) -> dict[str, Sizes]:
    """The scales that the pools chose for a few images, ``(seeds, images, channels, ...)``."""
    found: dict[str, list[Tensor]] = {pool: [] for pool in POOLS}
    size = devices.evaluation_batch(networks.device)
    for numbers in (few[start : start + size] for start in range(0, len(few), size)):
        images = to_unit(data.images[numbers].to(networks.device))
        of_seeds: dict[str, list[Tensor]] = {pool: [] for pool in POOLS}
        for seen in networks.parts(images, numbers, _PARTS):
            for pool in POOLS:
                of_seeds[pool].append(seen.parts[f"{pool}.choice"].cpu())
        for pool, parts in of_seeds.items():
            found[pool].append(torch.cat(parts))
    return {pool: torch.cat(parts, dim=1).numpy() for pool, parts in found.items()}
