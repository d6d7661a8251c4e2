"""Whether the maps of an object at one size are those at another, resized: the equivariance error.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, and its published code.

An error belongs to an ordered pair of scales (a, b): that of map b, resized to a, from map a.

* ``published``: as the published code has it. The network is given images in 0..255, though it was
  trained on 0..1; of a map that is P pixels smaller than the image, the ``scale - P`` pixels from
  the object's position on are cut out; cut b is resized to cut a (bicubic, no antialiasing), and
  the error is the squared norm of the difference over that of cut a. The cuts of a pair do
  not show the same part of the object, so that even a perfect map has an error.
* ``corrected``: images in 0..1; both maps are read at the same points of the object's box (see
  ``_object_grid.py``), where both maps have them; objects of which they share less than a tenth
  of the points do not count. The denominator is the mean square of map a, but no less than a
  hundredth of its mean over the objects, so that an object on which the network is all but silent
  does not count without bound. Beside it stand two measures of the same form: ``floor``, what
  resampling alone costs (map b is exactly map a, interpolated at the pixels of b), and
  ``untrained``, the error of two plain convolutions and ReLUs of the same sizes with torch's
  initial weights for the same seed, which are those of an untrained ``standard``.

Errors that are infinite or undefined (an all-zero reference; in the published form also a box that
does not lie in the map) are left out of the mean: ``n`` is the number of objects that are in it. If
there is none, the value is nan and ``n`` is 0.

Differs from the published code: all data sets and all models with stages are taken, of maps with an
axis of scales the maximum over it; the norms are summed in float64. The box of STIR's aerial photos
is not square; there, the square of its longer side at its corner is taken, which is the
same part of the photo at every scale, so that the corrected form holds for it. Stages must have
stride 1 and lose the same margin on all sides.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.datasets.images import Images, to_unit
from isotrope.errors import UserError
from isotrope.evaluation._object_grid import Axis, axis, read
from isotrope.evaluation._stage_maps import STAGES, Batch, batches
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS = {"stage1", "stage2"}
SPLIT = "all_scales"
TOGETHER = True

NAME = "scale_equivariance"
PAIRS = [[64, 49], [49, 64], [48, 33], [33, 48], [32, 17], [17, 32]]
_SHARED = 0.1  # of the grid, for an object to count
_SILENT = 0.01  # of the mean over the objects, below which a denominator does not go

Errors = dict[str, Tensor]  # of each stage, ``(..., objects, pairs)`` float64 on the CPU


class Params(Settings):
    """Settings of ``scale_equivariance``."""

    pairs: list[Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]] = (
        Field(
            PAIRS,
            min_length=1,
            description="ordered pairs of object sizes in pixels: the reference, and the other",
        )
    )

    @field_validator("pairs")
    @classmethod
    def _distinct(cls, pairs: list[list[int]]) -> list[list[int]]:
        if len({tuple(pair) for pair in pairs}) < len(pairs):
            raise ValueError("each pair may stand once only")
        return pairs


def evaluate(networks: Networks, data: Images, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: stage, form, scale_from (a), scale_to (b), metric, value, n objects.

    Raises:
        UserError: if the data do not know scale and position of what they show, or lack a scale of
            the pairs, or the stages' maps are not square or larger than the image.
    """
    measured = [("published", "error", _published_errors(networks, data, params.pairs))]
    corrected = _corrected(networks, data, params.pairs)
    measured += [("corrected", metric, errors) for metric, errors in corrected.items()]
    rows = []
    for place, seed in enumerate(networks.seeds):
        for form, metric, errors in measured:
            for stage in STAGES:
                for pair, values in zip(params.pairs, errors[stage][place].T, strict=True):
                    finite = values[values.isfinite()]
                    rows.append(
                        {
                            "seed": seed,
                            "stage": stage,
                            "form": form,
                            "scale_from": pair[0],
                            "scale_to": pair[1],
                            "metric": metric,
                            "value": float(finite.mean()),  # nan if there is none
                            "n": len(finite),
                        }
                    )
    return rows


def published_errors(
    network: nn.Module,
    data: Images,
    pairs: list[list[int]],
    device: torch.device,
    seed: int = 0,
) -> Errors:
    """The published errors of each object (by class, then by instance) and pair.

    Args:
        network: in evaluation mode, on the device.
        data: images with the latents ``scale`` and ``position``.
        pairs: of scales, in pixels.
        device: where the network is.
        seed: the network's; it counts for a stochastic one only.

    Returns:
        ``(objects, pairs)`` for each stage; inf or nan where the reference is all zero, nan where a
        cut would be empty or reach beyond the map.

    Raises:
        UserError: as ``evaluate``.
    """
    errors = _published_errors(Networks({seed: network}, device), data, pairs)
    return {stage: values[0] for stage, values in errors.items()}


