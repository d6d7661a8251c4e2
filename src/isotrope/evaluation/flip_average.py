"""Accuracy of the mean of what a network answers to an image and to its mirror image.

``accuracy`` of the mean of the two logits, with ``accuracy_low`` and ``accuracy_high`` (Wilson's
95 % interval over images), and ``agreement``, the share of images whose class is the same from both
sides, right or wrong. Left and right are exchanged. The accuracy of single answers is in the table
``accuracy``; the mean over several networks, too, is taken by ``seed_ensemble``.
"""

import torch

from isotrope.datasets.stream import Split
from isotrope.evaluation._averaging import accuracy_rows, answers_with_mirrors, right_answers
from isotrope.evaluation._sweeps import Row
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True


class Params(Settings):
    """``flip_average`` has no settings."""


def evaluate(networks: Networks, data: Split, params: Params) -> list[Row]:
    """Rows of each seed: ``accuracy`` with its interval, and ``agreement``."""
    del params
    counts = torch.zeros(len(networks), 2, dtype=torch.int64, device=networks.device)
    for found in answers_with_mirrors(networks, data):
        counts[:, 0] += right_answers(found.averaged, found.labels)
        counts[:, 1] += right_answers(found.plain, found.mirrored.argmax(dim=-1))
    rows = []
    for seed, (right, same) in zip(networks.seeds, counts.tolist(), strict=True):
        rows += accuracy_rows({"seed": seed}, right, len(data))
        rows.append(
            {"seed": seed, "metric": "agreement", "value": same / len(data), "n": len(data)}
        )
    return rows
