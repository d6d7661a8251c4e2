"""A trunk whose last stages keep the size of their maps and look further apart instead.

A stage that would halve its maps does not, and the convolutions behind that place are dilated by
what was left out: 2 in the first such stage, 4 in the second. What the trunk would have answered
without dilation stands at every second place, or every fourth, of what it answers then.

Where maps were filtered and then sampled the filter stays as it is, as in the published networks;
behind two halvings that were left out the sentence above does not hold of such trunks. Blocks of
two convolutions are dilated as those of three, which torchvision refuses.
"""

from typing import Any

from torch import Tensor, nn

from isotrope.layers.downsampling import Decimation, Downsampling
from isotrope.layers.phases import Selection
from isotrope.layers.wrapping import PaddedConv2d, same_widths
from isotrope.models._shift_trunk import ShiftTrunk

STAGES = {32: (), 16: ("layer4",), 8: ("layer3", "layer4")}  # that are dilated, by output stride


class Kept(Downsampling):
    """The filter of a sampling that is left out.

    Args:
        antialias: the filter; None leaves maps as they are.
    """

    def __init__(self, antialias: nn.Module | None) -> None:
        super().__init__()
        self.stride = 1
        self.antialias = antialias

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection | None]:
        """The filtered maps, of the same size; nothing is selected."""
        del selection, noise
        return (maps if self.antialias is None else self.antialias(maps)), None


def dilate(trunk: ShiftTrunk, output_stride: int) -> None:
    """Leave out the last halvings of a trunk whose samplings are strides or decimations.

    Args:
        trunk: changed in place; it keeps its weights.
        output_stride: by how much sides shrink in the end: 8, 16 or 32.

    Raises:
        ValueError: if another layer than a stride or a decimation would have to go.
    """
    before = 1
    for name in STAGES[output_stride]:
        behind = 2 * before
        for number, block in enumerate(getattr(trunk, name)):
            if number == 0:
                _keep_size(block)
                _dilate(block.conv1, before)
                at_end = block.swapped and block.down is not None
                _dilate(block.conv2, behind if block.expansion == 1 and not at_end else before)
                if block.shortcut is not None:
                    _dilate(block.shortcut, before)
            else:
                _dilate(block.conv1, behind)
                _dilate(block.conv2, behind)
        before = behind


def _keep_size(block: Any) -> None:
    for name in ("down", "shortcut_down"):
        layer = getattr(block, name)
        if layer is None:
            continue
        if not isinstance(layer, Decimation):
            raise ValueError(f"{type(layer).__name__} cannot be left out for a dilation")
        setattr(block, name, Kept(layer.antialias))


def _dilate(convolution: PaddedConv2d, dilation: int) -> None:
    convolution.stride = (1, 1)
    if convolution.kernel_size != (1, 1):
        convolution.dilation = (dilation, dilation)
        convolution.widths = same_widths(convolution.kernel_size, convolution.dilation)
