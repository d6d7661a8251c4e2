"""The images that a figure shows with their masks, kept while all are gone through."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from isotrope.evaluation._accumulated import Totals
from isotrope.evaluation._shifted_masks import Answers, Batch, Compared

Arrays = dict[str, NDArray[Any]]
_OF_SEEDS = ("predictions", "shifted_back", "disagreements")


def keep(
    totals: Totals, batch: Batch, plain: Answers, found: Compared, shifts: Tensor, most: int
) -> None:
    """Keep the images of a batch, as long as there are too few that are as large as the first.

    Args:
        totals: where they are kept; ``shown`` counts them.
        batch: the images.
        plain: the answers to them.
        found: the answers to their shifted copies.
        shifts: rows and columns of the shifts, ``(batch, 2)``.
        most: how many are kept.
    """
    done, data = int(totals["shown"]), batch.images
    first = totals.get("shown_masks")
    if done == most or (first is not None and first.shape[-2:] != data.labels.shape[-2:]):
        return
    some = slice(0, most - done)
    values = {
        "numbers": torch.tensor(batch.numbers)[some],
        "offsets": shifts[some],
        "images": data.images[some],
        "masks": data.labels[some].to(torch.uint8),
        "predictions": plain.classes[:, some].to(torch.uint8),
        "shifted_back": found.back[:, some].to(torch.uint8),
        "disagreements": found.apart[:, some].to(torch.uint8),
    }
    for name, value in values.items():
        its = value.to(data.images.device)
        known = totals.get(f"shown_{name}")
        axis = 1 if name in _OF_SEEDS else 0
        totals[f"shown_{name}"] = its if known is None else torch.cat((known, its), dim=axis)
    totals["shown"] += len(values["masks"])


def arrays_of(totals: Totals, place: int) -> Arrays:
    """What was kept, as the arrays of one of the seeds."""
    named = {name.removeprefix("shown_"): its for name, its in totals.items() if "shown_" in name}
    return {name: (its[place] if name in _OF_SEEDS else its).numpy() for name, its in named.items()}
