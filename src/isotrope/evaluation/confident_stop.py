"""What a network with a moving fovea loses if it stops looking as soon as it is sure.

After each glimpse the largest probability (the softmax of the logits so far, with several ``draws``
of their mean) is compared with a threshold; from it on, the network answers. Rows by ``threshold``:
``accuracy``, and ``glimpses``, the mean number that was taken.

Which threshold to use is **chosen on the validation images** of the training data: the one with the
fewest glimpses among those that lose at most ``tolerance`` of the accuracy after all glimpses
there. Rows without a threshold are of it, measured on the test images: ``chosen_threshold``,
``chosen_accuracy``, ``chosen_glimpses``, and ``full_accuracy``, ``full_glimpses`` of a network that
never stops. Where no threshold loses so little, all glimpses are taken, and ``chosen_threshold`` is
above 1.

The idea of one model whose number of glimpses follows its confidence is older (Li et al., "Dynamic
Computational Time for Visual Attention", 2017; "AdaptiveNN", Nature Machine Intelligence 2025,
which learns when to stop); here nothing is trained for it.
"""

from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.stream import Split
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._looking import Batch, batches, looked, network_that_looks
from isotrope.evaluation._sweeps import classes_only, distinct
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
CALLS = {"look"}
SPLIT = "test"
CHOOSES_ON = "valid"
kind = "classification"

NEVER = 2.0  # a threshold that no probability reaches
_FEWER = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999]

Thresholds = Annotated[
    list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1), AfterValidator(distinct)
]


class Params(Settings):
    """Settings of ``confident_stop``."""

    thresholds: Thresholds = Field(
        _FEWER, description="of the largest probability, from which on no further glimpse is taken"
    )
    tolerance: float = Field(
        0.003, ge=0, le=1, description="accuracy that the chosen threshold may lose on validation"
    )
    draws: int = Field(1, ge=1, description="draws of the policy whose logits are averaged")


def evaluate(
    networks: Networks, data: Split, params: Params, others: Split
) -> list[dict[str, Any]]:
    """Rows of each seed: by ``threshold``, and those of the chosen one.

    Raises:
        UserError: if a network has no moving fovea, or the labels are masks.
    """
    classes_only(data, "confident_stop")
    network_that_looks(networks, "confident_stop")
    thresholds = [*sorted(params.thresholds), NEVER]
    tested, validated = _totals(networks, data, others, thresholds, params.draws)
    rows = []
    for seed, its, of_choice in zip(networks.seeds, tested, validated, strict=True):
        accuracy, glimpses = (its / len(data)).T.tolist()
        right, taken = (of_choice / len(others)).T.tolist()
        place = chosen(right, taken, params.tolerance)
        values = {
            "chosen_threshold": thresholds[place],
            "chosen_accuracy": accuracy[place],
            "chosen_glimpses": glimpses[place],
            "full_accuracy": accuracy[-1],
            "full_glimpses": glimpses[-1],
        }
        rows += [
            {"seed": seed, "threshold": threshold, "metric": metric, "value": value, "n": len(data)}
            for metric, column in (("accuracy", accuracy), ("glimpses", glimpses))
            for threshold, value in zip(thresholds[:-1], column[:-1], strict=True)
        ]
        rows += [
            {"seed": seed, "metric": metric, "value": value, "n": len(data)}
            for metric, value in values.items()
        ]
    return rows


def chosen(accuracy: list[float], glimpses: list[float], tolerance: float) -> int:
    """The place of the threshold to use; the last is that of all glimpses.

    Of those that lose at most the tolerance it is the one with the fewest glimpses, and of several
    such the most accurate, then the last.

    Args:
        accuracy: by threshold, on validation images.
        glimpses: the mean numbers that are taken.
        tolerance: accuracy that may be lost.
    """
    least = accuracy[-1] - tolerance - 1e-12  # rounding is no loss
    return min(
        (place for place, value in enumerate(accuracy) if value >= least),
        key=lambda place: (glimpses[place], -accuracy[place], -place),
    )


def stops(logits: Tensor, labels: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the answer at the stop is right, and how many glimpses were taken.

    Args:
        logits: ``(batch, glimpses, classes)`` after each glimpse.
        labels: ``(batch,)``.
        thresholds: ``(thresholds,)``.

    Returns:
        ``(thresholds, batch)`` bool, and ``(thresholds, batch)`` int64, from 1.
    """
    surest = logits.double().softmax(dim=-1).amax(dim=-1)
    sure = surest >= thresholds[:, None, None]
    sure[..., -1] = True  # there is no further glimpse
    taken = sure.int().argmax(dim=-1)  # the first
    right = logits.argmax(dim=-1) == labels[:, None]
    at = right.expand(len(thresholds), -1, -1).gather(-1, taken[..., None])[..., 0]
    return at, taken + 1


def _totals(
    networks: Networks, data: Split, others: Split, thresholds: list[float], draws: int
) -> tuple[Tensor, Tensor]:
    """Right answers and glimpses, ``(seeds, thresholds, 2)`` each: of test, and of validation."""
    levels = torch.tensor(thresholds, dtype=torch.float64, device=networks.device)

    def add(totals: Totals, step: tuple[str, Batch]) -> None:
        name, batch = step
        for place, (seed, network) in enumerate(networks):
            logits = sum(
                looked(networks, seed, network, batch, draw).logits.double()
                for draw in range(draws)
            )
            right, taken = stops(torch.as_tensor(logits) / draws, batch.images.labels, levels)
            totals[name][place] += torch.stack((right.sum(dim=1), taken.sum(dim=1)), dim=-1)

    splits = {"tested": data, "validated": others}
    shape = len(networks), len(thresholds), 2
    start = {name: torch.zeros(shape, dtype=torch.float64) for name in splits}
    steps = (
        (name, batch) for name, one in splits.items() for batch in batches(one, networks.device)
    )
    size = devices.evaluation_batch(networks.device)
    found = accumulated(networks, steps, start, add, size)
    return found["tested"], found["validated"]
