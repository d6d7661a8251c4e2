"""What a log-polar convolution has to do, besides maps and weights."""

from typing import NamedTuple

from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_pooling import Pooling


class Site(NamedTuple):
    """Which pixels are centres: row and column of the first, rows and columns of them, their step.

    Rows and columns are counted in the smoothed images, margin included.
    """

    top: int
    left: int
    height: int
    width: int
    stride: int

    def rows(self, start: int, end: int) -> "Site":
        """Some of its rows alone."""
        return self._replace(top=self.top + self.stride * start, height=end - start)


class Job(NamedTuple):
    """Settings of both passes, hashable.

    Args:
        bank: what is seen of the maps.
        site: which pixels are centres.
        pooling: which responses remain.
    """

    bank: Bank
    site: Site
    pooling: Pooling


def site_of(bank: Bank, height: int, width: int, stride: int = 1, trim: int = 0) -> Site:
    """The centres in images of this size, without ``trim`` pixels along each edge.

    With a stride they lie as far from one edge as from the other where that is possible.

    Raises:
        ValueError: if stride or trim are out of range, or no pixel is left.
    """
    if stride < 1 or trim < 0:
        raise ValueError(f"need stride >= 1 and trim >= 0, got {stride} and {trim}")
    if min(height, width) <= 2 * trim:
        raise ValueError(
            f"trimming {trim} pixels leaves nothing of maps of {height} x {width} pixels"
        )
    down, across = (side - 2 * trim - 1 for side in (height, width))
    top, left = (bank.margin + trim + last % stride // 2 for last in (down, across))
    return Site(top, left, down // stride + 1, across // stride + 1, stride)
