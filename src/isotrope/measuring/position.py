"""Where a long evaluation is: saved between its batches, and taken up by the next job.

An evaluation of hours (an attack, say) asks for its position, restores what was saved, and offers
its state after each batch. The file lies beside the rows of the seed, named by the evaluation's
digest, and is removed when these are written.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isotrope.packs import resume
from isotrope.processes.signals import Interruption

State = dict[str, Any]  # tensors, numbers and words in plain dicts and lists


class Stops:
    """Whether the process was told to end, for those who can end now.

    Args:
        interruption: remembers the signals.
        log: is told what is done about one.
    """

    def __init__(self, interruption: Interruption, log: Callable[[str], None]) -> None:
        self.interruption = interruption
        self.log = log
        self.kept = 0  # seeds and positions that were kept since the start
        self.saves_positions = False  # whether the evaluation at work does

    @property
    def told(self) -> bool:
        """Whether the process was told to end."""
        return self.interruption.signal is not None

    def between_batches(self) -> None:
        """End here if that is asked for, unless the evaluation will save its position soon.

        Raises:
            SystemExit: after a signal.
        """
        if not self.saves_positions:
            self.when_kept()

    def when_kept(self) -> None:
        """End here if that is asked for; all that can be kept is kept.

        Raises:
            SystemExit: after a signal.
        """
        if self.told:
            self.interruption.leave(self.log, self.kept, "what is computed is kept")


class Position:
    """Where the evaluation of one seed is. Without a file nothing is kept.

    What an evaluation draws from torch's generators is not part of it: a state that has to be taken
    up exactly holds what its random numbers are keyed by, such as the number of the image.

    Args:
        path: where it is kept.
        digest: the evaluation's.
        stops: tells whether the process is to end.
        every: seconds between two savings.
    """

    def __init__(
        self,
        path: Path | None = None,
        digest: str = "",
        stops: Stops | None = None,
        every: float = 30.0,
    ) -> None:
        self._path, self._digest, self._stops, self._every = path, digest, stops, every
        self._saved_at = time.monotonic()

    def restore(self) -> State | None:
        """What was saved last, on the CPU; None where the evaluation begins."""
        if self._path is None or self._stops is None:
            return None
        self._stops.saves_positions = True
        return resume.load(self._path, self._digest, self._stops.log)

    def save(self, state: State) -> None:
        """Offer the state after a batch. It is written now and then, and before the process ends.

        Args:
            state: tensors of any device, numbers and words in plain dicts and lists.

        Raises:
            SystemExit: after a signal; the state is written.
            UserError: if it cannot be written.
        """
        if self._path is None or self._stops is None:
            return
        self._stops.saves_positions = True
        if self._stops.told or time.monotonic() - self._saved_at >= self._every:
            resume.save(self._path, state, self._digest)
            self._saved_at = time.monotonic()
            self._stops.kept += 1
        self._stops.when_kept()

    def discard(self) -> None:
        """Remove what was saved: the rows are written."""
        if self._path is not None:
            resume.discard(self._path)
