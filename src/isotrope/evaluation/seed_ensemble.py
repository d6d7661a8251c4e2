"""Accuracy of all seeds of a point together: of the mean of their logits.

One answer for each image, whose logits are the mean over the seeds of the point (diverged ones
left out). By ``views``: ``image``, or ``image_and_mirror``, the mean over the mirror image, too.
Metrics: ``accuracy``, with ``accuracy_low`` and ``accuracy_high`` (Wilson's 95 % interval over
images); ``single``, the mean accuracy of the seeds each by itself, with the same views;
``members``, how many seeds there are. Rows have no seed.

Seeds that have seen different training images are refused, by `isotrope check` where the data set
says so: together they have seen more labelled images than each by itself, so that their accuracy is
not that of so few images. Several initialisations on one set of images are what
``dataset.subset_seed`` is for, where the data set has it.
"""

import torch
from pydantic import Field

from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._averaging import (
    accuracy_rows,
    answers_with_mirrors,
    right_answers,
)
from isotrope.evaluation._sweeps import Row
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
SCOPE = "run"
SAME_IMAGES = True
kind = "classification"


class Params(Settings):
    """Settings of ``seed_ensemble``."""

    mirror: bool = Field(True, description="whether mirror images are averaged, too, in more rows")


def evaluate(networks: Networks, data: Split, params: Params) -> list[Row]:
    """Rows of the point, see above.

    Raises:
        UserError: if the seeds have seen different training images.
    """
    check_training_images(networks)
    found = _counts(networks, data, params.mirror)
    rows, count = [], len(data)
    for views, (together, single) in found.items():
        settings = {"views": views}
        rows += accuracy_rows(settings, together, count)
        alone = single / (len(networks) * count)
        rows.append({**settings, "metric": "single", "value": alone, "n": count})
        members = float(len(networks))
        rows.append({**settings, "metric": "members", "value": members, "n": count})
    return rows


def check_training_images(networks: Networks) -> None:
    """Refuse seeds that have seen different training images.

    Raises:
        UserError: if two have.
    """
    subsets = networks.subsets()
    if subsets is None:
        return
    first, *others = networks.seeds
    seen = set(subsets[first].tolist())
    for seed in others:
        if set(subsets[seed].tolist()) != seen:
            raise UserError(
                f"seed_ensemble: seeds {first} and {seed} have seen different training images, so "
                "that they have seen more together than each by itself; give all seeds one set of "
                "images (subset_seed of the data set, where it has that), or take it out of "
                "evaluations"
            )


def _counts(networks: Networks, data: Split, mirror: bool) -> dict[str, tuple[int, int]]:
    """By views: the images that all seeds together recognise, and the sum of those of each."""
    size = 2 if mirror else 1
    counts = torch.zeros(size, 2, dtype=torch.int64, device=networks.device)
    if mirror:
        for one in answers_with_mirrors(networks, data):
            for place, logits in enumerate((one.plain, one.averaged)):
                counts[place] += _right(logits, one.labels)
    else:
        for batch, logits in networks.batches(data):
            counts[0] += _right(logits, batch.labels)
    names = ("image", "image_and_mirror")[:size]
    return {name: (its[0], its[1]) for name, its in zip(names, counts.tolist(), strict=True)}


def _right(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Right answers of the mean of logits ``(seeds, batch, classes)``, and of each seed, summed."""
    together = right_answers(logits.mean(dim=0), labels)
    return torch.stack((together, right_answers(logits, labels).sum()))
