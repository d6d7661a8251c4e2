"""A data set of drawn shapes in the layout of PASCAL VOC 2012: no photo of VOC is in it.

    python tests/data/drawn_voc.py FOLDER --train 64 --val 16 --height 64 --width 80

writes one below FOLDER, which is then what ``$ISOTROPE_DATA`` names; ``complete: false`` under
``dataset`` says that it is not the published one.
"""

import argparse
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from drawn_shapes_with_masks import picture
from PIL import Image

YEAR = "VOCdevkit/VOC2012"


def palette():
    """The colours of VOC's masks: the bits of a class, spread over red, green and blue."""
    colours = np.zeros((256, 3), np.uint8)
    for number in range(256):
        for bit in range(8):
            for channel in range(3):
                colours[number, channel] |= ((number >> (3 * bit + channel)) & 1) << (7 - bit)
    return colours.flatten().tolist()


def write_voc(root, train=8, val=4, aug=4, height=48, width=64):
    """The tree below ``root``; every third image stands upright.

    Args:
        root: what ``$ISOTROPE_DATA`` names.
        train: images of the list ``train``.
        val: images of the list ``val``.
        aug: images that the list ``train_aug`` has besides.
        height: of most images, pixels.
        width: of most images, pixels.
    """
    year = Path(root) / YEAR
    lists = year / "ImageSets" / "Segmentation"
    for folder in (
        year / "JPEGImages",
        lists,
        *(year / f"SegmentationClass{x}" for x in ("", "Aug")),
    ):
        folder.mkdir(parents=True)
    names = [f"2007_{number:06d}" for number in range(train + val + aug)]
    parts = {"train": names[:train], "val": names[train : train + val]}
    for number, name in enumerate(names):
        size = (width, height) if number % 3 == 2 else (height, width)
        photo, mask = picture(number, *size)
        photo.save(year / "JPEGImages" / f"{name}.jpg", quality=95)
        if number < train + val:
            colours = Image.fromarray(mask, "P")
            colours.putpalette(palette())
            colours.save(year / "SegmentationClass" / f"{name}.png")
        Image.fromarray(mask).save(year / "SegmentationClassAug" / f"{name}.png")
    parts["train_aug"] = parts["train"] + names[train + val :]
    for one, chosen in parts.items():
        (lists / f"{one}.txt").write_text("".join(f"{name}\n" for name in chosen))


def pack(root):
    """Replace the tree by the archives in which VOC and the masks of SBD are passed on."""
    year = Path(root) / YEAR
    masks = sorted((year / "SegmentationClassAug").iterdir())
    with zipfile.ZipFile(Path(root) / "SegmentationClassAug.zip", "w", zipfile.ZIP_DEFLATED) as to:
        for path in masks:
            to.write(path, f"SegmentationClassAug/{path.name}")
            path.unlink()
    kept = year / "ImageSets" / "Segmentation" / "train_aug.txt"
    with tarfile.open(Path(root) / "VOCtrainval_11-May-2012.tar", "w") as to:
        for path in sorted(year.rglob("*")):
            if path.is_file() and path != kept:
                to.add(path, path.relative_to(root).as_posix())
                path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    for name, count in {"train": 8, "val": 4, "aug": 4, "height": 48, "width": 64}.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    options = vars(parser.parse_args())
    write_voc(options.pop("folder"), **options)


if __name__ == "__main__":
    main()
