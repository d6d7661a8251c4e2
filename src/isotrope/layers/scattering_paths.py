"""The paths of a scattering transform: through which wavelets an image went."""

from typing import NamedTuple


class Path(NamedTuple):
    """One coefficient of a scattering transform.

    Attributes:
        order: how many wavelets the image went through.
        j1: scale of the first, or None.
        theta1: number of its direction at this scale, or None.
        j2: scale of the second, or None.
        theta2: number of its direction, or None.
    """

    order: int
    j1: int | None = None
    theta1: int | None = None
    j2: int | None = None
    theta2: int | None = None

    @property
    def scale(self) -> int:
        """Scale of the last wavelet, 0 without one: maps have every ``2**scale``-th pixel."""
        last = self.j1 if self.j2 is None else self.j2
        return 0 if last is None else last


def paths_of(scales: int, angles: int, max_order: int) -> tuple[Path, ...]:
    """All paths, in the published order: by order, then the first wavelet, then the second."""
    wavelets = [(j, theta) for j in range(scales) for theta in range(angles)]
    found = [Path(0), *(Path(1, *first) for first in wavelets)]
    if max_order == 2:
        pairs = ((one, two) for one in wavelets for two in wavelets if two[0] > one[0])
        found.extend(Path(2, *one, *two) for one, two in pairs)
    return tuple(found)
