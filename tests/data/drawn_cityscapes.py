"""Drawn shapes in the layout of Cityscapes: no image of Cityscapes is in it."""

import zipfile
from pathlib import Path

from drawn_shapes_with_masks import picture
from PIL import Image

from isotrope.data import cityscapes

DRAWN = (7, 11, 24, 26, 33, 3)  # numbers in masks; the last one is of no class
CITIES = {"train": ("aachen", "zurich"), "val": ("lindau",), "test": ("berlin",)}


def write_cityscapes(root, each=3, size=(32, 64)):
    """The trees below ``root``, so many images of each city; the test masks are void."""
    top = Path(root) / "cityscapes"
    for number, (part, city) in enumerate((p, c) for p, cities in CITIES.items() for c in cities):
        folders = [top / name / part / city for name in ("leftImg8bit", "gtFine")]
        for folder in folders:
            folder.mkdir(parents=True)
        for frame in range(each):
            name = f"{city}_000000_{frame:06d}"
            photo, mask = picture(100 * number + frame, *size, classes=DRAWN)
            mask = mask.copy()
            mask[mask == 0] = 23  # sky
            mask[-2:] = 1  # the bonnet of the car is of no class
            if part == "test":
                mask[:] = 0
            photo.save(folders[0] / f"{name}_leftImg8bit.png")
            Image.fromarray(mask).save(folders[1] / f"{name}_gtFine_labelIds.png")
            photo.save(folders[1] / f"{name}_gtFine_color.png")


def pack(root):
    """Replace the trees by the archives in which Cityscapes is passed on."""
    top = Path(root) / "cityscapes"
    for name in ("leftImg8bit", "gtFine"):
        with zipfile.ZipFile(top / f"{name}_trainvaltest.zip", "w") as to:
            for path in sorted((top / name).rglob("*.png")):
                to.write(path, path.relative_to(top).as_posix())
                path.unlink()


def small_cityscapes(root, patch):
    """The trees, and a data set that takes their size for that of Cityscapes."""
    patch.setattr(cityscapes, "SIZE", (32, 64))
    write_cityscapes(root)
