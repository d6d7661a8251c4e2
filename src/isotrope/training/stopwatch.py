"""The time that training steps take on a device, which works on while the program goes on."""

import time

import torch

from isotrope import devices


class Stopwatch:
    """Seconds in which it ran, once the device has done all that it was given.

    Args:
        device: whose work is timed.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self._since: float | None = None  # when it was read last, while it runs

    def start(self) -> None:
        """Run."""
        self._since = time.perf_counter()

    def read(self) -> None:
        """Bring ``seconds`` up to now, if it runs."""
        if self._since is not None:
            devices.synchronize(self.device)
            now = time.perf_counter()
            self.seconds += now - self._since
            self._since = now

    def skip(self) -> None:
        """Leave out the time since it was read last, if it runs."""
        if self._since is not None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Run no more."""
        self.read()
        self._since = None
