"""Which images and wavelets of a scattering transform are treated together on a CPU.

Their maps shall fit a core's cache, and few shall be held at a time.
"""

from collections.abc import Iterator

from isotrope.layers.scattering_transform import Layout

_AT_ONCE = 2**16  # complex numbers of a group of maps
_IMAGES = 4  # at least, even if they are large


def groups(count: int, layout: Layout) -> Iterator[slice]:
    """Images at a time."""
    size = layout.rows.padded * layout.columns.padded
    yield from alike(count, max(_IMAGES, _AT_ONCE // size))


def first_wavelets(images: int, layout: Layout) -> Iterator[tuple[int, slice]]:
    """Scales of the first wavelet, and directions at a time."""
    size = images * layout.rows.padded * layout.columns.padded
    for scale in range(layout.scales):
        step = max(1, _AT_ONCE // (size >> (2 * scale)))
        for first in range(0, layout.angles, step):
            yield scale, slice(first, min(first + step, layout.angles))


def second_wavelets(maps: int, scale: int, layout: Layout) -> Iterator[tuple[int, slice]]:
    """Scales of the second wavelet behind a first one, and directions at a time."""
    size = maps * layout.rows.padded * layout.columns.padded
    for larger in range(scale + 1, layout.scales if layout.max_order == 2 else 0):
        for some in alike(layout.angles, max(1, 2 * _AT_ONCE // (size >> (2 * larger)))):
            yield larger, some


def alike(count: int, most: int) -> Iterator[slice]:
    """Groups of at most so many that are alike."""
    step = -(-count // -(-count // most))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))
