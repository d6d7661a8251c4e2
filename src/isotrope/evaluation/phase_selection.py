"""Which phases the layers of a network choose: how often, how surely, and whether as APS would.

For networks that tell their selections (``selections(images)``, see ``shift_resnet``). A layer that
samples every ``stride``-th row and column of its maps chooses where it begins: one of ``stride**2``
phases, numbered row by row (of a side that the stride does not divide, as many as positions). Where
phases are mixed, the one of the largest weight counts.

Columns: ``weights`` (``trained``; ``untrained`` where it is known how the training began),
``layer``, and ``phase`` or ``quantile`` or none of them; ``metric``, ``value``, ``n`` (images).

* ``share``, by ``phase``: of the images (0..1); left out where there are more than 16 phases.
* ``entropy``: of these shares, nats; log(4) where all four are as frequent.
* ``uncertainty``: the mean over images of the entropy of the softmax of the layer's logits, or of
  its weights where it mixes; nats. High is a layer that a training which draws phases sees drawn.
* ``margin``, by ``quantile`` over images: how far the highest logit is above the second. Where it
  is of the size of rounding, a shift may change the choice.
* ``aps_agreement``: the percentage of images where APS, which takes the phase of the largest
  Euclidean norm (Chaman and Dokmanic, "Truly shift-invariant convolutional neural networks", CVPR
  2021), would choose the same on the same maps.
* ``shift_agreement``: each image is rolled ``shifts`` times, by up to ``reach`` pixels along each
  axis. A roll permutes the phases of a map and rolls what is kept, so what every layer must choose
  follows from its choice for the unshifted image: the percentage of choices that do. It is 100 in
  networks that are exact. All layers with a stride are taken to be among those that choose.

The shifts depend on ``shift_seed`` and the number of the image alone. With ``dtype: float64``
copies of the networks compute in float64. Networks that draw phases where they are tested, too,
draw them by ``shift_seed``.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope import devices
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._shifting import FloatType, uniform, unit, window
from isotrope.evaluation._sweeps import Row
from isotrope.layers.downsampling import Downsampling, Selection, phases
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS = {"layer2", "layer3", "layer4"}
SPLIT = "test"

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5)
_MOST = 16  # phases whose shares have rows


class Params(Settings):
    """Settings of ``phase_selection``."""

    images: int = Field(1000, ge=1, description="how many images of the split, from its first on")
    shifts: int = Field(4, ge=1, description="rolls of each image")
    reach: int = Field(16, ge=1, description="the largest roll along an axis, pixels")
    shift_seed: int = Field(0, ge=0, description="of the rolls")
    dtype: FloatType = Field("float32", description="in which the networks compute")


class Choice(NamedTuple):
    """What a layer has chosen for some images.

    Args:
        phase: its number, ``(images,)``.
        logits: ``(images, phases)``.
        uncertainty: nats, ``(images,)``.
        aps: the phase of the largest norm, ``(images,)``.
        grid: rows and columns of phases.
        stride: of the layer.
    """

    phase: Tensor
    logits: Tensor
    uncertainty: Tensor
    aps: Tensor
    grid: tuple[int, int]
    stride: int


def evaluate(networks: Networks, data: Split, params: Params) -> list[Row]:
    """Rows of each seed, see above.

    Raises:
        UserError: if the networks choose no phases.
    """
    shown = data[: params.images]
    rows: dict[int, list[Row]] = {seed: [] for seed in networks.seeds}
    for weights, some in (("trained", networks), ("untrained", networks.untrained())):
        if some is not None and params.dtype == "float64":
            some = some.in_float64()
        for seed, network in some or ():
            with torch.inference_mode(), torch.random.fork_rng():
                torch.manual_seed(params.shift_seed)
                found = _measured(network, networks.device, shown, params)
            for layer, named in found.items():
                settings = {"seed": seed, "weights": weights, "layer": layer}
                rows[seed] += [{**settings, **row, "n": len(shown)} for row in named]
    return [row for its in rows.values() for row in its]


def _measured(
    network: nn.Module, device: torch.device, data: Split, params: Params
) -> dict[str, list[Row]]:
    """By layer, rows without the columns of all layers."""
    parts: dict[str, list[Choice]] = {}
    followed: dict[str, float] = {}
    shifts, first = _shifts(len(data), params), 0
    for batch in data.batches(devices.evaluation_batch(device)):
        images = unit(batch.images.to(device), params.dtype)
        chosen = choices(network, images)
        for name, one in chosen.items():
            parts.setdefault(name, []).append(one)
        size = images.shape[-2], images.shape[-1]
        for its in shifts[first : first + len(batch)].to(device).unbind(dim=1):
            x, y = its.unbind(dim=-1)
            found = choices(network, window(images, -y, -x, size))
            for name, expected in predicted(chosen, x, y).items():
                same = (found[name].phase == expected).sum()
                followed[name] = followed.get(name, 0.0) + float(same)
        first += len(batch)
    return {
        name: [
            *_rows(its),
            {"metric": "shift_agreement", "value": 100 * followed[name] / shifts[..., 0].numel()},
        ]
        for name, its in parts.items()
    }


def choices(network: Any, images: Tensor) -> dict[str, Choice]:
    """What the layers of a network choose for images in 0..1, from the first layer on.

    Raises:
        UserError: if it chooses no phases.
    """
    selections: Mapping[str, Selection | None] = {}
    with _heard(network) as heard:
        if hasattr(network, "selections"):
            selections = network.selections(images)
    names = [name for name, selection in selections.items() if selection is not None]
    if not names or len(names) != len(heard):
        raise UserError(
            f"phase_selection: {type(network).__name__} with these settings has no layers that "
            "choose phases; take it out of evaluations"
        )
    return {name: _choice(*one) for name, one in zip(names, heard, strict=True)}


_Heard = tuple[Any, Tensor, Selection]  # a layer, its maps, what it selected


@contextmanager
def _heard(network: nn.Module) -> Iterator[list[_Heard]]:
    """The layers that select for themselves, in the order in which they do."""
    found: list[_Heard] = []

    def listen(layer: Any) -> None:
        down = layer.down

        def heard(maps: Tensor, selection: Selection | None = None, noise: Any = None) -> Any:
            smaller, own = down(maps, selection, noise)
            if selection is None and own is not None:
                found.append((layer, maps, own))
            return smaller, own

        layer.down = heard

    with ExitStack() as ends:
        for layer in network.modules():
            if isinstance(layer, Downsampling):
                listen(layer)
                ends.callback(layer.__dict__.pop, "down")
        yield found


def _choice(layer: Any, maps: Tensor, selection: Selection) -> Choice:
    filtered = getattr(layer, "antialias", None)
    if filtered is not None and getattr(layer, "select_from", "") == "filtered":
        maps = filtered(maps)
    stride, (height, width) = layer.stride, maps.shape[-2:]
    grid = tuple(side if side % stride else stride for side in (height, width))
    energy = maps.double().square().sum(dim=1, keepdim=True)
    if selection.logits.shape[1] != grid[0] * grid[1]:  # zeros were put to the right and below
        energy, grid = F.pad(energy, (0, -width % stride, 0, -height % stride)), (stride, stride)
    logits, weights = selection.logits.double(), selection.weights
    shares = logits.softmax(dim=1) if weights is None else weights.double()
    index = selection.index if weights is None else weights.argmax(dim=1)
    if index is None:
        raise ValueError("a selection has weights or an index, this one has neither")
    entropy = torch.special.entr(shares).sum(dim=1)
    aps = phases(energy, stride).flatten(2).sum(dim=2).argmax(dim=1)
    return Choice(index, logits, entropy, aps, (grid[0], grid[1]), stride)


def predicted(chosen: Mapping[str, Choice], x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The phases that each layer must choose for rolled images.

    Args:
        chosen: for the images that are not rolled, from the first layer on.
        x: rolls to the right, ``(images,)``, in pixels.
        y: downwards.
    """
    found = {}
    for name, one in chosen.items():
        rows, columns = one.grid
        row, y = _rolled(one.phase // columns, y, rows, one.stride)
        column, x = _rolled(one.phase % columns, x, columns, one.stride)
        found[name] = row * columns + column
    return found


def _rolled(phase: Tensor, roll: Tensor, count: int, stride: int) -> tuple[Tensor, Tensor]:
    """The phase along an axis of a rolled map, and how much what is kept is rolled."""
    there = phase + roll
    kept = there.div(stride, rounding_mode="floor") if count == stride else torch.zeros_like(roll)
    return there % count, kept


def _shifts(count: int, params: Params) -> Tensor:
    """For each image rolls other than none, ``(images, shifts, 2)`` int64: x and y."""
    side = 2 * params.reach + 1
    numbers = uniform(params.shift_seed, "phase_selection", count, params.shifts)
    drawn = (numbers * (side**2 - 1)).floor().long()
    place = drawn + (drawn >= side**2 // 2).long()  # the middle one is none
    return torch.stack((place % side, place // side), dim=-1) - params.reach


def _rows(parts: list[Choice]) -> Iterator[Row]:
    """The rows of a layer that are of the images as they are."""
    phase, logits, uncertainty, aps = (
        torch.cat(its)
        for its in zip(
            *((one.phase, one.logits, one.uncertainty, one.aps) for one in parts), strict=True
        )
    )
    count = logits.shape[1]
    shares = torch.bincount(phase, minlength=count).double() / len(phase)
    if count <= _MOST:
        for number, share in enumerate(shares.tolist()):
            yield {"phase": number, "metric": "share", "value": share}
    yield {"metric": "entropy", "value": float(torch.special.entr(shares).sum())}
    yield {"metric": "uncertainty", "value": float(uncertainty.mean())}
    highest = logits.topk(2, dim=1).values
    margins = (highest[:, 0] - highest[:, 1]).sort().values
    for quantile in QUANTILES:
        place = math.ceil(quantile * (len(margins) - 1))
        yield {"quantile": quantile, "metric": "margin", "value": float(margins[place])}
    yield {"metric": "aps_agreement", "value": 100 * float((phase == aps).double().mean())}
