"""The share of test images whose class is recognised."""

from typing import Any

import torch

from isotrope.datasets.stream import Split
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True


class Params(Settings):
    """``accuracy`` has no settings."""


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """One row a seed: ``accuracy`` (0..1) over ``n`` images."""
    del params
    correct = torch.zeros(len(networks), dtype=torch.int64, device=networks.device)
    for batch, logits in networks.answers(data):
        correct += (logits.argmax(dim=-1) == batch.labels).sum(dim=-1)
    count = len(data)
    return [
        {"seed": seed, "metric": "accuracy", "value": right / count, "n": count}
        for seed, right in zip(networks.seeds, correct.tolist(), strict=True)
    ]
