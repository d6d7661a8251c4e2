"""The trafficsign task of STIR, made from the Mapillary Traffic Sign Dataset: 16 traffic signs.

Source: Altstidl et al., "Just a Matter of Scale?", IJCNN 2023, https://arxiv.org/abs/2211.10288;
photos: Ertler, Mislej, Ollmann, Porzi, Neuhold and Kuang, "The Mapillary Traffic Sign Dataset for
Detection and Classification on a Global Scale", ECCV 2020, https://arxiv.org/abs/1909.04422,
version 2, CC BY-NC-SA 4.0. See ``_stir_photos.py`` for what differs from the published generator.

Below ``$ISOTROPE_DATA/mtsd`` lie ``mtsd_v2_fully_annotated`` with its folders ``annotations`` and
``splits``, and the photos of train and val, unpacked or as the zip archives that Mapillary gives.

Signs with a property such as *occluded* are left out, and those whose sides differ by 5 pixels or
more. Of the others a class needs 75; it is kept if the 75 largest have 64 pixels or more, so that
all are scaled down. The class *other-sign* is no sign.
"""

import math
from pathlib import Path
from typing import Any

from isotrope.console.terminal import with_progress
from isotrope.data._stir_archive import SPLITS, Archive, assemble
from isotrope.data._stir_photos import (
    Fit,
    Photos,
    Thing,
    deal,
    make_images,
    read_json,
)
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

FOLDER = "mtsd/mtsd_v2_fully_annotated"
LISTS = ("train", "val")
LIST_FILES = tuple(f"{FOLDER}/splits/{name}.txt" for name in LISTS)
SMALLEST_SIDE, LARGEST_DIFFERENCE = 64, 5  # pixels; the second is excluded
NO_SIGN = "other-sign"
ABOUT = {
    "title": "STIR trafficsign, made by Isotrope",
    "description": "Traffic signs on 64 x 64 pixels in colour, each in boxes of 17 to 64 pixels "
    "before the street that was behind it. Signs and classes follow the rules of the STIR "
    "trafficsign archive 1.0.0; the places are others, for those were drawn without a seed. "
    "The photos are from the Mapillary Traffic Sign Dataset, scaled down and cut.",
    "author": "Mapillary (photos); T. R. Altstidl et al. (design); Isotrope (pixels)",
    "license": "CC BY-NC-SA 4.0, https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "version": "1",
    "date": "21 November 2026",
}


def local_files() -> list[str]:
    """The lists of photos, and the photos, below ``$ISOTROPE_DATA``."""
    return [*LIST_FILES, "mtsd/**/*.jpg or mtsd/*.zip/*.jpg"]


def _sign(photo: str, annotation: dict[str, Any]) -> Thing:
    """A sign, its box widened to whole pixels."""
    box = annotation["bbox"]
    return Thing(
        photo=photo,
        label=annotation["label"],
        left=math.floor(box["xmin"]),
        top=math.floor(box["ymin"]),
        right=math.ceil(box["xmax"]),
        bottom=math.ceil(box["ymax"]),
    )


def find_signs(folder: Path) -> list[Thing]:
    """All signs without properties whose sides are alike, in the order of lists and annotations.

    Raises:
        UserError: if an annotation is absent, or of another layout.
    """
    names = [
        name.strip()
        for one in LISTS
        for name in (folder / "splits" / f"{one}.txt").read_text(encoding="utf-8").splitlines()
    ]
    signs = []
    for name in with_progress([name for name in names if name], "trafficsign: annotations"):
        path = folder / "annotations" / f"{name}.json"
        annotation: dict[str, Any] = read_json(path)
        try:
            plain = [one for one in annotation["objects"] if not any(one["properties"].values())]
            found = [_sign(name, one) for one in plain]
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path}: no annotation of the Mapillary Traffic Sign Dataset 2 ({error!r}); "
                "unpack the annotations again"
            ) from error
        signs += [one for one in found if abs(one.width - one.height) < LARGEST_DIFFERENCE]
    return signs


def choose_signs(signs: list[Thing], instances: int) -> dict[str, list[Thing]]:
    """The largest signs of each class that has enough, largest first; the classes by name.

    Signs of one size keep their order.
    """
    count = len(SPLITS) * instances
    by_label: dict[str, list[Thing]] = {}
    for sign in signs:
        by_label.setdefault(sign.label, []).append(sign)
    chosen = {}
    for label, members in sorted(by_label.items()):
        largest = sorted(members, key=_side, reverse=True)[:count]
        enough = len(largest) == count and _side(largest[-1]) >= SMALLEST_SIDE
        if enough and label != NO_SIGN:
            chosen[label] = largest
    return chosen


def _side(sign: Thing) -> int:
    return min(sign.width, sign.height)


def fit_to(sign: Thing, scale: int, size: tuple[int, int]) -> Fit:
    """The photo scaled, in each direction by itself, so that the sign's box is a square."""
    across, down = size[0] * scale / sign.width, size[1] * scale / sign.height
    left = round(sign.left * scale / sign.width)
    top = round(sign.top * scale / sign.height)
    return Fit(round(across), round(down), left, top, left + scale, top + scale)


def make_archive(instances: int) -> tuple[Archive, list[tuple[str, str]]]:
    """The trafficsign archive, and the names and checksums of the photos that it is made from.

    Args:
        instances: how many signs of a class each split has; 25 in the published archive.

    Raises:
        UserError: if annotations or photos are absent or damaged, or no class has enough signs.
    """
    train, _ = (local_file(path) for path in LIST_FILES)
    folder = train.parents[1]
    chosen = choose_signs(find_signs(folder), instances)
    if not chosen:
        raise UserError(
            f"{folder}: no class has {len(SPLITS) * instances} signs of {SMALLEST_SIDE} pixels or "
            "more; unpack the whole annotations there"
        )
    things = [deal(signs, instances) for signs in chosen.values()]
    photos = Photos([folder.parent], ".jpg")
    images, positions, rows = make_images(things, photos, fit_to, "trafficsign")
    return assemble(images, positions, list(chosen), ABOUT), rows
