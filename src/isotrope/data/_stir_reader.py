"""Read an archive of the STIR data set: one object per image, of known size at a known place.

Source: Altstidl, Nguyen, Schwinn, Köferl, Mutschler, Eskofier and Zanca, "Just a Matter of Scale?
Reevaluating Scale Equivariance in Convolutional Neural Networks", IJCNN 2023,
https://arxiv.org/abs/2211.10288; archives at https://zenodo.org/record/6578038.
Differs from the published reader: a file that is absent, damaged or of another layout is an error,
where it was a warning and an unusable object or a wrong picture; the methods that served one task
only (``encode_labels``, ``decode_labels``) and iteration over the three splits are left out; what
``to_torch`` gives can be unpacked into images and labels, as the published example does in vain.
"""

import io
import operator
import zipfile
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isotrope.data._stir_archive import ABOUT, KEYS, LARGEST, SCALES, SMALLEST, SPLITS
from isotrope.errors import UserError
from isotrope.files.arrays import DAMAGE, check_members, reason

if TYPE_CHECKING:
    from isotrope.data._stir_tensors import LabelledTensors

_SHUFFLE_SEED = 42
_LARGEST_MEMBER = 1 << 31  # bytes; the images of trafficsign have a third of that
_PIECE = 1 << 20  # bytes
_LONGEST_HEADER = 1 << 17  # bytes; NumPy reads no more than 10,000
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The six arrays of an archive, each checked against the checksum that the zip holds."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; STIR archives are npz files such as emoji.npz")
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive)
            found = {name.removesuffix(".npy") for name in archive.namelist()}
            if missing := [key for key in KEYS if key not in found]:
                raise UserError(
                    f"{path}: no STIR archive, for it lacks {', '.join(missing)}; "
                    "get the file of the data set's version 1.0.0"
                )
            return {key: _array(_content(archive, f"{key}.npy")) for key in KEYS}
    except DAMAGE as error:
        raise UserError(
            f"{path}: cannot be read as npz arrays without pickles ({reason(error)}); "
            "the file is cut short, altered, or no npz: get or build it again"
        ) from error


def _content(archive: zipfile.ZipFile, name: str) -> bytearray:
    """A member of a zip, piece by piece: colour archives are too large to be held twice."""
    size = archive.getinfo(name).file_size
    if size > _LARGEST_MEMBER:
        raise ValueError(f"{name} claims {size} bytes")
    content, done = bytearray(size), 0
    with archive.open(name) as member:
        while piece := member.read(_PIECE):
            content[done : done + len(piece)] = piece
            done += len(piece)
    if done < size:
        raise EOFError(f"{name} ends after {done} of {size} bytes")
    return content


def _array(content: bytearray) -> NDArray[Any]:
    """The array in a file's content, not copied."""
    stream = io.BytesIO(content[:_LONGEST_HEADER])
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"arrays of version {version} are not known")
    shape, in_columns, kind = _HEADERS[version](stream)
    if kind.hasobject:
        raise ValueError("it holds Python objects")
    values: NDArray[Any] = np.frombuffer(content, kind, offset=stream.tell())
    return values.reshape(shape, order="F" if in_columns else "C")


def _layout_errors(arrays: dict[str, NDArray[Any]]) -> list[str]:
    """What in these arrays is not the layout of STIR 1.0.0, in words; empty if all is well."""
    images = arrays["imgs"]
    colour = images.ndim == 7
    canvas = images.shape[4:6] + (images.shape[6:] or (3,))
    if images.ndim not in (6, 7) or canvas != (LARGEST, LARGEST, 3) or 0 in images.shape:
        return [
            "imgs should be (3, 48, classes, instances, 64, 64), with colours in a seventh axis "
            f"of 3, and is {images.shape}; files made before 10 June 2022 have no instances"
        ]
    counts = images.shape[:4]
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "imgs": ((3, len(SCALES), *counts[2:], LARGEST, LARGEST) + (3,) * colour, "uint8"),
        "lbls": (counts, "int32 or int64"),
        "scls": (counts, "int32 or int64"),
        "psts": ((*counts, 2), "int32 or int64"),
        "metadata": ((6, 2), "str"),
        "lbldata": (counts[2:3], "str"),
    }
    wrong = []
    for key, (shape, kinds) in expected.items():
        array = arrays[key]
        kind = "str" if array.dtype.kind == "U" else array.dtype.name
        if array.shape != shape or kind not in kinds.split(" or "):
            wrong.append(f"{key} should be {kinds} {shape} and is {kind} {array.shape}")
    if wrong:
        return wrong
    classes = counts[2]
    if not ((arrays["lbls"] >= 0) & (arrays["lbls"] < classes)).all():
        wrong.append(f"lbls should lie in 0..{classes - 1}")
    if not (arrays["scls"] == np.array(SCALES)[:, None, None]).all():
        wrong.append("scls should fall from 64 to 17 along the second axis")
    if not ((arrays["psts"] >= 0) & (arrays["psts"] < LARGEST)).all():
        wrong.append("psts should lie in 0..63")
    if sorted(found := arrays["metadata"][:, 0].tolist()) != sorted(ABOUT):
        wrong.append(f"metadata should say {', '.join(ABOUT)} and says {', '.join(found)}")
    return wrong


def _scale_indices(scales: Iterable[int]) -> list[int]:
    """Where scales in pixels lie on the archive's second axis."""
    chosen = [operator.index(scale) for scale in scales]
    wrong = [scale for scale in chosen if not SMALLEST <= scale <= LARGEST]
    if wrong or not chosen:
        raise ValueError(
            f"scales must be whole pixels from {SMALLEST} to {LARGEST}, got {wrong or 'none'}"
        )
    return [LARGEST - scale for scale in chosen]


