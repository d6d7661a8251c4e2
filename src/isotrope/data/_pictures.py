"""Single picture files, as networks see them: any that Pillow reads, and one that is always there.

The one is ``chelsea``, a cat, by Stefan van der Walt (CC0), 300 x 451 pixels, out of the package
scikit-image. It stands in for the panda of published attacks, which may not be shipped.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from isotrope.data import photos
from isotrope.errors import UserError

STAND_IN = "chelsea"
_MODES = {1: "L", 3: "RGB"}


def read_picture(source: Path | str, channels: int, side: int | None = None) -> Tensor:
    """A picture, uint8 ``(channels, height, width)``.

    Args:
        source: a file, or ``chelsea``.
        channels: 1 for grey values, 3 for colours.
        side: the shorter side is resized to so many pixels (bilinear, anti-aliased) and the middle
            square is cut out; None: the picture as large as it is.

    Raises:
        UserError: if the file is absent, damaged or no picture.
        ValueError: if networks of so many channels see no pictures.
    """
    if channels not in _MODES:
        raise ValueError(f"pictures have 1 or 3 channels, not {channels}")
    picture = _opened(source).convert(_MODES[channels])
    if side is not None:
        from isotrope.data import _photo_views  # it takes seconds

        return _photo_views.tested(picture, side, side)
    values = np.array(picture)
    return torch.from_numpy(values if values.ndim == 3 else values[..., None]).movedim(-1, 0)


def _opened(source: Path | str) -> Image.Image:
    if source == STAND_IN:
        (known,) = (one for one in photos.PHOTOS if one.file == f"{STAND_IN}.png")
        return photos.photograph(known)
    try:
        with Image.open(source) as opened:
            opened.load()
            return opened
    except FileNotFoundError as error:
        raise UserError(f"{source}: no such file") from error
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise UserError(f"{source}: is no picture that can be read ({error})") from error
