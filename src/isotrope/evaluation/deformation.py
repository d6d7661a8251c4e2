"""How far what a network makes of an image moves when the image is deformed, by how much.

For an image x and the same image deformed, x', ``distance`` is ``||S(x') - S(x)|| / ||S(x)||``, the
mean over images, with ``distance_low`` and ``distance_high``, the middle 95 % of a bootstrap over
images. S is what a part of the network returns, named in the column ``part``: ``scattering`` where
the model has it, else ``features``, else its answer (``logits``). Each image is deformed in its own
way, which is drawn from ``deformation_seed`` and the image's number and is the same for all
networks and levels; at the first level of each deformation it is the image itself, at distance 0.

``baseline``, with ``baseline_low`` and ``baseline_high``, is the mean distance between S of an
image and S of another one, over all pairs: a deformation whose distance comes near has made of an
image another one. Its rows name no deformation.

Columns: ``part``, ``deformation``, ``level`` (in the deformation's own unit: degrees, pixels, a
factor, the part of half an image by which corners move, epsilon), ``size`` (what figures have on
the x axis: of a deformation ``x(u - tau(u))`` the supremum of the spectral norm of the Jacobian
matrix of tau on 128 x 128 points, of the others the level), ``metric``, ``value``, ``n`` (images;
those at which S is 0 do not count). The deformations are described in ``evaluation/_deforming.py``.

Arrays, of one image: ``original``, ``deformed`` (each deformation at its largest level), their
names ``deformations``.

Source: the code published for Gauthier et al., "Parametric Scattering Networks", CVPR 2022.
Differs from it: many images, not one; the baseline is of test images, all pairs of them, not of
training images that are augmented; what is drawn is drawn once for each image; the largest level is
shown; bilinear interpolation, or, with ``published``, the nearest pixel where images turn, shear or
shift.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._deforming import LARGEST, Level, Name, deformed, drawn, levels
from isotrope.evaluation._intervals import bootstrap
from isotrope.evaluation._sweeps import Row, distinct
from isotrope.evaluation._turning import Interpolation
from isotrope.files.arrays import Array
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True
ARRAYS = True

ANSWER = "logits"
PARTS = ("scattering", "features")  # the first that a model has is looked at
NEAREST = ("rotation", "shear", "translation")  # as published


class Params(Settings):
    """Settings of ``deformation``."""

    deformations: Annotated[list[Name], Field(min_length=1), AfterValidator(distinct)] = Field(
        list(get_args(Name)), description="which ones"
    )
    steps: int = Field(20, ge=1, description="levels of each, beside the image itself")
    largest: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        {}, description="the largest level of a deformation, in its own unit, if not the usual one"
    )
    images: int = Field(
        50, ge=2, description="how many images of the split, at equal distances in its order"
    )
    interpolation: Literal["bilinear", "bicubic", "nearest", "published"] = Field(
        "bilinear",
        description="how images are read between their pixels; published is nearest where they "
        "turn, shear or shift, else bilinear",
    )
    part: str | None = Field(
        None,
        description="whose output is compared, logits for the network's answer; left out, "
        "scattering or else features",
    )
    deformation_seed: int = Field(0, ge=0, description="of what is drawn for each image")


class _Step(NamedTuple):
    """Some images at a level.

    Args:
        place: of the level among all.
        level: the level.
        batch: which images, from the first to before the last.
    """

    place: int
    level: Level
    batch: slice


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[Row], dict[int, dict[str, Array]]]:
    """Rows and arrays of each seed, see above.

    Raises:
        UserError: if the model has no such part, or the images are not of one size.
    """
    part = _part(networks, params.part)
    numbers = spread(len(data), params.images)
    shown = _chosen(data, numbers)
    draws = drawn(params.deformation_seed, numbers)
    height = shown.images.shape[-2]
    found = {
        name: levels(name, params.steps, params.largest.get(name, LARGEST[name]), height)
        for name in params.deformations
    }
    every = [level for its in found.values() for level in its]
    size = devices.evaluation_batch(networks.device)
    batches = [slice(i, i + size) for i in range(0, len(shown), size)]
    with torch.inference_mode():
        unit = to_unit(shown.images.to(networks.device))
        before = [_outputs(networks, unit[one], numbers[one], part) for one in batches]
        reference = torch.cat(before, dim=1)
        others = _distances_to_others(reference)

    def add(totals: Totals, step: _Step) -> None:
        new = deformed(
            unit[step.batch], step.level, draws[step.batch], _reading(params, step.level.name)
        )
        after = _outputs(networks, new, numbers[step.batch], part)
        totals["distances"][:, step.place, step.batch] = _relative(after, reference[:, step.batch])

    start = torch.zeros(len(networks), len(every), len(shown), dtype=torch.float64)
    steps = _steps(every, batches)
    totals = accumulated(networks, steps, {"distances": start}, add, [size, part])
    rows = []
    for seed, of_others, its in zip(networks.seeds, others, totals["distances"], strict=True):
        rows += _rows({"seed": seed, "part": part}, "baseline", of_others)
        for level, distances in zip(every, its, strict=True):
            settings = {"deformation": level.name, "level": level.amount, "size": level.size}
            rows += _rows({"seed": seed, "part": part, **settings}, "distance", distances)
    arrays = _shown(shown.images[:1], [its[-1] for its in found.values()], draws[:1], params)
    return rows, dict.fromkeys(networks.seeds, arrays)


def spread(count: int, wanted: int) -> list[int]:
    """So many of ``count`` numbers from 0 on at equal distances, all of them if they are fewer."""
    wanted = min(count, wanted)
    return [place * count // wanted for place in range(wanted)]


def _part(networks: Networks, wanted: str | None) -> str:
    """The part whose output is compared.

    Raises:
        UserError: if the model has no part of that name.
    """
    known = networks.part_names
    if wanted is None:
        return next((part for part in PARTS if part in known), ANSWER)
    if wanted not in (*known, ANSWER):
        listed = ", ".join((*known, ANSWER))
        raise UserError(f"deformation: the model has no part '{wanted}'; it has {listed}")
    return wanted


def _chosen(data: Split, numbers: Sequence[int]) -> Images:
    """Some of the images in memory.

    Raises:
        UserError: if their sizes differ.
    """
    found = [data[number : number + 1] for number in numbers]
    if len({one.images.shape for one in found}) > 1:
        raise UserError("deformation: the images differ in size; take it out of evaluations")
    return Images(
        torch.cat([one.images for one in found]), torch.cat([one.labels for one in found])
    )


def _steps(every: Sequence[Level], batches: Sequence[slice]) -> Iterator[_Step]:
    for place, level in enumerate(every):
        yield from (_Step(place, level, batch) for batch in batches)


def _reading(params: Params, name: Name) -> Interpolation:
    if params.interpolation != "published":
        return params.interpolation
    return "nearest" if name in NEAREST else "bilinear"


def _outputs(networks: Networks, images: Tensor, numbers: Sequence[int], part: str) -> Tensor:
    """What the part of every network returns, ``(seeds, batch, numbers)``."""
    kept = {} if part == ANSWER else {part: _flat}
    seen = [
        one.answers.flatten(2) if part == ANSWER else one.parts[part]
        for one in networks.parts(images, numbers, kept)
    ]
    return torch.cat(seen)


def _flat(output: Tensor) -> Tensor:
    return output.flatten(1)


def _relative(after: Tensor, before: Tensor) -> Tensor:
    """Relative distances, float64 ``(seeds, batch)``; nan where there is nothing to relate to."""
    norm = before.square().sum(dim=-1, dtype=torch.float64)
    ratio = ((after - before).square().sum(dim=-1, dtype=torch.float64) / norm).sqrt()
    return ratio.where(norm > 0, torch.nan)


def _distances_to_others(outputs: Tensor) -> Tensor:
    """The mean relative distance of each image to the others, ``(seeds, images)`` on the CPU."""
    count = outputs.shape[1]
    if count < 2:
        return torch.full(outputs.shape[:2], torch.nan, dtype=torch.float64)
    found = [
        _relative(outputs, outputs[:, i : i + 1].expand_as(outputs)).sum(dim=1) / (count - 1)
        for i in range(count)
    ]
    return torch.stack(found, dim=1).cpu()


def _rows(settings: Mapping[str, Any], metric: str, values: Tensor) -> list[Row]:
    """The mean of a value of each image, and how well it is known."""
    known = values[values.isfinite()]
    if len(known):
        low, high = bootstrap(known)
        numbers = float(known.mean()), low, high
    else:
        numbers = (float("nan"),) * 3
    names = metric, f"{metric}_low", f"{metric}_high"
    return [
        {**settings, "metric": name, "value": value, "n": len(known)}
        for name, value in zip(names, numbers, strict=True)
    ]


def _shown(
    image: Tensor, largest: Sequence[Level], draws: Tensor, params: Params
) -> dict[str, Array]:
    """One image, uint8 ``(1, channels, height, width)``, and what becomes of it."""
    unit = to_unit(image)
    found = [deformed(unit, one, draws, _reading(params, one.name))[0] for one in largest]
    return {
        "original": image[0].cpu().numpy(),
        "deformed": (255 * torch.stack(found)).round().to(torch.uint8).cpu().numpy(),
        "deformations": np.array([one.name for one in largest]),
    }
