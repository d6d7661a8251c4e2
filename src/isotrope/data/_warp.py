"""Turned, resized, sheared and shifted images, each resampled once from its source pixels.

An output pixel is a weighted mean of the source pixels about the place that it comes from. The
weights are a triangle (``bilinear``) or the cubic of Keys with a = -1/2 (``bicubic``: "Cubic
Convolution Interpolation for Digital Image Processing", IEEE Trans. ASSP 29 (6), 1981). Where an
image shrinks, the kernel is wider by as much, so that nothing is skipped (no aliasing). Outside of
the source all is zero.

The same on every machine: weights are rounded to multiples of 2**-20 and sines to 2**-32, so that
sums of products with whole grey values are exact in float64, in whatever order they are added.

Poses come from ``pose_numbers``, a stream of its own for each seed, split and image.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interpolation = Literal["bilinear", "bicubic"]
Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_CHUNK = 1 << 19  # pixels of the canvas at a time: some 100 MiB
_WEIGHT, _SINE = 2.0**20, 2.0**32


def pose_numbers(seed: int, split: int, indices: NDArray[np.integer] | int, numbers: int) -> Floats:
    """Uniform numbers in [0, 1) for the poses of images, the same for an image whatever is drawn.

    Image ``i`` has the blocks ``i * b`` to ``i * b + b - 1`` of NumPy's Philox with the key
    ``(seed, split)``; a block has four numbers, and ``b`` is as many as ``numbers`` need.

    Args:
        seed: of the data set, from 0.
        split: number of the split, from 0.
        indices: which images ``(n,)``, or how many from 0 on.
        numbers: how many numbers each needs; another count gives other numbers.

    Returns:
        ``(n, numbers)``.

    Raises:
        ValueError: if seed or split are below 0, or no numbers are asked for.
    """
    if seed < 0 or split < 0 or numbers < 1:
        raise ValueError(f"need seed, split >= 0 and numbers >= 1, got {seed}, {split}, {numbers}")
    blocks = -(-numbers // 4)
    if isinstance(indices, int):
        raw = _blocks(seed, split, 0, indices * blocks).reshape(indices, 4 * blocks)
    else:
        rows = [_blocks(seed, split, int(index) * blocks, blocks) for index in indices]
        raw = np.stack(rows) if rows else np.empty((0, 4 * blocks), dtype=np.uint64)
    return (raw[:, :numbers] >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _blocks(seed: int, split: int, first: int, count: int) -> NDArray[np.uint64]:
    """The whole numbers in some blocks of the stream."""
    key = np.array([seed, split], dtype=np.uint64)
    raw: NDArray[np.uint64] = np.random.Philox(key=key, counter=first).random_raw(4 * count)
    return raw


def warp(
    images: Pixels,
    canvas: int,
    angle: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    position: ArrayLike | None = None,
    interpolation: Interpolation = "bilinear",
    *,
    antialias: bool = True,
    matrix: ArrayLike | None = None,
) -> Pixels:
    """Images on a square canvas, each turned and resized about its centre, in one resampling.

    Without a turn, a scale of 1 and a whole shift change no pixel; quarter turns are exact.

    Args:
        images: uint8 ``(n, height, width)`` or ``(n, channels, height, width)``.
        canvas: side of the result, in pixels.
        angle: degrees, counter-clockwise as seen; a number, or one for each image ``(n,)``.
        scale: 2 makes the thing twice as large; as ``angle``.
        position: where the centre of each image comes to lie, x and y in pixels ``(n, 2)`` or
            ``(2,)``, whole numbers at the centres of pixels; None: the centre of the canvas.
        interpolation: ``bilinear`` or ``bicubic``.
        antialias: False keeps the width of the kernel where images shrink.
        matrix: what an image is stretched and sheared by before it is turned and resized,
            ``(2, 2)`` or ``(n, 2, 2)``: from x and y, rightwards and downwards, to new x and y.

    Returns:
        uint8 ``(n, canvas, canvas)`` or ``(n, channels, canvas, canvas)``.

    Raises:
        ValueError: if the images are no uint8 of such a shape, a scale is not above 0, or a matrix
            mirrors or flattens.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            "images must be uint8 (n, height, width) or (n, channels, height, width), "
            f"got {images.dtype} {images.shape}"
        )
    planes = images[:, None] if images.ndim == 3 else images
    count, channels = planes.shape[:2]
    angles = np.broadcast_to(np.asarray(angle, dtype=np.float64), (count,))
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), (count,))
    middle = ((canvas - 1) / 2, (canvas - 1) / 2)
    places = np.asarray(middle if position is None else position, dtype=np.float64)
    places = np.broadcast_to(places, (count, 2))
    if not (scales > 0).all():
        raise ValueError(f"scales must be above 0, got {scales.min()}")
    back = _inverses(np.asarray(np.eye(2) if matrix is None else matrix, dtype=np.float64), count)
    bent = (angles != 0) | (back != np.eye(2)).any(axis=(1, 2))
    result = np.zeros((count, channels, canvas, canvas), dtype=np.uint8)
    for chosen in _alike(bent, scales, canvas):
        pose = (scales[chosen], places[chosen], interpolation, antialias)
        if bent[chosen[0]]:
            way = np.matmul(back[chosen], _turns_back(angles[chosen]))
            narrow = np.sqrt((back[chosen] ** 2).sum(axis=2))  # turns do not change it
            result[chosen] = _at_once(planes[chosen], canvas, *pose, way, narrow)
        else:
            result[chosen] = _separately(planes[chosen], canvas, *pose)
    return result[:, 0] if images.ndim == 3 else result


