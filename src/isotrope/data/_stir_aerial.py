"""The aerial task of STIR, made from DOTA: 9 kinds of things seen from above.

Source: Altstidl et al., "Just a Matter of Scale?", IJCNN 2023, https://arxiv.org/abs/2211.10288;
photos: Xia, Bai, Ding, Zhu, Belongie, Luo, Datcu, Pelillo and Zhang, "DOTA: A Large-Scale Dataset
for Object Detection in Aerial Images", CVPR 2018, https://arxiv.org/abs/1711.10398, version 1.5,
for academic purposes only. See ``_stir_photos.py`` for what differs from the published generator.

Below ``$ISOTROPE_DATA/dota`` lie the folders ``train`` and ``val``, each with the oriented labels
of version 1.5 in ``labelTxt-v1.5`` or ``labelTxt`` and the photos, unpacked or as the zip archives.

A thing counts if its first edge lies within 3 degrees of the horizontal, its long side fits more
than four times into both sides of the photo (in whole numbers, as the published query divides:
so five times), its box does not pass the right or lower edge, and the photo is in colour and from
Google Earth. A class needs 75 such things of 64 pixels or more. The published order of things of
one size is that of their archive; here it is that of the names of the photos.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from isotrope.console.terminal import with_progress
from isotrope.data._stir_archive import SPLITS, Archive, assemble
from isotrope.data._stir_photos import Fit, Photos, Thing, deal, make_images
from isotrope.datasets.local_data import local_file
from isotrope.errors import UserError

FOLDERS = ("train", "val")
LABEL_FILES = tuple(f"dota/{folder}/labelTxt*/*.txt" for folder in FOLDERS)
LABEL_FOLDERS = ("labelTxt-v1.5", "labelTxt")  # not labelTxt-v1.5_hbb, whose boxes are level
SOURCE = "GoogleEarth"
SMALLEST_SIDE = 64  # pixels
LARGEST_ANGLE = 3  # degrees, excluded
FEWEST_TIMES = 5  # that the long side must fit into the photo's
CORNERS = 8  # numbers before the class in a line
ABOUT = {
    "title": "STIR aerial, made by Isotrope",
    "description": "Things seen from above on 64 x 64 pixels in colour, the long side of each 17 "
    "to 64 pixels, before the ground that was around it. Things and classes follow the rules of "
    "the STIR aerial archive 1.0.0; the places are others, for those were drawn without a seed. "
    "The photos are from DOTA 1.5, scaled down and cut.",
    "author": "DOTA (labels), Google Earth (photos); T. R. Altstidl et al. (design); Isotrope",
    "license": "as STIR's: CC BY-NC-SA 4.0; the photos: Google Earth's terms, academic use only",
    "version": "1",
    "date": "21 November 2026",
}


class Label(NamedTuple):
    """A thing with the direction of its first edge in degrees, 0 for one that points right."""

    thing: Thing
    angle: float


def local_files() -> list[str]:
    """The labels, and the photos, below ``$ISOTROPE_DATA``."""
    photos = [f"dota/{one}/**/*.png or dota/{one}/*.zip/*.png" for one in FOLDERS]
    return [*LABEL_FILES, *photos]


def read_labels(path: Path) -> tuple[str, list[Label]]:
    """The source of a photo, and its labelled things.

    Raises:
        UserError: if the file is of another layout.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) < 2 or not lines[0].startswith("imagesource:"):
        raise UserError(
            f"{path}: should begin with a line imagesource:... and a line gsd:..., as the labels "
            "of DOTA 1.5 do; unpack them again"
        )
    found = []
    for number, line in enumerate(lines[2:], start=3):
        words = line.split()
        if not words:
            continue
        try:
            corners = [int(word.partition(".")[0]) for word in words[:CORNERS]]
            x, y, label = corners[0::2], corners[1::2], words[CORNERS]
            angle = abs(math.degrees(math.atan2(y[1] - y[0], x[1] - x[0])))
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{path}:{number}: should be eight numbers and a class, as in DOTA 1.5, and is "
                f"'{line}'; unpack the labels again"
            ) from error
        found.append(Label(Thing(path.stem, label, min(x), min(y), max(x), max(y)), angle))
    return lines[0].removeprefix("imagesource:").strip(), found


def find_things(root: Path, photos: Photos) -> list[Thing]:
    """All things that count, by folder and photo, in the order of the labels.

    Raises:
        UserError: if a file of labels is of another layout, or a photo is absent.
    """
    found = []
    for path in with_progress(list(_label_files(root)), "aerial: labels"):
        source, labels = read_labels(path)
        level = [label.thing for label in labels if label.angle < LARGEST_ANGLE]
        if source != SOURCE or not level:
            continue
        with photos.open(path.stem) as photo:
            if photo.mode == "RGB":
                found += [thing for thing in level if fits(thing, photo.size)]
    return found


def _label_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        found = [sorted((root / folder / name).glob("*.txt")) for name in LABEL_FOLDERS]
        if not any(found):
            raise UserError(
                f"{root / folder}: no labels in {' or '.join(LABEL_FOLDERS)}; unpack those with "
                "oriented boxes there"
            )
        yield from next(files for files in found if files)


def fits(thing: Thing, size: tuple[int, int]) -> bool:
    """Whether a photo of that width and height is large enough and holds the thing's box."""
    side = _side(thing)
    large = side > 0 and min(size) // side >= FEWEST_TIMES
    return large and thing.right <= size[0] and thing.bottom <= size[1]


def choose_things(things: list[Thing], instances: int) -> dict[str, list[Thing]]:
    """The largest things of each class that has enough large ones; the classes by name.

    Things of one size keep their order.
    """
    count = len(SPLITS) * instances
    by_label: dict[str, list[Thing]] = {}
    for thing in things:
        by_label.setdefault(thing.label, []).append(thing)
    largest = {
        label: sorted(members, key=_side, reverse=True)[:count]
        for label, members in sorted(by_label.items())
    }
    return {
        label: members
        for label, members in largest.items()
        if len(members) == count and _side(members[-1]) >= SMALLEST_SIDE
    }


def _side(thing: Thing) -> int:
    return max(thing.width, thing.height)


def fit_to(thing: Thing, scale: int, size: tuple[int, int]) -> Fit:
    """The photo scaled so that the long side of the thing's box has ``scale`` pixels."""
    factor = scale / _side(thing)
    return Fit(
        round(size[0] * factor),
        round(size[1] * factor),
        round(thing.left * factor),
        round(thing.top * factor),
        round(thing.right * factor),
        round(thing.bottom * factor),
    )


def make_archive(instances: int) -> tuple[Archive, list[tuple[str, str]]]:
    """The aerial archive, and the names and checksums of the photos that it is made from.

    Args:
        instances: how many things of a class each split has; 25 in the published archive.

    Raises:
        UserError: if labels or photos are absent or damaged, or no class has enough things.
    """
    train, _ = (local_file(path) for path in LABEL_FILES)
    root = train.parents[2]
    photos = Photos([root / folder for folder in FOLDERS], ".png")
    chosen = choose_things(find_things(root, photos), instances)
    if not chosen:
        raise UserError(
            f"{root}: no class has {len(SPLITS) * instances} things of {SMALLEST_SIDE} pixels or "
            "more that count; unpack all labels and photos there"
        )
    things = [deal(members, instances) for members in chosen.values()]
    images, positions, rows = make_images(things, photos, fit_to, "aerial")
    return assemble(images, positions, list(chosen), ABOUT), rows
