"""What all networks share whose phases are learned: their temperature, and their record."""

from typing import Any

from torch import Tensor, nn

from isotrope.layers.downsampling import Selection
from isotrope.models._shift_record import PhaseRecord
from isotrope.models._shift_trunk import ShiftTrunk
from isotrope.models._temperature import temperatures_of


class LearnedPhases(nn.Module):
    """Goes before the class of a network; that one sets ``trunk``, ``phases`` and ``params``.

    Its ``params`` have a ``temperature`` and a ``test_mode``.
    """

    trunk: ShiftTrunk
    phases: PhaseRecord
    params: Any

    def _seen(self, selections: dict[str, Selection | None]) -> None:
        if self.training:
            self.phases.take(selections, self.trunk.downsamplings())

    def on_epoch(self, epoch: int, epochs: int) -> dict[str, Any]:
        """The temperatures of an epoch, if they follow epochs."""
        del epochs
        return temperatures_of(self, self.params.temperature, epoch, "epoch")

    def on_step(self, step: int, steps: int) -> dict[str, Any]:
        """The temperatures of a step, if they follow steps."""
        del steps
        return temperatures_of(self, self.params.temperature, step, "step")

    def record(self) -> dict[str, Tensor]:
        """Temperature, phases and entropies of each layer, see `PhaseRecord.read`."""
        return self.phases.read(self.trunk.downsamplings())

    @property
    def draws_in_tests(self) -> bool:
        """Whether a network that draws phases does so where it is tested, too."""
        drawn: bool = self.params.test_mode == "gumbel"
        return drawn
