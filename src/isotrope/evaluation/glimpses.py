"""Accuracy of a network with a moving fovea after each glimpse, for several Monte-Carlo counts.

The answer after so many glimpses is made of the mean of the logits of so many draws of the policy,
as RAM-LPM's inference does it (Kiritani and Ono, 2020, https://arxiv.org/abs/2002.05388): there
1 to 14 glimpses of a network that was trained with 10, and 1, 5, 10 and 20 draws, of which its
published program could plot two. Differs from it: the answers after 1, 2, ... glimpses are those of
one look, not of a look each. A network that draws nothing in tests has one draw.
"""

from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.draws import is_stochastic
from isotrope.datasets.stream import Split
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._looking import Batch, batches, glimpsing, looked, network_that_looks
from isotrope.evaluation._sweeps import classes_only, distinct
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
CALLS = {"look"}
SPLIT = "test"
kind = "classification"

Counts = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1), AfterValidator(distinct)]


class Params(Settings):
    """Settings of ``glimpses``."""

    draws: Counts = Field(
        [1, 5, 10, 20], description="draws of the policy whose logits are averaged"
    )
    most: int | None = Field(
        None, ge=1, description="glimpses; left out, as many as the network was trained with"
    )


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy`` (0..1) by ``draws`` and ``glimpses``.

    Raises:
        UserError: if a network has no moving fovea, or the labels are masks.
    """
    classes_only(data, "glimpses")
    counts = sorted(params.draws)
    if not is_stochastic(network_that_looks(networks, "glimpses")):
        counts = [1]
        networks.say_once("glimpses: these networks draw nothing in tests, so they have one draw")
    with glimpsing(networks, params.most) as most:
        right = _right(networks, data, counts, most)
    return [
        {
            "seed": seed,
            "draws": draws,
            "glimpses": 1 + glimpse,
            "metric": "accuracy",
            "value": hits / len(data),
            "n": len(data),
        }
        for seed, its in zip(networks.seeds, right.tolist(), strict=True)
        for draws, of_draws in zip(counts, its, strict=True)
        for glimpse, hits in enumerate(of_draws)
    ]


def _right(networks: Networks, data: Split, counts: list[int], most: int) -> Tensor:
    """Right answers ``(seeds, counts, glimpses)``."""

    def add(totals: Totals, batch: Batch) -> None:
        for place, (seed, network) in enumerate(networks):
            logits: Tensor | float = 0.0
            for draw in range(counts[-1]):
                logits = logits + looked(networks, seed, network, batch, draw).logits.double()
                if draw + 1 in counts:
                    hits = logits.argmax(dim=-1) == batch.images.labels[:, None]
                    totals["right"][place, counts.index(draw + 1)] += hits.sum(dim=0)

    shape = len(networks), len(counts), most
    start = {"right": torch.zeros(shape, dtype=torch.int64)}
    size = devices.evaluation_batch(networks.device)
    return accumulated(networks, batches(data, networks.device), start, add, size)["right"]
