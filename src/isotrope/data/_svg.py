"""Draw an SVG icon of one filled path as the share of each pixel that it covers.

Curves become chords that leave them by at most a tenth of a pixel, which is the tolerance that the
cairo library draws with unless told otherwise; the area between the chords is then exact, where
cairo counts 15 sample lines per row of pixels. Only float64 sums and products of whole arrays are
used, so that every platform draws the same pixels.

Sources: the path data of Scalable Vector Graphics 1.1, https://www.w3.org/TR/SVG11/paths.html, and
its ``preserveAspectRatio``, https://www.w3.org/TR/SVG11/coords.html. Of these, what icons use:
``M L H V C S Z``, absolute and relative, a view box that begins at 0 0, and no styles. The path
must not overlap itself, which makes the nonzero and the even-odd rule the same.
"""

import re
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

FLATNESS = 0.1  # pixels between a curve and the chords that are drawn in its place
_NUMBERS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4}  # that a command takes
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"

Floats = NDArray[np.float64]


class Icon(NamedTuple):
    """A filled outline: cubic curves ``(curves, 4 points, x and y)`` in units of the view box."""

    curves: Floats
    width: float
    height: float


def read_icon(text: str) -> Icon:
    """The outline of an SVG file with one path.

    Raises:
        ValueError: if the file holds anything else than one path in a view box at 0 0.
    """
    # The text comes out of an installed package, never from a stranger.
    root = ElementTree.fromstring(text)  # noqa: S314
    paths = [element for element in root if element.tag.endswith("path")]
    left, top, width, height = (float(number) for number in root.attrib["viewBox"].split())
    if len(root) != 1 or len(paths) != 1 or (left, top) != (0, 0):
        raise ValueError("need an SVG with one path and a view box that begins at 0 0")
    return Icon(read_path(paths[0].attrib["d"]), width, height)


def read_path(data: str) -> Floats:
    """The curves ``(curves, 4, 2)`` of path data; every subpath is closed, lines are curves too.

    Raises:
        ValueError: at a command that is not known here.
    """
    words = re.findall(rf"[A-Za-z]|{_NUMBER}", data)
    curves: list[tuple[complex, complex, complex, complex]] = []
    here = start = mirror = 0j
    command, at = "", 0
    while at < len(words):
        if words[at].isalpha():
            command, at = words[at], at + 1
        elif command in ("M", "m"):
            command = "L" if command == "M" else "l"  # more pairs after a move are lines
        kind, origin = command.upper(), here if command.islower() else 0j
        if kind == "Z":
            curves.append((here, here, start, start))
            here = mirror = start
            command = ""
            continue
        if kind not in _NUMBERS:
            raise ValueError(f"path command '{command}' is not one of M L H V C S Z")
        numbers = [float(word) for word in words[at : at + _NUMBERS[kind]]]
        at += _NUMBERS[kind]
        if kind == "H":
            points = [complex(origin.real + numbers[0], here.imag)]
        elif kind == "V":
            points = [complex(here.real, origin.imag + numbers[0])]
        else:
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            points = [origin + complex(x, y) for x, y in pairs]
        if kind == "M":
            curves.append((here, here, start, start))
            start = points[0]
        elif kind in ("C", "S"):
            first = points[0] if kind == "C" else 2 * here - mirror
            curves.append((here, first, points[-2], points[-1]))
        else:
            curves.append((here, here, points[0], points[0]))
        here = points[-1]
        mirror = points[-2] if kind in ("C", "S") else here
    curves.append((here, here, start, start))
    corners = np.array(curves)
    return np.stack((corners.real, corners.imag), axis=-1)


def _distance(points: Floats, begin: Floats, end: Floats) -> Floats:
    """How far each point ``(n, 2)`` is from the segment between ``begin`` and ``end``."""
    along, to = end - begin, points - begin
    squared = (along**2).sum(axis=1)
    share = (to * along).sum(axis=1) / np.where(squared > 0, squared, 1)
    nearest = share.clip(0, 1)[:, None] * along
    distance: Floats = np.sqrt(((to - nearest) ** 2).sum(axis=1))
    return distance


def flatten(curves: Floats, tolerance: float = FLATNESS) -> Floats:
    """Chords ``(chords, 2, 2)`` of cubic curves ``(curves, 4, 2)``, in no order.

    A curve is halved until both of its inner control points are nearer to its chord than
    ``tolerance``, in the unit of the points.
    """
    chords = []
    while len(curves):
        a, b, c, d = (curves[:, point] for point in range(4))
        flat = np.maximum(_distance(b, a, d), _distance(c, a, d)) < tolerance
        chords.append(curves[flat][:, [0, 3]])
        a, b, c, d = (corner[~flat] for corner in (a, b, c, d))
        ab, bc, cd = (a + b) / 2, (b + c) / 2, (c + d) / 2
        abc, bcd = (ab + bc) / 2, (bc + cd) / 2
        middle = (abc + bcd) / 2
        halves = (np.stack((a, ab, abc, middle), 1), np.stack((middle, bcd, cd, d), 1))
        curves = np.concatenate(halves)
    return np.concatenate(chords)


def coverage(chords: Floats, size: int) -> Floats:
    """The share, 0 to 1, of each of ``(size, size)`` pixels inside the closed outline of chords.

    Every chord is cut where it crosses the lines between pixels. A piece that climbs by dy covers
    dy of all pixels to its right in its row, and of its own pixel the part to its right.
    """
    begin, along = chords[:, 0], chords[:, 1] - chords[:, 0]
    lines = np.arange(size + 1)
    moves = np.where(along == 0, 1, along)[:, :, None]
    cuts = np.where(along[:, :, None] == 0, 0, (lines - begin[:, :, None]) / moves)
    ends = np.broadcast_to([0.0, 1.0], (len(chords), 2))
    cuts = np.sort(np.concatenate((cuts.reshape(len(chords), -1).clip(0, 1), ends), axis=1))
    points = (begin[:, None] + cuts[:, :, None] * along[:, None]).clip(0, size)
    climb = np.diff(points[:, :, 1], axis=1)
    x, y = np.moveaxis((points[:, 1:] + points[:, :-1]) / 2, -1, 0)
    column = np.floor(x).astype(np.intp).clip(0, size - 1)
    row = np.floor(y).astype(np.intp).clip(0, size - 1)
    change = np.zeros((size, size + 1))
    np.add.at(change, (row, column), climb * (column + 1 - x))
    np.add.at(change, (row, column + 1), climb * (x - column))
    covered: Floats = np.abs(change.cumsum(axis=1)[:, :size])
    return covered


def draw(icon: Icon, size: int) -> NDArray[np.uint8]:
    """The icon, white on black, as large as fits into ``(size, size)`` pixels and centred there."""
    unit = size / max(icon.width, icon.height)  # pixels
    margin = (size - unit * np.array((icon.width, icon.height))) / 2
    covered = coverage(flatten(icon.curves * unit + margin), size)
    # A ten-billionth settles halves, which rounding errors would else send up or down.
    return np.floor(covered.clip(0, 1) * 255 + (0.5 + 1e-10)).astype(np.uint8)
