"""What log-polar convolutions have learned and what they choose: arrays for figures.

For each layer of the kind `isotrope.layers.log_polar_convolution.LPConv`, numbered ``layer1`` and
so on in the order of the network's modules, stand these arrays beside the rows, of some test
images, the first of each class:

* ``images`` (images, channels, height, width), 0..255, and ``labels`` (images,);
* ``kernels_layer1`` (kernels, channels, side, side): kernels in the plane of the image. A kernel is
  put at one row of radii and at one angle: its weights times what the points of the grid see of the
  pixels, summed up. The pixel about which the grid lies is in the middle;
* ``weights_layer1`` (kernels, channels, kernel_radii, kernel_angles): the same as they are learned;
* ``radius_layer1`` and ``angle_layer1`` (images, rows, columns): of the largest response of all
  kernels at each centre the radius in the middle of the kernel, in pixels, and its direction, in
  degrees from the x axis, counter-clockwise, from 0 to 360; nan where no response is above zero.
  Rows and columns are those of the layer's output;
* ``strength_layer1`` likewise: the largest response, from 0 to 255 of the layer's largest.

Rows are ``mean_radius``, in pixels: the mean of the radii, each weighted by its strength. A layer
that averages its responses has no winners, and neither maps nor a mean.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from isotrope.datasets.draws import mean_prediction
from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.layers.log_polar_convolution import LPConv
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS = {"layer1", "layer2"}
SPLIT = "test"
kind = "classification"
ARRAYS = True

NAME = "log_polar_maps"
Arrays = dict[str, NDArray[Any]]


class Params(Settings):
    """Settings of ``log_polar_maps``."""

    images: int = Field(6, ge=1, description="images, at most one of each class")
    kernels: int = Field(16, ge=1, description="kernels of each layer that are kept, at most")
    channels: int = Field(3, ge=1, description="channels of a kernel that are kept, at most")
    row: int | None = Field(
        None,
        ge=0,
        description="row of radii at which kernels begin in the image; left out, the middle one",
    )


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[dict[str, Any]], dict[int, Arrays]]:
    """Rows of each seed: layer, metric, value, n images; and the arrays of each seed.

    Raises:
        UserError: if a network has no log-polar convolution, or a row is beyond its radii.
    """
    numbers = _first_of_classes(data, params.images)
    shown = [data[number : number + 1] for number in numbers]
    images = torch.cat([one.images for one in shown])
    common = {"images": images.numpy(), "labels": np.array([int(one.labels[0]) for one in shown])}
    rows, arrays = [], {}
    for seed, network in networks:
        layers = _layers(network)
        arrays[seed] = dict(common)
        with torch.inference_mode():
            with _inputs_of(layers) as inputs:
                mean_prediction(network, to_unit(images.to(networks.device)), seed, numbers, 1)
            for name, layer in layers.items():
                arrays[seed] |= _kernels(name, layer, params)
                maps = _maps(name, layer, inputs[name])
                arrays[seed] |= maps
                mean = _mean_radius(name, maps)
                n = len(numbers) if math.isfinite(mean) else 0
                rows.append(
                    {"seed": seed, "layer": name, "metric": "mean_radius", "value": mean, "n": n}
                )
    return rows, arrays


def _first_of_classes(data: Split, most: int) -> list[int]:
    """The numbers of the first image of each class, at most so many.

    Raises:
        UserError: if labels are masks.
    """
    if data.labels is None or data.kind != "classification":
        raise UserError(
            f"{NAME} shows images of some classes, and the labels of these data are masks; take it "
            "out of evaluations"
        )
    first: dict[int, int] = {}
    for number, label in enumerate(data.labels.tolist()):
        first.setdefault(label, number)
    return [first[label] for label in sorted(first)[:most]]


def _layers(network: nn.Module) -> dict[str, LPConv]:
    """The log-polar convolutions of a network.

    Raises:
        UserError: if there is none.
    """
    found = [module for module in network.modules() if isinstance(module, LPConv)]
    if not found:
        raise UserError(
            f"{NAME} needs networks with layers of the kind LPConv, as deep_lp has them; "
            f"{type(network).__name__} has none: take it out of evaluations"
        )
    return {f"layer{number}": layer for number, layer in enumerate(found, 1)}


@contextmanager
def _inputs_of(layers: Mapping[str, LPConv]) -> Iterator[dict[str, Tensor]]:
    """Keep what log-polar convolutions are given while their network is called inside.

    A hook would not see a network that asks for ``pooled`` and not for ``forward``.
    """
    found: dict[str, Tensor] = {}

    def kept(name: str, pooled: Any) -> Any:
        def pooled_and_kept(images: Tensor) -> Tensor:
            found[name] = images
            answer: Tensor = pooled(images)
            return answer

        return pooled_and_kept

    for name, layer in layers.items():
        layer.__dict__["pooled"] = kept(name, layer.pooled)
    try:
        yield found
    finally:
        for layer in layers.values():
            del layer.__dict__["pooled"]


def _kernels(name: str, layer: LPConv, params: Params) -> Arrays:
    """The kernels as they are learned, and in the plane of the image.

    Raises:
        UserError: if there is no such row of radii.
    """
    weights = layer.weight[: params.kernels, : params.channels].double().cpu().numpy()
    rows = layer.bank.grid.rows - layer.kernel_size[0] + 1
    row = rows // 2 if params.row is None else params.row
    if row >= rows:
        raise UserError(
            f"{NAME}: kernels of {name} begin at rows 0 to {rows - 1}; set its row to one of these"
        )
    return {
        f"weights_{name}": weights.astype(np.float32),
        f"kernels_{name}": in_the_image(layer, weights, row).astype(np.float32),
    }


def in_the_image(
    layer: LPConv, weights: NDArray[np.float64], row: int, angle: int | None = None
) -> NDArray[np.float64]:
    """Kernels in the plane of the image: what their responses at a row and an angle are made of.

    Args:
        layer: the layer.
        weights: ``(kernels, channels, kernel_radii, kernel_angles)``.
        row: of radii.
        angle: number of the angle; left out, the kernel lies about the x axis to the right.

    Returns:
        ``(kernels, channels, side, side)``; the centre is in the middle.
    """
    grid, (radii, angles) = layer.bank.grid, weights.shape[2:]
    begin = (grid.num_angles // 2 - (angles - 1) // 2) if angle is None else angle
    seen = {
        (i, j): layer.bank.stencil(row + i, (begin + j) % grid.num_angles)
        for i in range(radii)
        for j in range(angles)
    }
    reach = max((max(map(abs, place)) for one in seen.values() for place in one), default=0)
    found = np.zeros((*weights.shape[:2], 2 * reach + 1, 2 * reach + 1))
    for (i, j), stencil in seen.items():
        for (down, across), weight in stencil.items():
            found[..., reach + down, reach + across] += weights[..., i, j] * weight
    return found


def _maps(name: str, layer: LPConv, given: Tensor) -> Arrays:
    """Radius, direction and strength of the largest response at each centre."""
    if layer.pooling == "avg":
        return {}
    values, rows, angles = (part.flatten(1, 3) for part in layer.winners(given))
    strongest, place = values.max(dim=1)
    row, angle = (part.gather(1, place[:, None])[:, 0].cpu().numpy() for part in (rows, angles))
    grid, (radii, across) = layer.bank.grid, layer.kernel_size
    radius = grid.radii[row + (radii - 1) // 2]
    if radii % 2 == 0:  # the middle lies between two radii
        radius = np.sqrt(radius * grid.radii[row + radii // 2])
    clockwise = 360 * (angle + (across - 1) / 2) / grid.num_angles - 180
    strength = strongest.clamp(min=0) / strongest.max().clamp(min=torch.finfo(values.dtype).tiny)
    silent = (strongest <= 0).cpu().numpy()
    return {
        f"radius_{name}": np.where(silent, np.nan, radius).astype(np.float32),
        f"angle_{name}": np.where(silent, np.nan, -clockwise % 360).astype(np.float32),
        f"strength_{name}": (255 * strength).round().to(torch.uint8).cpu().numpy(),
    }


def _mean_radius(name: str, maps: Arrays) -> float:
    """The mean of the radii, weighted by strength; nan without a response."""
    if f"radius_{name}" not in maps:
        return math.nan
    weights = maps[f"strength_{name}"].astype(np.float64)
    total = weights.sum()
    return float(np.nansum(maps[f"radius_{name}"] * weights) / total) if total else math.nan
