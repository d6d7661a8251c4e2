"""Photos and annotations in the layouts of the Mapillary Traffic Sign Dataset and of DOTA."""

import json
import zipfile

import numpy as np
from PIL import Image, ImageDraw

from isotrope.data import stir

SIGNS = stir.Params(task="trafficsign", source="generated", scenario="all2all")
AERIAL = stir.Params(task="aerial", source="generated", scenario="all2all")
COLOURS = {"stop": (200, 30, 40), "yield": (240, 210, 60), "other-sign": (40, 60, 200)}
PLAIN = {"occluded": False, "out-of-frame": False, "ambiguous": False}


def street(width, height, seed):
    """Something with detail everywhere, so that a wrong crop or a wrong scale is seen."""
    generator = np.random.default_rng(seed)
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    waves = 110 + 50 * np.sin(across / 9) + 40 * np.cos(down / 13)
    noise = generator.integers(-15, 16, (height, width, 3))
    pixels = waves[..., None] * (0.8, 1.0, 0.7) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw(photo, box, colour):
    """A thing that fills its box: a frame, and a mark in its upper left quarter."""
    left, top, right, bottom = box
    pen = ImageDraw.Draw(photo)
    pen.rectangle((left, top, right - 1, bottom - 1), fill=colour, outline="white", width=4)
    middle = ((left + right) // 2, (top + bottom) // 2)
    pen.rectangle((left + 8, top + 8, *middle), fill="black")


def sign(label, box, size_of=0.4, **properties):
    """An annotation; its box is a little smaller than ``box``, as Mapillary's fractions are."""
    left, top, right, bottom = box
    corners = (left + size_of, top + size_of, right - size_of, bottom - size_of)
    named = dict(zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
    return {
        "key": f"{label}-{left}",
        "label": label,
        "bbox": named,
        "properties": PLAIN | properties,
    }


def squares(name, sides, **properties):
    """A sign of each size, in a photo of its own."""
    return {
        f"{name}{number}": (
            "train",
            (480, 400),
            [sign(name, (90, 70, 90 + s, 70 + s), **properties)],
        )
        for number, s in enumerate(sides)
    }


def write_mtsd(root, photos, packed=False):
    """The annotated photos under ``root/mtsd``.

    Args:
        root: what ``$ISOTROPE_DATA`` names.
        photos: by name, the list that they are in, their size, and their annotations.
        packed: whether the photos lie in zip archives.
    """
    folder = root / "mtsd" / "mtsd_v2_fully_annotated"
    for name in ("annotations", "splits"):
        (folder / name).mkdir(parents=True)
    images = root / "mtsd" / "images"
    images.mkdir()
    lists = {"train": [], "val": []}
    for seed, (name, (one, size, signs)) in enumerate(photos.items()):
        photo = street(*size, seed)
        for annotation in signs:
            box = annotation["bbox"]
            whole = [round(box[key]) for key in ("xmin", "ymin", "xmax", "ymax")]
            draw(photo, whole, COLOURS.get(annotation["label"], "grey"))
        photo.save(images / f"{name}.jpg", quality=95)
        lists[one].append(name)
        text = json.dumps({"width": size[0], "height": size[1], "ispano": False, "objects": signs})
        (folder / "annotations" / f"{name}.json").write_text(text)
    for one, names in lists.items():
        (folder / "splits" / f"{one}.txt").write_text("".join(f"{name}\n" for name in names))
    if packed:
        for one, names in lists.items():
            with zipfile.ZipFile(root / "mtsd" / f"images.{one}.zip", "w") as archive:
                for name in names:
                    archive.write(images / f"{name}.jpg", f"images/{name}.jpg")
                    (images / f"{name}.jpg").unlink()


def label(name, box, tilt=0):
    """A line of a label file: corners clockwise from the upper left, class, difficulty."""
    left, top, right, bottom = box
    corners = (left, top, right, top + tilt, right, bottom, left, bottom)
    return f"{' '.join(f'{number}.0' for number in corners)} {name} 0"


def write_dota(root, photos, packed=False, folder="labelTxt"):
    """The labelled photos under ``root/dota``.

    Args:
        root: what ``$ISOTROPE_DATA`` names.
        photos: by name, the folder that they are in, their size, source, mode and labels.
        packed: whether the photos lie in zip archives.
        folder: where the labels are.
    """
    for seed, (name, (one, size, source, mode, labels)) in enumerate(photos.items()):
        labelled, images = (root / "dota" / one / part for part in (folder, "images"))
        for part in (labelled, images):
            part.mkdir(parents=True, exist_ok=True)
        photo = street(*size, seed)
        for line in labels:
            numbers = [int(float(word)) for word in line.split()[:8]]
            box = (min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]))
            draw(photo, box, (30, 120, 200))
        photo.convert(mode).save(images / f"{name}.png")
        text = "\n".join([f"imagesource:{source}", "gsd:0.13", *labels]) + "\n"
        (labelled / f"{name}.txt").write_text(text)
        if packed:
            with zipfile.ZipFile(root / "dota" / one / "part1.zip", "a") as archive:
                archive.write(images / f"{name}.png", f"images/{name}.png")
            (images / f"{name}.png").unlink()
