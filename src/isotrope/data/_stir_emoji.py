"""The emoji task of STIR, drawn anew: 36 faces at 48 sizes and three places each.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288. Artwork: Font Awesome Free 5.15.4, CC BY 4.0, out of the package
``fontawesomefree``; the 36 outlines are those of the 5.15.3 that the authors drew.

Classes, scales, splits and places are the published ones, number by number. The pixels are not: the
authors drew with CairoSVG, Isotrope draws with ``isotrope.data._svg``. Compared at 17, 24, 32, 48
and 64 pixels, each face correlates with CairoSVG's by 0.9998 or more, and the mean difference is
below 0.4 of 255.
"""

import hashlib
from importlib import metadata, resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isotrope.data._stir_archive import CANVAS, SCALES, SPLITS, Archive, assemble
from isotrope.data._svg import draw, read_icon
from isotrope.errors import UserError
from isotrope.processes.programs import command_to_install

FACES = (
    "tired", "surprise", "smile-wink", "smile-beam", "sad-tear", "sad-cry", "meh-rolling-eyes",
    "meh-blank", "laugh-wink", "laugh-squint", "laugh-beam", "laugh", "kiss-wink-heart",
    "kiss-beam", "kiss", "grin-wink", "grin-tongue-wink", "grin-tongue-squint", "grin-tongue",
    "grin-tears", "grin-stars", "grin-squint-tears", "grin-squint", "grin-hearts",
    "grin-beam-sweat", "grin-beam", "grin-alt", "grin", "grimace", "frown-open", "flushed",
    "dizzy", "angry", "smile", "meh", "frown",
)  # fmt: skip
POSITIONS_SHA256 = "74b2b0cacc609904"  # first digits, of the int32 positions in C order
POSITIONS_SUM = 122_071
PACKAGE, VERSION = "fontawesomefree", "5.15.4"
ABOUT = {
    "title": "STIR emoji, drawn by Isotrope",
    "description": "36 face icons, white on black on 64 x 64 pixels, each in boxes of 17 to 64 "
    "pixels at one place per split. Classes and places are those of the STIR emoji archive 1.0.0. "
    "The artwork is Font Awesome Free 5.15.4, CC BY 4.0, scaled and moved; the pixels are drawn by "
    "Isotrope.",
    "author": "Fonticons, Inc. (artwork); T. R. Altstidl et al. (design); Isotrope (pixels)",
    "license": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "version": "1",
    "date": "21 November 2026",
}


def check_positions(positions: NDArray[Any]) -> bool:
    """Whether these are the places ``(3, 48, 36, 1, 2)`` of the published generator."""
    digest = hashlib.sha256(np.ascontiguousarray(positions, dtype=np.int32).tobytes()).hexdigest()
    return digest.startswith(POSITIONS_SHA256) and int(positions.sum()) == POSITIONS_SUM


def draw_positions() -> NDArray[np.int32]:
    """The published places: left and top edge of each box in pixels, ``(3, 48, 36, 1, 2)``.

    NumPy's legacy stream of seed 42 is drawn from by class, then scale, then split.

    Raises:
        RuntimeError: if NumPy's stream is not the one that the authors drew from.
    """
    stream = np.random.RandomState(42)
    positions = np.empty((len(SPLITS), len(SCALES), len(FACES), 1, 2), dtype=np.int32)
    for face in range(len(FACES)):
        for index, scale in enumerate(SCALES):
            for split in range(len(SPLITS)):
                highest = CANVAS - scale
                positions[split, index, face, 0] = stream.randint(0, highest + 1, 2, dtype=np.int64)
    if not check_positions(positions):
        raise RuntimeError(
            f"NumPy {np.__version__} draws other numbers from RandomState(42) than STIR has"
        )
    return positions


def _read_svg(face: str) -> str:
    """The SVG file of a face, as installed.

    Raises:
        UserError: if the package is missing or has another version.
    """
    try:
        found = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        found = "no version"
    if found != VERSION:
        raise UserError(
            f"the emoji are drawn from {PACKAGE} {VERSION}, and {found} of it is installed; "
            f"run `{command_to_install(f'{PACKAGE}=={VERSION}')}`"
        )
    folder = resources.files(PACKAGE) / "static" / PACKAGE / "svgs" / "regular"
    return (folder / f"{face}.svg").read_text(encoding="utf-8")


def draw_archive() -> Archive:
    """All emoji as an archive.

    Raises:
        UserError: if the package with the artwork is missing or has another version.
        RuntimeError: if NumPy's random stream is not the one that the authors drew from.
    """
    positions = draw_positions()
    shape = positions.shape[:-1]
    images = np.zeros((*shape, CANVAS, CANVAS), dtype=np.uint8)
    for face, name in enumerate(FACES):
        icon = read_icon(_read_svg(name))
        for index, scale in enumerate(SCALES):
            picture = draw(icon, scale)
            for split in range(len(SPLITS)):
                left, top = positions[split, index, face, 0]
                images[split, index, face, 0, top : top + scale, left : left + scale] = picture
    return assemble(images, positions, FACES, ABOUT)