def _published_errors(networks: Networks, data: Images, pairs: list[list[int]]) -> Errors:
    """The published errors, ``(seeds, objects, pairs)``.

    Raises:
        UserError: as ``evaluate``.
    """
    found: dict[str, list[Tensor]] = {stage: [] for stage in STAGES}
    for batch in batches(data, _scales(pairs), networks.device, NAME):
        parts: dict[str, list[Tensor]] = {stage: [] for stage in STAGES}
        for _, stages in batch.maps(networks, batch.images.to(torch.float32)):
            for stage, maps in stages.items():
                parts[stage].append(_published(batch, maps, pairs))
        for stage, of_seeds in parts.items():
            found[stage].append(torch.cat(of_seeds))
    return {stage: torch.cat(errors, dim=1).cpu() for stage, errors in found.items()}


def _scales(pairs: list[list[int]]) -> list[int]:
    """The scales of pairs, each once."""
    return list(dict.fromkeys(scale for pair in pairs for scale in pair))


def _published(batch: Batch, maps: Tensor, pairs: list[list[int]]) -> Tensor:
    """The published errors of a batch, ``(seeds, objects, pairs)``.

    Args:
        batch: objects at the scales of the pairs.
        maps: of one stage, ``(seeds, objects, scales, channels, height, width)``.
        pairs: of scales, in pixels.
    """
    cuts = {scale: _cut(batch, maps, scale) for scale in batch.place}
    errors = []
    for a, b in pairs:
        (reference, whole), (other, other_whole) = cuts[a], cuts[b]
        if not (reference.shape[-1] and other.shape[-1]):
            errors.append(reference.new_full(maps.shape[:2], torch.nan))
            continue
        resized = F.interpolate(other.flatten(0, 1), size=reference.shape[-2:], mode="bicubic")
        difference = (reference - resized.view_as(reference)).square()
        error = difference.flatten(2).sum(dim=-1) / reference.square().flatten(2).sum(dim=-1)
        errors.append(error.masked_fill(~(whole & other_whole), torch.nan))
    return torch.stack(errors, dim=-1)


