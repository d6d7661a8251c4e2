"""How well rods are covered: intersection over union of their pixels, for each length."""

from typing import Any

import torch

from isotrope.datasets.images import VOID, Images
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"


class Params(Settings):
    """Nothing to say."""


def evaluate(networks: Networks, data: Images, params: Params) -> list[dict[str, Any]]:
    del params
    kinds = data.latents["length"].unique()
    common = torch.zeros(len(networks.seeds), len(kinds))
    either = torch.zeros(len(networks.seeds), len(kinds))
    for batch, predictions in networks.batches(data):
        said, true = predictions.argmax(dim=2).eq(1), batch.labels.eq(1)
        known = batch.labels.ne(VOID)
        for column, length in enumerate(kinds):
            chosen = batch.latents["length"].cpu().eq(length)
            both, one = (said & true & known)[:, chosen], ((said | true) & known)[:, chosen]
            common[:, column] += both.sum(dim=(1, 2, 3)).cpu()
            either[:, column] += one.sum(dim=(1, 2, 3)).cpu()
    return [
        {
            "seed": seed,
            "length": int(length),
            "metric": "iou",
            "value": float(common[row, column] / either[row, column].clamp(min=1)),
            "n": int(data.latents["length"].eq(length).sum()),
        }
        for row, seed in enumerate(networks.seeds)
        for column, length in enumerate(kinds)
    ]
