"""The picture that lets a person judge a data set at a glance."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.datasets.images import Images

COLUMNS, ROWS = 12, 8  # at most
_CELL = 96  # pixels at least, as long as whole pixels can be repeated
_GAP, _MARGIN, _LINE = 4, 72, 20  # pixels
_BACKGROUND, _INK, _BOX = (24, 26, 30), (225, 225, 225), (255, 140, 0)


def _spread(values: list[int], count: int) -> list[int]:
    """At most ``count`` of the values, evenly spaced, with the first and the last."""
    steps = np.linspace(0, len(values) - 1, min(count, len(values)))
    return [values[round(step)] for step in steps]


def _layout(data: Images) -> tuple[list[str], list[list[tuple[str, int | None]]]]:
    """Names of the rows, and per row the caption and index of each image (None: there is none).

    With a latent ``scale``, rows are scales and columns are classes; else rows are classes.
    """
    labels = data.labels.tolist()
    kinds = sorted(set(labels))
    if "scale" not in data.latents:
        chosen = _spread(kinds, ROWS)
        rows = [[i for i, one in enumerate(labels) if one == kind][:COLUMNS] for kind in chosen]
        return [f"class {kind}" for kind in chosen], [[("", i) for i in row] for row in rows]
    sizes = data.latents["scale"].tolist()
    first: dict[tuple[int, int], int] = {}
    for index, place in enumerate(zip(sizes, labels, strict=True)):
        first.setdefault(place, index)
    scales, columns = _spread(sorted(set(sizes)), ROWS), _spread(kinds, COLUMNS)
    cells = [[(f"class {kind}", first.get((s, kind))) for kind in columns] for s in scales]
    return [f"{scale} pixels" for scale in scales], cells


def _picture(image: Tensor, zoom: int) -> Image.Image:
    """One uint8 image ``(channels, height, width)``, each pixel repeated ``zoom`` times."""
    pixels = image.numpy()
    colours = np.moveaxis(pixels, 0, -1) if len(pixels) == 3 else pixels[0]
    picture = Image.fromarray(colours).convert("RGB")
    size = (picture.width * zoom, picture.height * zoom)
    return picture.resize(size, Image.Resampling.NEAREST)


def save_contact_sheet(data: Images, title: str, path: Path) -> None:
    """Write a PNG of some images in rows, with the box of the object where its place is known.

    Args:
        data: the images to choose from.
        title: the line above the pictures.
        path: the PNG file to write.
    """
    height, width = data.images.shape[-2:]
    zoom = max(1, -(-_CELL // max(height, width)))
    names, rows = _layout(data)
    across, down = width * zoom + _GAP, height * zoom + _GAP
    columns = max((len(row) for row in rows), default=0)
    size = (_MARGIN + max(columns, 4) * across, 2 * _LINE + _GAP + len(rows) * down)
    sheet = Image.new("RGB", size, _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, _GAP), title, fill=_INK)
    for row, (name, cells) in enumerate(zip(names, rows, strict=True)):
        top = 2 * _LINE + _GAP + row * down
        pen.text((_GAP, top + down // 2 - _LINE // 2), name, fill=_INK)
        for column, (caption, index) in enumerate(cells):
            left = _MARGIN + column * across
            if row == 0:
                pen.text((left, _LINE + _GAP), caption, fill=_INK)
            if index is None:
                continue
            sheet.paste(_picture(data.images[index], zoom), (left, top))
            if {"scale", "position"} <= data.latents.keys():
                x, y = data.latents["position"][index].tolist()
                side = int(data.latents["scale"][index])
                box = (x * zoom - 1, y * zoom - 1, (x + side) * zoom, (y + side) * zoom)
                pen.rectangle(
                    (left + box[0], top + box[1], left + box[2], top + box[3]), outline=_BOX
                )
    sheet.save(path)
