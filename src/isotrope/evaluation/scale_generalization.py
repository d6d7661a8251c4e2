"""Accuracy at each scale, those among them that training has not shown.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288, there called "generalization".
"""

from typing import Any

import torch

from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "all_scales"
kind = "classification"
TOGETHER = True


class Params(Settings):
    """``scale_generalization`` has no settings."""


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """One row for each seed and scale (pixels): ``accuracy`` (0..1) over ``n`` images.

    Raises:
        UserError: if it is not known how large the things in the images are.
    """
    del params
    known, answers = [], []
    for batch, logits in networks.answers(data):
        if "scale" not in batch.latents:
            raise UserError(
                "scale_generalization needs a data set that knows the scale of its images; "
                "take it out of evaluations, or name another data set there"
            )
        known.append(batch.latents["scale"])
        answers.append(logits.argmax(dim=-1) == batch.labels)
    scales, correct = torch.cat(known).cpu(), torch.cat(answers, dim=-1).cpu()
    rows = []
    shown = {scale: scales == scale for scale in sorted(set(scales.tolist()))}
    for seed, right in zip(networks.seeds, correct, strict=True):
        for scale, images in shown.items():
            chosen = right[images]
            value, n = int(chosen.sum()) / len(chosen), len(chosen)
            rows.append(
                {"seed": seed, "scale": scale, "metric": "accuracy", "value": value, "n": n}
            )
    return rows
