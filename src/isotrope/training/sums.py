"""What a pass over images adds up, batch by batch, for each row of an engine."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope.training.objective import Measured, Objective


class Result(NamedTuple):
    """A row's means over a pass: loss, score, and what the network's own loss reports."""

    loss: float
    score: float
    reported: dict[str, float]


class Sums:
    """Losses, weights and counts of a pass, a row each.

    They stay in the same tensors from pass to pass, so that a CUDA graph can add to them.

    Args:
        rows: how many rows there are.
        device: where they are added up.
    """

    def __init__(self, rows: int, device: torch.device) -> None:
        self._loss, self._weight = (
            torch.zeros(rows, dtype=torch.float64, device=device) for _ in range(2)
        )
        self._counts: Tensor | None = None  # their shape is known with the first batch
        self._reported: dict[str, Tensor] = {}
        self._images = 0

    def add(self, found: Measured, images: int) -> None:
        """Add a batch of so many images on the device; `seen` counts them."""
        self._loss += found.loss * found.weight
        self._weight += found.weight
        if self._counts is None:
            self._counts = torch.zeros_like(found.counts)
        self._counts += found.counts
        for name, value in found.reported.items():
            if name not in self._reported:
                self._reported[name] = torch.zeros_like(value)
            self._reported[name] += value * images

    def seen(self, images: int) -> None:
        """Count the images of a batch that was added."""
        self._images += images

    def begin(self) -> None:
        """Begin a pass: all sums are zero."""
        for value in self.tensors().values():
            value.zero_()
        self._images = 0

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that are added to."""
        counts = {} if self._counts is None else {"counts": self._counts}
        reported = {f"reported.{name}": value for name, value in self._reported.items()}
        return {"loss": self._loss, "weight": self._weight, **counts, **reported}

    def results(self, objective: Objective) -> list[Result]:
        """The means of every row; at least one batch was added."""
        losses = (self._loss / self._weight.clamp(min=1)).tolist()
        counts = [] if self._counts is None else list(self._counts.cpu())
        reported = {name: (sums / self._images).tolist() for name, sums in self._reported.items()}
        return [
            Result(
                loss,
                objective.score(counts[row], self._images),
                {name: values[row] for name, values in reported.items()},
            )
            for row, loss in enumerate(losses)
        ]

    def state(self, row: int) -> dict[str, Any]:
        """What a row has added up, as `restore` takes it."""
        counts = {} if self._counts is None else {"counts": self._counts[row].clone()}
        return {
            "loss": self._loss[row].clone(),
            "weight": self._weight[row].clone(),
            "reported": {name: value[row].clone() for name, value in self._reported.items()},
            "images": self._images,
            **counts,
        }

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """Put a row back to a state; all rows must be put back to states of as many images."""
        rows, device = len(self._loss), self._loss.device
        self._loss[row], self._weight[row] = state["loss"].to(device), state["weight"].to(device)
        self._images = int(state["images"])
        if "counts" in state:
            counts = state["counts"].to(device)
            if self._counts is None:
                self._counts = counts.new_zeros((rows, *counts.shape))
            self._counts[row] = counts
        for name, value in state["reported"].items():
            known = self._reported.setdefault(name, value.to(device).new_zeros(rows))
            known[row] = value.to(device)


def of_older_state(state: dict[str, Any], images: int) -> dict[str, Any]:
    """What an older version of this program has saved of an epoch in hand, as `Sums` takes it.

    Args:
        state: of a seed, with ``loss_sum`` and ``correct``.
        images: how many the epoch has seen.
    """
    return {
        "loss": state["loss_sum"],
        "weight": torch.tensor(float(images), dtype=torch.float64),
        "counts": state["correct"],
        "reported": {},
        "images": images,
    }
