"""What is kept of a network while it trains: values that it records, gradients, and weights.

A network may define ``record()``, which gives tensors by their names, computed from its parameters
and buffers. They are taken before the first epoch and after every so many, as
``training.monitor`` says, and stored beside the history of the seed. Patterns and gradients have
the names of the network itself, whether or not it is behind a normalisation.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isotrope.files.arrays import Array
from isotrope.layers.preceded import Preceded
from isotrope.packs.summary import KEPT_WEIGHT
from isotrope.params.training import Monitor
from isotrope.training.engines import Engine

EPOCH = "epoch"  # the name of the epochs at which the rest was taken; 0 is before the first
GRADIENT = "gradient/"  # before the name of a parameter


class Recordings:
    """What was recorded of each seed.

    Args:
        monitor: what is to be recorded; nothing, if there is none.
    """

    def __init__(self, monitor: Monitor | None) -> None:
        self.monitor = monitor
        self._taken: dict[int, list[tuple[int, dict[str, Tensor]]]] = {}

    @property
    def takes_gradients(self) -> bool:
        """Whether gradients are recorded."""
        return self.monitor is not None and bool(self.monitor.gradients)

    def is_due(self, epoch: int) -> bool:
        """Whether something is to be recorded after so many epochs."""
        return self.monitor is not None and epoch % self.monitor.every == 0

    def take(self, epoch: int, engine: Engine, rows: Mapping[int, int]) -> None:
        """Record every seed's network, if it is due.

        Args:
            epoch: epochs that are done.
            engine: computes the networks.
            rows: the row of each seed.
        """
        if self.monitor is None or not self.is_due(epoch):
            return
        wanted = self.monitor
        inner = "network." if isinstance(engine.network, Preceded) else ""
        for seed, row in rows.items():
            values = engine.recorded(row) if hasattr(engine.network, "record") else {}
            if wanted.gradients:
                found = _named(wanted.gradients, engine.gradients(row), inner)
                for name, value in found.items():
                    none_yet = epoch == 0
                    kept = torch.full_like(value, torch.nan) if none_yet else value
                    values[GRADIENT + name.removeprefix(inner)] = kept
            if wanted.weights:
                for name, value in _named(wanted.weights, engine.weights(row), inner).items():
                    values[KEPT_WEIGHT + name] = value
            if values:
                copies = {name: value.detach().cpu() for name, value in values.items()}
                self._taken.setdefault(seed, []).append((epoch, copies))

    def pop(self, seed: int) -> dict[str, Array]:
        """A seed's recordings, each with a first axis of the epochs that ``epoch`` lists."""
        taken = self._taken.pop(seed, [])
        if not taken:
            return {}
        names = taken[0][1]
        stacked = {name: torch.stack([one[name] for _, one in taken]).numpy() for name in names}
        return {EPOCH: np.array([epoch for epoch, _ in taken]), **stacked}

    def state(self, seed: int) -> list[dict[str, Any]]:
        """A seed's recordings so far, as `restore` takes them."""
        return [{"epoch": epoch, "values": values} for epoch, values in self._taken.get(seed, [])]

    def restore(self, seed: int, state: list[dict[str, Any]]) -> None:
        """Take over what `state` returned."""
        self._taken[seed] = [(int(one["epoch"]), one["values"]) for one in state]


def _named(patterns: Sequence[str], tensors: Mapping[str, Tensor], inner: str) -> dict[str, Tensor]:
    """The tensors whose name fits a pattern, with or without ``inner`` in front."""
    return {
        name: value
        for name, value in tensors.items()
        for short in [name.removeprefix(inner)]
        if any(fnmatchcase(one, pattern) for pattern in patterns for one in (name, short))
    }
