"""Frames of pictures that change while a network learns: what the animations of filters share."""

from collections.abc import Callable, Iterator

import matplotlib
import numpy as np
import pandas
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from isotrope.figures.scattering._morlet import Floats, spectra
from isotrope.figures.scattering._recorded import (
    NONE,
    WAVELETS,
    Recorded,
    facts,
    no_rows,
    shown_seed,
)
from isotrope.results.animation import Frame
from isotrope.results.series import Tables
from isotrope.results.style import blank, look

MOST, HELD = 500, 30  # pictures, and frames for which the last one stays
FEWEST = 150  # frames, about: fewer pictures are shown for longer
ACROSS, WIDTH = 4, 4 * 40 * 2  # filters side by side, and pixels of a whole picture
LINE = 200  # grey level between pictures
STRIP, LETTERS = 20, 13  # pixels: below a picture, and of its words
COLUMNS = ("epoch", "scale", "angle", *WAVELETS)


def animate_filters(
    tables: Tables, picture: Callable[[Floats], Floats]
) -> tuple[Iterator[Frame], pandas.DataFrame]:
    """A mosaic of the first 16 filters at each recording of the seed that has most of them.

    Args:
        tables: ``runs``, and the arrays ``recordings``.
        picture: makes of spectra (filters, side, side) what is shown of them. Each filter has a
            colour scale of its own in each frame, symmetric about 0.

    Returns:
        The frames, and a row for each filter of each.
    """
    seed = shown_seed(tables)
    if seed is None:
        return iter([look(blank)(NONE)]), no_rows(tables, *COLUMNS)
    places = places_of(seed)
    rows = [row for place in places for row in _rows(seed, place)]
    data = pandas.DataFrame(rows, columns=list(COLUMNS)).assign(**facts(tables, seed))

    def frames() -> Iterator[Frame]:
        for place in places:
            filters = picture(spectra_at(seed, place)[: ACROSS**2])
            largest = np.abs(filters).max(axis=(1, 2), keepdims=True)
            level = (filters / np.where(largest > 0, largest, 1) + 1) / 2
            yield with_words(_mosaic(level), f"Epoch {seed.epochs[place]}")

    return held(frames(), len(places)), data[[*facts(tables, seed), *COLUMNS]]


def places_of(seed: Recorded) -> list[int]:
    """Which recordings are shown: all, or so many of them at equal distances."""
    count = len(seed.epochs)
    if count <= MOST:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, MOST).round()]


def held(pictures: Iterator[Frame], count: int) -> Iterator[Frame]:
    """The frames of so many pictures: few of them stay for longer, and the last for a second."""
    for place, picture in enumerate(pictures):
        last = place == count - 1
        yield from [picture] * (HELD if last else max(1, FEWEST // count))


def spectra_at(seed: Recorded, place: int) -> Floats:
    """All filters at a recording, ``(J * L, side, side)``.

    The grid has 10 pixels for each of the largest steps of the transform: 40 at two scales, as the
    padded grid of images of 32 pixels.
    """
    wavelets = seed.wavelets(place)
    side = 10 * 2 ** len(wavelets[0])
    theta, xi, sigma, slant = (one.ravel() for one in wavelets)
    return spectra(theta, xi, sigma, slant, side)


def coloured(levels: Floats, colours: str) -> NDArray[np.uint8]:
    """Numbers in 0..1 as colours, enlarged to the width of a picture without interpolation."""
    scale = max(1, WIDTH // levels.shape[1])
    found = matplotlib.colormaps[colours](levels, bytes=True)[..., :3]
    larger: NDArray[np.uint8] = found.repeat(scale, axis=0).repeat(scale, axis=1)
    return larger


def with_words(picture: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
    """A picture with some words below it."""
    width = picture.shape[1]
    strip = Image.new("RGB", (width, STRIP), "white")
    font = ImageFont.truetype(findfont(FontProperties(family=["DejaVu Sans"])), LETTERS)
    ImageDraw.Draw(strip).text((4, 2), words, fill="black", font=font)
    return np.concatenate([picture, np.asarray(strip, dtype=np.uint8)])


def _mosaic(levels: Floats) -> NDArray[np.uint8]:
    """Pictures ``(n, side, side)`` in rows, with lines between them; the middle level is white."""
    count, side = len(levels), levels.shape[-1]
    rows = -(-count // ACROSS)
    whole = np.full((rows * ACROSS, side, side), 0.5)
    whole[:count] = levels
    by_row = whole.reshape(rows, ACROSS, side, side).swapaxes(1, 2)
    found = coloured(by_row.reshape(rows * side, ACROSS * side), "RdBu_r")
    for step in range(1, ACROSS):
        found[:, step * found.shape[1] // ACROSS] = LINE
    for step in range(1, rows):
        found[step * found.shape[0] // rows] = LINE
    return found


def _rows(seed: Recorded, place: int) -> Iterator[list[float]]:
    wavelets = seed.wavelets(place)
    angles = wavelets[0].shape[1]
    for index in range(min(wavelets[0].size, ACROSS**2)):
        at = divmod(index, angles)
        yield [int(seed.epochs[place]), *at, *(float(one[at]) for one in wavelets)]
