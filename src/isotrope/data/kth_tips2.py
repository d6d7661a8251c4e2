"""KTH-TIPS2-b: 4,752 colour photos of eleven materials, of four samples of each.

Classes 0 to 10: aluminium_foil, brown_bread, corduroy, cork, cotton, cracker, lettuce_leaf, linen,
white_bread, wood, wool. A sample, a to d, is another piece of the material; of each there are 108
photos, at nine scales, three poses and four lights.

Source: Mallikarjuna, Targhi, Fritz, Hayman, Caputo and Eklundh, "The KTH-TIPS2 database", 2006,
https://www.csc.kth.se/cvap/databases/kth-tips/. No licence is stated; for research.

Trained is on all photos of one ``sample`` and tested on those of the other three, as in Gauthier et
al., "Parametric Scattering Networks", CVPR 2022, so that a material has to be known on a piece that
was never seen; a study trains on each of the four in turn. There are no validation photos, unless
``valid_sample`` names one of the others, which then is not tested.

Nothing is copied. Below ``$ISOTROPE_DATA`` lies the archive ``kth-tips2-b_col_200x200.tar``, or
what is in it: ``KTH-TIPS2-b/<class>/sample_<a to d>/*.png``. Photos sorted by sample,
``KTH-TIPS2-b/<a to d>/<class>/*.png``, are found, too. Training photos are resized to 200 x 200,
turned by up to 10 degrees, cut to 128 x 128 and mirrored as published; tests are on the middle.
"""

import re
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from isotrope.data import _square_photos
from isotrope.data._class_folders import Photo
from isotrope.data._splits import interleaved
from isotrope.data._square_photos import SquareSettings, image_shape, read
from isotrope.datasets.archived_files import Place, TreeOrArchives
from isotrope.datasets.file_index import indexed_file, read_file_index, write_file_index
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.settings import load_time

__all__ = ["image_shape", "read"]

REVISION = 1
SPLITS = ("train", "valid", "test")
TREE, ARCHIVE = "KTH-TIPS2-b", "kth-tips2-b_col_200x200.tar"
SAMPLES = ("a", "b", "c", "d")
MATERIALS = (
    "aluminium_foil",
    "brown_bread",
    "corduroy",
    "cork",
    "cotton",
    "cracker",
    "lettuce_leaf",
    "linen",
    "white_bread",
    "wood",
    "wool",
)
EACH = 108  # photos of a sample of a material
_PLACES = (
    re.compile(rf"{TREE}/(?P<material>[^/]+)/sample_(?P<sample>[^/]+)/[^/]+"),
    re.compile(rf"{TREE}/(?P<sample>[^/]+)/(?P<material>[^/]+)/[^/]+"),
)
Sample = Literal["a", "b", "c", "d"]


class Params(SquareSettings):
    """Which sample of each material is trained on, and how photos are prepared."""

    CLASSES: ClassVar[int] = len(MATERIALS)

    source: Literal["local"] = Field(
        description=f"local: {TREE}/ or {ARCHIVE} in $ISOTROPE_DATA, nothing is copied"
    )
    complete: bool = Field(
        True,
        description=f"true: there must be {EACH} photos of each sample of each material; false: "
        "any number, at least one",
    )
    sample: Sample = load_time(description="is trained on; the others are tested")
    valid_sample: Sample | None = load_time(
        None, description="validates and is not tested; null: none, and the last epoch is kept"
    )
    resize: int = load_time(200, ge=8, description="side of a resized photo, in pixels")
    size: int = load_time(128, ge=8, description="side of what is cut out of it, in pixels")
    turn: float = load_time(
        10.0, ge=0, le=180, description="training photos are turned by up to so many degrees"
    )

    @field_validator("valid_sample")
    @classmethod
    def _another(cls, valid: str | None, info: ValidationInfo) -> str | None:
        if valid is not None and valid == info.data.get("sample"):
            raise ValueError("it is trained on; name another")
        return valid


def splits(params: Params) -> tuple[str, ...]:
    """The splits that there are: photos validate if a sample is named."""
    return ("train", "test") if params.valid_sample is None else SPLITS


def samples_of(params: Params, split: str) -> list[str]:
    """The samples whose photos a split has.

    Raises:
        ValueError: if the split is unknown, or not there with these settings.
    """
    if split not in splits(params):
        raise ValueError(f"split must be one of {', '.join(splits(params))}, got '{split}'")
    if split == "train":
        return [params.sample]
    if split == "valid":
        return [str(params.valid_sample)]
    return [one for one in SAMPLES if one not in (params.sample, params.valid_sample)]


def classes(params: Params) -> int:
    """How many materials there are."""
    return params.CLASSES


def image_counts(params: Params) -> dict[str, int]:
    """Photos of each split; nothing where that is known when the files are listed only."""
    if not params.complete:
        return {}
    each = EACH * params.CLASSES
    return {split: each * len(samples_of(params, split)) for split in splits(params)}


def credit(params: Params) -> str:
    """Whose photos these are; no licence is stated."""
    del params
    return "KTH-TIPS2-b: P. Mallikarjuna et al., The KTH-TIPS2 database, 2006"


def local_files(params: Params) -> list[str]:
    """What is looked for below ``$ISOTROPE_DATA``."""
    del params
    return [f"{TREE}/**/*.png or {ARCHIVE}"]


def build(params: Params, folder: Path, key: str) -> list[Path]:
    """Write the index of all photos.

    Raises:
        UserError: if a sample of a material is absent or has another number of photos than are
            published, there is a material too many, or the archive is damaged.
    """
    files = TreeOrArchives({ARCHIVE: ""})
    found: dict[tuple[str, str], list[str]] = {}
    for path in files.below(TREE, ".png"):
        known = next((place for one in _PLACES if (place := one.fullmatch(path))), None)
        if known is not None and known["sample"] in SAMPLES:
            found.setdefault((known["material"], known["sample"]), []).append(path)
    if strange := sorted({material for material, _ in found} - {*MATERIALS}):
        raise UserError(
            f"{indexed_file(TREE)}: {strange[0]} is no material of KTH-TIPS2-b; remove its folder"
        )
    rows: list[dict[str, str | int]] = []
    for label, material in enumerate(MATERIALS):
        for sample in SAMPLES:
            photos = found.get((material, sample), [])
            if not photos or (params.complete and len(photos) != EACH):
                least = f"the {EACH} that are published" if params.complete else "at least one"
                raise UserError(
                    f"{indexed_file(TREE)}: has {len(photos)} photos of {material}, sample "
                    f"{sample}, not {least}; complete it"
                )
            for path in photos:
                file, at = files.place(path)
                row: dict[str, str | int] = {"sample": sample, "label": label}
                rows.append(row | {"file": file, "at": at, "name": path})
    return [write_file_index(rows, folder, key)]


def load(params: Params, folder: Path, key: str, split: str) -> Stream:
    """The index of a split, its classes mixed.

    Raises:
        ValueError: if the split is unknown, or not there with these settings.
    """
    chosen = samples_of(params, split)
    photos = [
        Photo(row["name"], Place(row["file"], row["at"]), int(row["label"]))
        for row in read_file_index(folder, key)
        if row["sample"] in chosen
    ]
    labels = np.array([one.label for one in photos], np.int64)
    return _square_photos.stream([photos[place] for place in interleaved(labels)])
