"""The picture that lets a person judge a data set at a glance."""

import colorsys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from isotrope.datasets.images import VOID
from isotrope.datasets.stream import Split

COLUMNS, ROWS = 12, 8  # at most
_CELL = 96  # pixels at least, as long as whole pixels can be repeated
_LARGEST = 160  # pixels at most: larger images are shrunk
_GAP, _MARGIN, _LINE = 4, 72, 20  # pixels
_BACKGROUND, _INK, _BOX = (24, 26, 30), (225, 225, 225), (255, 140, 0)


class Preview(NamedTuple):
    """What a data set says of its picture: the literal ``PREVIEW = (...)``, and ``credit(params)``.

    Args:
        rows: the latent whose values are the rows, with classes as columns; None: classes are.
        unit: of that latent.
        side: the latent that is the side of the box about an object, in pixels, whose upper left
            corner is the latent ``position``; None: no box.
        captions: latents whose values are written into each picture, as far as they are known:
            ``angle`` in degrees, ``scale`` as a factor, others with their name.
        credit: whose images these are and under which licence, written below them; empty: nothing.
    """

    rows: str | None = None
    unit: str = ""
    side: str | None = None
    captions: tuple[str, ...] = ()
    credit: str = ""


PLAIN = Preview()


class _Cell(NamedTuple):
    """What is shown at a place: an image, or its mask; nothing without one."""

    image: int | None
    caption: str = ""
    mask: bool = False


def _spread(values: list[int], count: int) -> list[int]:
    """At most ``count`` of the values, evenly spaced, with the first and the last."""
    steps = np.linspace(0, len(values) - 1, min(count, len(values)))
    return [values[round(step)] for step in steps]