def _inverses(matrices: Floats, count: int) -> Floats:
    """The inverses of ``(2, 2)`` or ``(n, 2, 2)``, one for each of so many images."""
    a, b, c, d = np.broadcast_to(matrices, (count, 2, 2)).reshape(-1, 4).T
    determinant = a * d - b * c
    if not (determinant > 0).all():
        raise ValueError(f"determinants of matrices must be above 0, got {determinant.min()}")
    return np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2) / determinant[:, None, None]


def _alike(bent: NDArray[np.bool_], scales: Floats, canvas: int) -> Iterator[NDArray[np.intp]]:
    """Images that are resampled together: bent or not, and of similar scale, some at a time."""
    order = np.lexsort((scales, bent))
    turned = int(bent.sum())
    size = max(1, _CHUNK // canvas**2)
    for part in (order[: len(order) - turned], order[len(order) - turned :]):
        for start in range(0, len(part), size):
            yield part[start : start + size]


def _kernel(interpolation: Interpolation) -> tuple[float, Callable[[Floats], Floats]]:
    """How far a kernel reaches in pixels, and its values at distances from its middle."""
    if interpolation == "bilinear":
        return 1.0, lambda x: np.maximum(1.0 - x, 0.0)
    if interpolation == "bicubic":
        return 2.0, _cubic
    raise ValueError(f"unknown interpolation '{interpolation}'; choose from bilinear, bicubic")


def _cubic(x: Floats) -> Floats:
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _whole_weights(weights: Floats) -> Floats:
    """Weights along the first axis that sum to 1, each a multiple of 2**-20."""
    rounded: Floats = np.rint(weights * (_WEIGHT / weights.sum(axis=0))) / _WEIGHT
    return rounded


def _narrowing(scales: Floats, antialias: bool) -> Floats:
    """By how much the kernel is stretched in the source: 1 / scale where images shrink."""
    return np.maximum(1.0 / scales, 1.0) if antialias else np.ones_like(scales)


def _rounded(values: Floats) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def resize_weights(
    side: int,
    canvas: int,
    scales: Floats,
    places: Floats,
    interpolation: Interpolation,
    antialias: bool = True,
) -> Floats:
    """What each pixel along a canvas takes of those along an image that is only resized.

    Args:
        side: pixels of the image along this axis.
        canvas: pixels of the canvas.
        scales: ``(n,)``.
        places: where the middle of the image comes to lie along this axis, ``(n,)`` pixels.
        interpolation: ``bilinear`` or ``bicubic``.
        antialias: as in `warp`.

    Returns:
        ``(n, canvas, side)``.
    """
    reach, kernel = _kernel(interpolation)
    wide = _narrowing(scales, antialias)
    taps = 2 * math.ceil(reach * float(wide.max(initial=1.0)))
    at = (np.arange(canvas) - places[:, None]) / scales[:, None] + (side - 1) / 2
    first = np.floor(at).astype(np.int64) - taps // 2 + 1
    near = first + np.arange(taps)[:, None, None]
    weights = _whole_weights(kernel(np.abs(near - at) / wide[:, None]))
    result = np.zeros((len(scales), canvas, side + 2))  # the ends take what lies outside
    rows, columns = np.ogrid[: len(scales), :canvas]
    for tap, column in zip(weights, near.clip(-1, side) + 1, strict=True):
        result[rows, columns, column] += tap
    return result[:, :, 1:-1]


def _separately(
    planes: Pixels,
    canvas: int,
    scales: Floats,
    places: Floats,
    interpolation: Interpolation,
    antialias: bool,
) -> Pixels:
    """Images that are only resized: rows and columns by a matrix each."""
    height, width = planes.shape[-2:]
    down = resize_weights(height, canvas, scales, places[:, 1], interpolation, antialias)
    across = resize_weights(width, canvas, scales, places[:, 0], interpolation, antialias)
    half = np.matmul(down[:, None], planes.astype(np.float64))
    return _rounded(np.matmul(half, across.transpose(0, 2, 1)[:, None]))


def _at_once(
    planes: Pixels,
    canvas: int,
    scales: Floats,
    places: Floats,
    interpolation: Interpolation,
    antialias: bool,
    way: Floats,
    narrow: Floats,
) -> Pixels:
    """Images that are turned: for each pixel of the canvas that shows any of the source its taps.

    The kernel is the product of two along the axes of the source.

    Args:
        planes: ``(n, channels, height, width)``.
        canvas: pixels.
        scales: ``(n,)``.
        places: ``(n, 2)``.
        interpolation: as in `warp`.
        antialias: as in `warp`.
        way: the way back, from the canvas to the source at scale 1, ``(n, 2, 2)``.
        narrow: by how much x and y shrink besides, ``(n, 2)``.
    """
    reach, kernel = _kernel(interpolation)
    wide_x, wide_y = (_narrowing(scales / by, antialias) for by in narrow.T)
    most = reach * float(max(wide_x.max(initial=1.0), wide_y.max(initial=1.0)))
    taps = math.ceil(2 * most)
    count, channels, height, width = planes.shape
    across = np.arange(canvas) - places[:, 0, None]
    down = np.arange(canvas) - places[:, 1, None]
    by_scale = (1.0 / scales)[:, None, None]
    (xx, xy), (yx, yy) = way.transpose(1, 2, 0)[..., None]
    x = (across * xx)[:, None] + (down * xy)[:, :, None]
    x = x * by_scale + (width - 1) / 2
    y = (across * yx)[:, None] + (down * yy)[:, :, None]
    y = y * by_scale + (height - 1) / 2
    seen = (x > -most) & (x < width - 1 + most) & (y > -most) & (y < height - 1 + most)
    image, row, column = np.nonzero(seen)
    x, y = x[seen], y[seen]
    first_x = np.floor(x - most).astype(np.int64) + 1
    first_y = np.floor(y - most).astype(np.int64) + 1
    steps = np.arange(taps)[:, None]
    of_x = _whole_weights(kernel(np.abs(first_x + steps - x) / wide_x[image]))
    of_y = _whole_weights(kernel(np.abs(first_y + steps - y) / wide_y[image]))
    edge = taps + 1  # pixels of zeros about the source: no tap lies beyond
    padded = np.pad(planes, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    stride = padded.shape[-1]
    start = image * padded[0, 0].size + (first_y + edge) * stride + first_x + edge
    result = np.zeros((count, channels, canvas, canvas), dtype=np.uint8)
    for channel in range(channels):
        flat = np.ascontiguousarray(padded[:, channel]).ravel()
        values = np.zeros(len(start))
        for step_y in range(taps):
            line = np.zeros(len(start))
            for step_x in range(taps):
                line += of_x[step_x] * flat[start + (step_y * stride + step_x)]
            values += of_y[step_y] * line
        result[image, channel, row, column] = _rounded(values)
    return result


def _turns_back(angles: Floats) -> Floats:
    """Clockwise turns by angles in degrees, ``(n, 2, 2)``; exact at quarter turns."""
    radians = np.deg2rad(angles)
    cosines, sines = (np.rint(turn(radians) * _SINE) / _SINE for turn in (np.cos, np.sin))
    return np.stack([cosines, -sines, sines, cosines], axis=1).reshape(-1, 2, 2)