def _cut(batch: Batch, maps: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Of the maps at a scale the pixels from the object's position on.

    Returns:
        Cuts ``(seeds, objects, channels, side, side)`` float64, and ``(objects,)`` whether the
        object's cut lies in the map.
    """
    cells, place = maps.shape[-1], batch.place[scale]
    side = max(0, scale - (batch.side - cells))
    pixels = torch.arange(side, device=maps.device)
    columns, rows = (batch.positions[:, place, i, None] + pixels for i in (0, 1))
    whole = ((columns >= 0) & (columns < cells) & (rows >= 0) & (rows < cells)).all(dim=-1)
    columns, rows = (lines.clamp(0, cells - 1) for lines in (columns, rows))
    objects = torch.arange(len(columns), device=maps.device)[:, None, None]
    cut = maps[:, :, place][:, objects, :, rows[:, :, None], columns[:, None]]
    return cut.permute(3, 0, 4, 1, 2).to(torch.float64).contiguous(), whole


def _corrected(networks: Networks, data: Images, pairs: list[list[int]]) -> dict[str, Errors]:
    """The corrected errors, ``floor`` and ``untrained``, each ``(seeds, objects, pairs)``.

    Raises:
        UserError: as ``evaluate``.
    """
    plain: Networks | None = None
    found: dict[str, dict[str, list[_Squares]]] = {
        metric: {stage: [] for stage in STAGES} for metric in ("error", "floor", "untrained")
    }
    for batch in batches(data, _scales(pairs), networks.device, NAME):
        images = to_unit(batch.images)
        grids: dict[int, list[_Grid]] = {}
        parts: dict[str, dict[str, list[_Squares]]] = {
            metric: {stage: [] for stage in STAGES} for metric in found
        }
        for _, stages in batch.maps(networks, images):
            plain = plain or _untrained(batch, stages, networks)
            for stage, maps in stages.items():
                for metric, squares in _squares(batch, maps, pairs, grids).items():
                    parts[metric][stage].append(squares)
        for _, stages in batch.maps(plain, images) if plain else ():
            for stage, maps in stages.items():
                found_here = _squares(batch, maps, pairs, grids, floor=False)
                parts["untrained"][stage].append(found_here["error"])
        for metric, of_stages in parts.items():
            for stage, of_seeds in of_stages.items():
                found[metric][stage].append(_Squares.joined(of_seeds, dim=0))
    return {
        metric: {
            stage: _Squares.joined(parts, dim=1).errors().cpu() for stage, parts in stages.items()
        }
        for metric, stages in found.items()
    }


def _squares(
    batch: Batch,
    maps: Tensor,
    pairs: list[list[int]],
    grids: dict[int, list["_Grid"]],
    floor: bool = True,
) -> dict[str, "_Squares"]:
    """The two parts of the errors of a batch, and of their floor if it is wanted.

    Args:
        batch: objects at the scales of the pairs.
        maps: of one stage, ``(seeds, objects, scales, channels, height, width)``.
        pairs: of scales, in pixels.
        grids: those of this batch that are known, by the side of the maps; more are added.
        floor: whether it is wanted.
    """
    side = maps.shape[-1]
    if side not in grids:
        grids[side] = [_Grid.of_pair(batch, side, a, b) for a, b in pairs]
    found = [grid.squares(maps, floor) for grid in grids[side]]
    return {
        metric: _Squares(
            torch.stack([one[metric].difference for one in found], dim=-1),
            torch.stack([one[metric].reference for one in found], dim=-1),
        )
        for metric in found[0]
    }


@dataclass(frozen=True)
class _Squares:
    """The parts of errors, mean squares over the grid: ``(seeds, objects, ...)``."""

    difference: Tensor
    reference: Tensor

    @classmethod
    def joined(cls, parts: list["_Squares"], dim: int) -> "_Squares":
        """Those of more seeds (dimension 0) or objects (1)."""
        return cls(
            torch.cat([one.difference for one in parts], dim),
            torch.cat([one.reference for one in parts], dim),
        )

    def errors(self) -> Tensor:
        """The errors, ``(seeds, objects, pairs)``."""
        least = _SILENT * self.reference.nanmean(dim=1, keepdim=True)
        return self.difference / self.reference.clamp(min=least)


@dataclass(frozen=True)
class _Grid:
    """The points at which the maps of a batch of objects are compared at a pair of scales."""

    a: int  # where the maps of the first scale stand in the batch
    b: int
    rows: Axis
    columns: Axis

    @classmethod
    def of_pair(cls, batch: Batch, cells: int, a: int, b: int) -> "_Grid":
        """The grid for maps of ``cells`` pixels a side, at the scales a and b."""
        at, its = (batch.positions[:, batch.place[scale]] for scale in (a, b))
        columns, rows = (axis((at[:, i], its[:, i]), (a, b), cells, batch.side) for i in (0, 1))
        return cls(batch.place[a], batch.place[b], rows, columns)

    def squares(self, maps: Tensor, floor: bool) -> dict[str, _Squares]:
        """The mean squares for maps ``(seeds, objects, scales, channels, height, width)``.

        ``floor`` asks for those, too, that have in the place of map b what it would be if it were
        exactly map a.
        """
        rows, columns = self.rows, self.columns
        known = rows.known[:, None, :, None] & columns.known[:, None, None, :]
        points = known.sum(dim=(1, 2, 3)) * maps.shape[3]
        enough = known.double().mean(dim=(1, 2, 3)) >= _SHARED

        def mean_square(values: Tensor) -> Tensor:
            total = torch.where(known, values, 0.0).square().sum(dim=(2, 3, 4))
            return torch.where(enough, total / points, torch.nan)

        reference = read(maps[:, :, self.a], rows.reference, columns.reference)
        others = {"error": read(maps[:, :, self.b], rows.other, columns.other)}
        if floor:
            others["floor"] = read(maps[:, :, self.a], rows.through, columns.through)
        norm = mean_square(reference)
        return {
            metric: _Squares(mean_square(reference - other), norm)
            for metric, other in others.items()
        }


class _Plain(nn.Sequential):
    """Two convolutions, each with its ReLU, called as a network's stages are."""

    def __init__(self, channels: list[int], kernels: list[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels[0], channels[1], kernels[0])
        self.stage1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels[1], channels[2], kernels[1])
        self.stage2 = nn.ReLU()


def _untrained(batch: Batch, maps: dict[str, Tensor], networks: Networks) -> Networks:
    """Plain networks whose maps are as large as the given ones; the random state is as before.

    Raises:
        UserError: if the maps of stage 2 are larger than those of stage 1.
    """
    sides = [batch.side, *(maps[stage].shape[-1] for stage in STAGES)]
    channels = [batch.images.shape[2], *(maps[stage].shape[3] for stage in STAGES)]
    if sides[2] > sides[1]:
        raise UserError(
            f"{NAME} needs a stage2 whose maps ({sides[2]} pixels a side) are no "
            f"larger than those of stage1 ({sides[1]}); take it out of evaluations"
        )
    kernels = [before - after + 1 for before, after in pairwise(sides)]
    plain = {}
    with torch.random.fork_rng(devices=[]):
        for seed in networks.seeds:
            torch.default_generator.manual_seed(seed)  # that of the CPU alone
            plain[seed] = _Plain(channels, kernels).to(networks.device)
    return Networks(plain, networks.device, alike=True)
