"""Which class each test image is taken for, and the loss: what any later statistic needs.

Beside the rows stand arrays, in the order of the images of the split: ``predictions`` and
``labels``, ``(images,)``, the smallest unsigned integers that hold all classes; and with ``logits``
the ``logits``, ``(images, classes)`` float32, of a stochastic network the mean over its draws.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isotrope.datasets.stream import Split
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
ARRAYS = True
TOGETHER = True

Arrays = dict[str, NDArray[Any]]


class Params(Settings):
    """Settings of ``predictions``."""

    logits: bool = Field(
        False, description="whether the logits of every image are kept, 4 bytes for each class"
    )


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[dict[str, Any]], dict[int, Arrays]]:
    """One row a seed, ``loss``: the mean cross-entropy of ``n`` images, in nats; and the arrays."""
    answers: list[Tensor] = []
    labels: list[Tensor] = []
    kept: list[Tensor] = []
    losses = torch.zeros(len(networks), dtype=torch.float64, device=networks.device)
    classes = 0
    for batch, logits in networks.answers(data):
        classes = logits.shape[-1]
        wanted = batch.labels.expand(len(networks), -1)
        losses += F.cross_entropy(
            logits.double().movedim(-1, 1), wanted.long(), reduction="none"
        ).sum(dim=-1)
        answers.append(logits.argmax(dim=-1).cpu())
        labels.append(batch.labels.cpu())
        if params.logits:
            kept.append(logits.float().cpu())
    small, count = np.min_scalar_type(max(0, classes - 1)), len(data)
    truth = torch.cat(labels).numpy().astype(small)
    found = torch.cat(answers, dim=1).numpy().astype(small)
    rows = [
        {"seed": seed, "metric": "loss", "value": loss / count, "n": count}
        for seed, loss in zip(networks.seeds, losses.tolist(), strict=True)
    ]
    arrays: dict[int, Arrays] = {}
    for place, seed in enumerate(networks.seeds):
        arrays[seed] = {"predictions": found[place], "labels": truth}
        if params.logits:
            arrays[seed]["logits"] = torch.cat([part[place] for part in kept]).numpy()
    return rows, arrays
