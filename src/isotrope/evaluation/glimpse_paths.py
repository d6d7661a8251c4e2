"""Where networks with a moving fovea look: paths over some images, and what the policy is worth.

Rows are ``accuracy`` by ``policy``, one draw for each image:

* ``learned``: the network looks where its policy says;
* ``random``: the same network, first fixation and number of glimpses, but all later fixations are
  uniform over the image: its own random-policy twin;
* ``shuffled``: the same network looks where its policy went on another image (half of the images
  further on). What ``learned`` has above it, the policy owes to what it saw in this image.

Neither twin is trained anew. Arrays, of some images, the first of each class:

* ``images`` (images, channels, height, width), 0..255, and ``labels`` (images,);
* ``fixations`` (images, glimpses, 2): x and y in pixels; 0 is the centre of the first pixel, y
  counts down;
* ``beliefs`` (images, glimpses, classes): what the network would answer after each glimpse, as
  probabilities: the softmax of its logits;
* ``rings``: radii of the circles that a glimpse samples, in pixels, or half sides of its squares;
  ``outline``: the word ``rings`` or ``squares``.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.stream import Split
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._looking import (
    Batch,
    batches,
    looked,
    network_that_looks,
    random_fixations,
)
from isotrope.evaluation._sweeps import classes_only
from isotrope.layers.looking import in_pixels
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
CALLS = {"look"}
SPLIT = "test"
kind = "classification"
ARRAYS = True

POLICIES = ("learned", "random", "shuffled")
Arrays = dict[str, NDArray[Any]]


class Params(Settings):
    """Settings of ``glimpse_paths``."""

    images: int = Field(6, ge=1, description="images whose paths are kept, at most one of a class")


class _Step(NamedTuple):
    """A batch, and whether its fixations are to be learned or given."""

    batch: Batch
    learned: bool


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[dict[str, Any]], dict[int, Arrays]]:
    """Rows of each seed: ``accuracy`` (0..1) by ``policy``; and the arrays of each seed.

    Raises:
        UserError: if a network has no moving fovea, or the labels are masks.
    """
    classes_only(data, "glimpse_paths")
    network_that_looks(networks, "glimpse_paths")
    right = _right(networks, data)
    rows = [
        {
            "seed": seed,
            "policy": policy,
            "metric": "accuracy",
            "value": hits / len(data),
            "n": len(data),
        }
        for seed, its in zip(networks.seeds, right.tolist(), strict=True)
        for policy, hits in zip(POLICIES, its, strict=True)
    ]
    numbers = _first_of_classes(data, params.images)
    with torch.inference_mode():
        return rows, {
            seed: _arrays(networks, seed, network, data, numbers) for seed, network in networks
        }


def _right(networks: Networks, data: Split) -> Tensor:
    """Right answers ``(seeds, policies)``."""
    glimpses = int(network_that_looks(networks, "glimpse_paths").glimpses)
    start = {
        "right": torch.zeros(len(networks), len(POLICIES), dtype=torch.int64),
        "paths": torch.zeros(len(networks), len(data), glimpses, 2),
    }

    def count(totals: Totals, place: int, policy: str, logits: Tensor, batch: Batch) -> None:
        hits = logits[:, -1].argmax(dim=-1) == batch.images.labels
        totals["right"][place, POLICIES.index(policy)] += hits.sum()

    def add(totals: Totals, step: _Step) -> None:
        batch = step.batch
        for place, (seed, network) in enumerate(networks):
            paths = totals["paths"][place]
            own = torch.tensor(batch.numbers, device=paths.device)
            if step.learned:
                found = looked(networks, seed, network, batch)
                count(totals, place, "learned", found.logits, batch)
                paths[own] = found.fixations.to(paths)
                continue
            others = (own + (len(data) + 1) // 2) % len(data)
            given = {
                "random": random_fixations(seed, batch.numbers, paths[own]),
                "shuffled": paths[others],
            }
            for policy, fixations in given.items():
                found = looked(networks, seed, network, batch, fixations=fixations)
                count(totals, place, policy, found.logits, batch)

    size = devices.evaluation_batch(networks.device)
    return accumulated(networks, _steps(data, networks.device), start, add, size)["right"]


def _steps(data: Split, device: torch.device) -> Iterator[_Step]:
    for learned in (True, False):
        for batch in batches(data, device):
            yield _Step(batch, learned)


def _first_of_classes(data: Split, most: int) -> list[int]:
    """The numbers of the first image of each class, by class, at most so many."""
    first: dict[int, int] = {}
    labels = [] if data.labels is None else data.labels.tolist()
    for number, label in enumerate(labels):
        first.setdefault(label, number)
    return [first[label] for label in sorted(first)[:most]]


def _arrays(networks: Networks, seed: int, network: Any, data: Split, numbers: list[int]) -> Arrays:
    """The paths of a network over some images."""
    shown = [data[number : number + 1] for number in numbers]
    paths, beliefs = [], []
    for number, image in zip(numbers, shown, strict=True):
        batch = Batch(image.to(networks.device), range(number, number + 1))
        found = looked(networks, seed, network, batch)
        paths.append(found.fixations)
        beliefs.append(found.logits.double().softmax(dim=-1))
    images = torch.cat([one.images for one in shown])
    height, width = images.shape[-2:]
    return {
        "images": images.numpy(),
        "labels": np.array([int(one.labels[0]) for one in shown]),
        "fixations": _numbers(in_pixels(torch.cat(paths).float(), height, width)),
        "beliefs": _numbers(torch.cat(beliefs)),
        "rings": _numbers(network.rings(height, width)),
        "outline": np.array(network.outline),
    }


def _numbers(values: Tensor) -> NDArray[np.float32]:
    return values.detach().cpu().numpy().astype(np.float32)
