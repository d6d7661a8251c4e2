"""The learning rates, momenta and keys of dropout of an epoch, sent to the device all at once."""

import torch

from isotrope.training.engines import Engine


class EpochRates:
    """The rates and keys of an epoch's steps, on the device before the first one.

    Args:
        engine: follows them.
        rates: of each step, as `Engine.rates`.
        keys: of each step the key of each row's dropout, if there is any.
        device: where the engine computes.
    """

    def __init__(
        self,
        engine: Engine,
        rates: list[list[list[float]]],
        keys: list[list[int]] | None,
        device: torch.device,
    ) -> None:
        self._engine = engine
        self._rates = rates
        self._in_force: list[list[float]] | None = None
        self._table = torch.tensor(rates, dtype=torch.float64).to(device)
        self._keys = None if keys is None else torch.tensor(keys).to(device)

    def set(self, position: int) -> None:
        """Let the engine follow what the step at a position of the epoch has."""
        if self._rates[position] != self._in_force:
            self._in_force = self._rates[position]
            self._engine.rates.copy_(self._table[position])
        if self._keys is not None:
            self._engine.key(self._keys[position])