def _layout(data: Split, preview: Preview) -> tuple[list[str], list[list[_Cell]]]:
    """Names of the rows, and the cells of each.

    With masks, every second row shows those of the row above.
    """
    if data.kind == "segmentation" or data.labels is None:
        chosen = _spread(list(range(len(data))), COLUMNS * ROWS // 2)
        lines = [chosen[start : start + COLUMNS] for start in range(0, len(chosen), COLUMNS)]
        pairs = [[[_Cell(i, "", mask) for i in line] for mask in (False, True)] for line in lines]
        return ["images", "masks"] * len(lines), [row for pair in pairs for row in pair]
    labels = data.labels.tolist()
    kinds = sorted(set(labels))
    if preview.rows is None or preview.rows not in data.latents:
        shown = _spread(kinds, ROWS)
        rows = [[i for i, label in enumerate(labels) if label == kind][:COLUMNS] for kind in shown]
        return [f"class {kind}" for kind in shown], [[_Cell(i) for i in row] for row in rows]
    values = data.latents[preview.rows].tolist()
    first: dict[tuple[int, int], int] = {}
    for index, value_and_label in enumerate(zip(values, labels, strict=True)):
        first.setdefault(value_and_label, index)
    of_rows, columns = _spread(sorted(set(values)), ROWS), _spread(kinds, COLUMNS)
    cells = [[_Cell(first.get((v, kind)), f"class {kind}") for kind in columns] for v in of_rows]
    return [f"{value:.4g} {preview.unit}".strip() for value in of_rows], cells


def _picture(image: Tensor, zoom: float) -> Image.Image:
    """One uint8 image ``(channels, height, width)``; each pixel is repeated ``zoom`` times."""
    pixels = image.numpy()
    colours = np.moveaxis(pixels, 0, -1) if len(pixels) == 3 else pixels[0]
    return _zoomed(colours, zoom, Image.Resampling.BOX)


def _mask(mask: Tensor, zoom: float) -> Image.Image:
    """A mask ``(height, width)``: class 0 is black, each other class a colour, void white."""
    palette = np.full((256, 3), 255, dtype=np.uint8)
    for kind in range(VOID):
        bright = (0.6, 1.0, 0.8)[kind % 3] if kind else 0.0
        colour = colorsys.hsv_to_rgb(kind * 0.618 % 1, (0.9, 0.5)[kind % 2], bright)
        palette[kind] = [round(255 * part) for part in colour]
    return _zoomed(palette[mask.numpy().astype(np.uint8)], zoom, Image.Resampling.NEAREST)


def _zoomed(colours: NDArray[np.uint8], zoom: float, smaller: Image.Resampling) -> Image.Image:
    """A picture whose pixels are repeated; where ``zoom`` is below 1, made ``smaller`` so."""
    picture = Image.fromarray(colours).convert("RGB")
    size = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
    return picture.resize(size, Image.Resampling.NEAREST if zoom >= 1 else smaller)


def _caption(latents: dict[str, Tensor], names: tuple[str, ...]) -> str:
    """What is known of the only image of these latents, in short: ``37°, x1.4``."""
    parts = []
    for name in names:
        if name not in latents:
            continue
        values = [f"{value:.3g}" for value in latents[name][0].reshape(-1).tolist()]
        if name == "angle":
            parts.append(f"{round(float(latents[name][0]))}°")
        elif name == "scale":
            parts.append(f"x{round(float(latents[name][0]), 2):g}")
        else:
            parts.append(f"{name} {', '.join(values)}")
    return ", ".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many pixels, but for words that are longer."""
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def save_contact_sheet(data: Split, title: str, path: Path, preview: Preview = PLAIN) -> None:
    """Write a PNG of some images in rows, with the box of the object where its place is known.

    Args:
        data: the images to choose from.
        title: the line above the pictures.
        path: the PNG file to write.
        preview: what the rows are, and what is known of the object's place.
    """
    names, rows = _layout(data, preview)
    shown = {
        cell.image: data[cell.image : cell.image + 1]
        for row in rows
        for cell in row
        if cell.image is not None
    }
    height, width = (
        max((one.images.shape[axis] for one in shown.values()), default=_CELL) for axis in (2, 3)
    )
    largest = max(height, width)
    zoom = max(1, -(-_CELL // largest)) if largest <= _LARGEST else _LARGEST / largest
    across, down = round(width * zoom) + _GAP, round(height * zoom) + _GAP
    columns = max((len(row) for row in rows), default=0)
    bottom = 2 * _LINE + _GAP + len(rows) * down
    room = max(columns, 4) * across
    credit = _wrapped(preview.credit, room)
    sheet = Image.new("RGB", (_MARGIN + room, bottom + _LINE * len(credit)), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, _GAP), title, fill=_INK)
    for number, line in enumerate(credit):
        pen.text((_MARGIN, bottom + number * _LINE), line, fill=_INK)
    for row, (name, cells) in enumerate(zip(names, rows, strict=True)):
        top = 2 * _LINE + _GAP + row * down
        pen.text((_GAP, top + down // 2 - _LINE // 2), name, fill=_INK)
        for column, cell in enumerate(cells):
            left = _MARGIN + column * across
            if row == 0:
                pen.text((left, _LINE + _GAP), cell.caption, fill=_INK)
            if cell.image is None:
                continue
            one = shown[cell.image]
            picture = _mask(one.labels[0], zoom) if cell.mask else _picture(one.images[0], zoom)
            sheet.paste(picture, (left, top))
            if not cell.mask and (caption := _caption(one.latents, preview.captions)):
                spot = (left + 2, top)
                pen.rectangle(pen.textbbox(spot, caption), fill=_BACKGROUND)
                pen.text(spot, caption, fill=_INK)
            if preview.side and {preview.side, "position"} <= one.latents.keys():
                x, y = one.latents["position"][0].tolist()
                side = int(one.latents[preview.side][0])
                box = (x * zoom - 1, y * zoom - 1, (x + side) * zoom, (y + side) * zoom)
                pen.rectangle(
                    (left + box[0], top + box[1], left + box[2], top + box[3]), outline=_BOX
                )
    sheet.save(path)
