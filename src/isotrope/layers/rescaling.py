"""Rescaling about the centre on a canvas that keeps its size, along one axis."""

import torch
from torch import Tensor


class Rescaling:
    """A canvas of ``cells`` cells, drawn again ``target`` cells large in its own middle.

    What is too small is framed by zeros, what is too large loses its rim; where these are odd the
    end has one cell more of the frame, and the beginning one more of the rim. The resize is
    bilinear with the outermost cells on each other, that is ``torch.nn.functional.interpolate``
    with ``align_corners=True``.

    Args:
        cells: size of the canvas.
        target: what the canvas would measure after the resize.

    Attributes:
        used: the cells of the old canvas that the new one is made of.
        drawn: the cells of the new canvas that are not in its frame.

    Raises:
        ValueError: if a size is below 1.
    """

    def __init__(self, cells: int, target: int) -> None:
        if cells < 1 or target < 1:
            raise ValueError(f"a canvas of {cells} cells cannot be redrawn with {target} cells")
        self.cells = cells
        self.target = target
        self._before = (cells - target) // 2
        self._steps = max(target - 1, 1)  # an old cell holds so many, a new one ``cells - 1``
        first = max(0, -self._before) * (cells - 1)
        last = min(target, cells - self._before) * (cells - 1) - (cells - 1)
        self.drawn = slice(max(0, self._before), min(cells, self._before + target))
        self.used = slice(first // self._steps, -(-last // self._steps) + 1)

    def matrix(self, like: Tensor) -> Tensor:
        """What to multiply a canvas with; a row sums to 1, or to 0 in the frame.

        Returns:
            Shape ``(cells, cells)``, on the device of ``like`` and of its type, at least float32.
        """
        cell = torch.arange(self.cells, device=like.device)
        drawn = cell - self._before
        distance = drawn[:, None] * (self.cells - 1) - cell * self._steps
        inside = (drawn >= 0) & (drawn < self.target)
        numerators = (self._steps - distance.abs()).clamp(min=0) * inside[:, None]
        return numerators.to(torch.promote_types(like.dtype, torch.float32)) / self._steps