def _split_index(split: str) -> int:
    """Where a split lies on the archive's first axis."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    return SPLITS.index(split)


class STIRDataset:
    """An archive of the STIR data set in memory.

    Images are ordered by scale, as the scales are given, then by class, then by instance. If
    shuffled, they follow one fixed permutation (NumPy's legacy stream of seed 42), the same for
    images, labels and latents, so that the results of several calls belong together.

    Attributes:
        images: uint8 ``(3 splits, 48 scales, classes, instances, 64, 64)``; colour archives have a
            last axis of 3. Scales fall from 64 to 17 pixels.
        labels, scales: whole numbers ``(3, 48, classes, instances)``; scales are in pixels.
        positions: whole numbers ``(3, 48, classes, instances, 2)``: distance in pixels of the
            object's box from the left and from the top edge.
        metadata: title, description, author, license, version and date.
        labeldata: the name of each class, ``(classes,)``.
        num_classes, num_channels: how many there are.

    Args:
        path: the npz file. It is read whole.

    Raises:
        UserError: if the file is absent, damaged, holds pickles or has another layout.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        arrays = _read_arrays(Path(path))
        if wrong := _layout_errors(arrays):
            raise UserError(f"{path}: no STIR archive of version 1.0.0: {'; '.join(wrong)}")
        self.images: NDArray[np.uint8] = arrays["imgs"]
        self.labels: NDArray[np.integer[Any]] = arrays["lbls"]
        self.scales: NDArray[np.integer[Any]] = arrays["scls"]
        self.positions: NDArray[np.integer[Any]] = arrays["psts"]
        self.metadata: dict[str, str] = {str(key): str(text) for key, text in arrays["metadata"]}
        self.labeldata: NDArray[np.str_] = arrays["lbldata"]
        self.num_classes: int = self.images.shape[2]
        self.num_channels: int = self.images.shape[6] if self.images.ndim == 7 else 1

    def _select(
        self, array: NDArray[Any], split: str, scales: Iterable[int], shuffle: bool
    ) -> NDArray[Any]:
        """A copy of one array's entries of a split, ``(images, ...)``."""
        chosen = array[_split_index(split), _scale_indices(scales)]
        flat: NDArray[Any] = chosen.reshape(-1, *chosen.shape[3:])
        if shuffle:
            flat = flat[np.random.RandomState(_SHUFFLE_SEED).permutation(len(flat))]
        return flat

    def to_uint8(
        self, split: str = "train", scales: Iterable[int] = SCALES, shuffle: bool = True
    ) -> tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]:
        """Images ``(n, channels, 64, 64)`` in 0..255 as stored, and labels ``(n,)``.

        Args:
            split: ``train``, ``valid`` or ``test``.
            scales: sizes of the object in pixels, 17 to 64, in the order wanted.
            shuffle: whether to bring the images into the fixed random order.

        Raises:
            ValueError: if the split or a scale is unknown, or no scale is given.
        """
        scales = list(scales)
        images = self._select(self.images, split, scales, shuffle)
        images = np.moveaxis(images, -1, 1) if self.num_channels > 1 else images[:, None]
        return np.ascontiguousarray(images), self._select(self.labels, split, scales, shuffle)

    def to_numpy(
        self, split: str = "train", scales: Iterable[int] = SCALES, shuffle: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
        """Images, float32 ``(n, channels, 64, 64)`` in 0..1, and labels, as ``to_uint8``."""
        images, labels = self.to_uint8(split, scales, shuffle)
        return images.astype(np.float32) / np.float32(255), labels

    def to_torch(
        self, split: str = "train", scales: Iterable[int] = SCALES, shuffle: bool = True
    ) -> "LabelledTensors":
        """What ``to_numpy`` gives, as float32 and int64 tensors in a ``TensorDataset``.

        It can be indexed, given to a ``DataLoader``, or unpacked: ``images, labels = ...``.
        """
        from isotrope.data._stir_tensors import LabelledTensors  # torch costs two seconds

        return LabelledTensors(*self.to_numpy(split, scales, shuffle))

    def get_latents(
        self, split: str = "train", scales: Iterable[int] = SCALES, shuffle: bool = True
    ) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
        """Scales ``(n,)`` and positions ``(n, 2)`` in pixels, in the order of ``to_uint8``."""
        scales = list(scales)
        return (
            self._select(self.scales, split, scales, shuffle),
            self._select(self.positions, split, scales, shuffle),
        )

    def examples(
        self, scales: Iterable[int], split: str = "test", instance: int = 0
    ) -> NDArray[np.uint8]:
        """One image of each class at each scale, as stored; needs no torch.

        Args:
            scales: sizes of the object in pixels, 17 to 64, in the order wanted.
            split: ``train``, ``valid`` or ``test``.
            instance: which of the objects of a class, from 0.

        Returns:
            ``(scales, classes, 64, 64)``, colours in a fifth axis.

        Raises:
            ValueError: if the split or a scale is unknown, no scale is given, or a class has no
                such instance.
        """
        if not 0 <= instance < (count := self.images.shape[3]):
            raise ValueError(f"instance must be 0 to {count - 1}, got {instance}")
        images = self.images[_split_index(split), :, :, instance]
        chosen: NDArray[np.uint8] = images[_scale_indices(scales)]
        return chosen
