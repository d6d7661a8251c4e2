"""The share of test images whose class is recognised."""

from typing import Any

from isotrope.datasets.images import Images
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"


class Params(Settings):
    """``accuracy`` has no settings."""


def evaluate(networks: Networks, data: Images, params: Params) -> list[dict[str, Any]]:
    """One row a seed: ``accuracy`` (0..1) over ``n`` images."""
    del params
    correct = (networks.logits(data.images).argmax(dim=-1) == data.labels.cpu()).sum(dim=-1)
    count = len(data.labels)
    return [
        {"seed": seed, "metric": "accuracy", "value": int(right) / count, "n": count}
        for seed, right in zip(networks.seeds, correct, strict=True)
    ]
