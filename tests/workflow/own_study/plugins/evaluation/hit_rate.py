"""How often the networks are right, for rods of each length."""

from typing import Any

from isotrope.datasets.images import Images
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"


class Params(Settings):
    """Nothing to say."""


def evaluate(networks: Networks, data: Images, params: Params) -> list[dict[str, Any]]:
    del params
    right = networks.logits(data.images).argmax(dim=-1).cpu().eq(data.labels)  # (seeds, images)
    lengths = data.latents["length"]
    return [
        {
            "seed": seed,
            "length": int(length),
            "metric": "hit_rate",
            "value": float(of_seed[lengths.eq(length)].float().mean()),
            "n": int(lengths.eq(length).sum()),
        }
        for seed, of_seed in zip(networks.seeds, right, strict=True)
        for length in lengths.unique()
    ]
