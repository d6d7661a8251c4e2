"""Read ``digitStruct.mat`` of SVHN's photos: where each digit of a house number lies.

The file is MATLAB's version 7.3, which is HDF5. ``digitStruct/name`` and ``digitStruct/bbox`` hold
a reference for each photo. That of a name leads to the codes of its letters; that of the boxes to a
group with ``left``, ``top``, ``width``, ``height`` and ``label``, each a number, or, where a photo
has several digits, references to one number each.
"""

from pathlib import Path
from typing import Any, NamedTuple

from isotrope.errors import UserError
from isotrope.processes.programs import command_to_install

FIELDS = ("left", "top", "width", "height", "label")
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError)


class DigitBox(NamedTuple):
    """A digit in a photo: left and top pixel of its box, counted from 1, its size, its label."""

    photo: str
    left: float
    top: float
    width: float
    height: float
    label: int

    @property
    def centre(self) -> tuple[float, float]:
        """x and y of the middle of the box, where the first pixel's middle is 0."""
        return self.left - 1.5 + self.width / 2, self.top - 1.5 + self.height / 2


def read_boxes(path: Path) -> list[DigitBox]:
    """All digits, photo by photo, from left to right as listed.

    Raises:
        UserError: if h5py is not installed, or the file is damaged or of another layout.
    """
    try:
        import h5py  # optional: nothing else needs it
    except ImportError as error:
        raise UserError(
            f"{path}: is an HDF5 file, which takes the package h5py to be read; run "
            f"`{command_to_install('h5py')}`"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            names, boxes = (file[f"digitStruct/{one}"][:, 0] for one in ("name", "bbox"))
            if len(names) != len(boxes):
                raise ValueError(f"it has {len(names)} names for {len(boxes)} photos")
            pairs = zip(names, boxes, strict=True)
            return [box for name, group in pairs for box in _boxes(file, file[name], file[group])]
    except _DAMAGE as error:
        reason = str(error).strip("'\"") or type(error).__name__
        raise UserError(
            f"{path}: no digitStruct.mat of SVHN ({reason}); unpack the archive again"
        ) from error


def _boxes(file: Any, name: Any, group: Any) -> list[DigitBox]:
    """The digits of one photo."""
    photo = "".join(chr(code) for code in name[:].reshape(-1))
    if not photo or Path(photo).name != photo:
        raise ValueError(f"'{photo}' is no name of a photo")
    columns = [_numbers(file, group[field]) for field in FIELDS]
    found = []
    for left, top, width, height, label in zip(*columns, strict=True):
        if not (width > 0 and height > 0 and label in range(1, 11)):
            raise ValueError(f"{photo} has a box of {width} x {height} pixels, label {label}")
        found.append(DigitBox(photo, left, top, width, height, int(label)))
    return found


def _numbers(file: Any, values: Any) -> list[float]:
    """A number as it is, or those that references lead to."""
    if values.dtype.kind == "O":
        return [float(file[one][0, 0]) for one in values[:, 0]]
    return [float(one) for one in values[:].reshape(-1)]
