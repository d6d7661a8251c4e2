"""Packs of a run by what they were trained with, wherever its points lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.packs import summary
from isotrope.packs.summary import RUN


def packs_trained_so(run: str, digest: str) -> list[tuple[Path, Mapping[int, Mapping[str, Any]]]]:
    """The packs of a run with a training digest, each with what its ``run.json`` says of seeds.

    Args:
        run: the run's name.
        digest: the training digest.
    """
    found = []
    for path in sorted((paths.OUT / "runs" / run).glob(f"*/seeds-*/{RUN}")):
        known = summary.read(path.parent)
        if known.training_digest == digest:
            found.append((path.parent, known.seeds))
    return found


def pack_of(run: str, digest: str, seed: int) -> Path | None:
    """The folder of a pack that holds a seed with a training digest; None if there is none."""
    packs = packs_trained_so(run, digest)
    return next((pack for pack, said in packs if seed in said), None)
