"""Pictures of drawn shapes and their masks: the class of a shape is its form and its colour."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw

VOID = 255
FORMS = ("ellipse", "rectangle", "triangle", "diamond")
DRAWN = (1, 7, 12, 15, 20)  # classes of VOC


def picture(seed, height, width, classes=DRAWN):
    """An RGB picture with one to three shapes, and the numbers of its mask.

    The background is a dull pattern; shapes have a void border of two pixels.

    Args:
        seed: another one gives another picture.
        height: pixels.
        width: pixels.
        classes: those that shapes may have; another class has another form and another colour.
    """
    random = np.random.default_rng([seed, height, width])
    down, across = np.mgrid[:height, :width]
    waves = 90 + 30 * np.sin(across / random.uniform(3, 9)) * np.cos(down / random.uniform(3, 9))
    colours = waves[..., None] * (1, 0.95, 0.9)
    photo = Image.fromarray((colours + random.integers(-9, 10, colours.shape)).astype(np.uint8))
    mask = Image.new("L", (width, height), 0)
    for _ in range(random.integers(1, 4)):
        place = int(random.integers(len(classes)))
        side = random.uniform(0.25, 0.5) * min(height, width)
        left, top = random.uniform(-0.2, 0.9) * width, random.uniform(-0.2, 0.9) * height
        box = left, top, left + side, top + side
        hue = place / len(classes)
        colour = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.8, 0.9))
        form = FORMS[place % len(FORMS)]
        draw(ImageDraw.Draw(photo), form, box, fill=colour)
        draw(ImageDraw.Draw(mask), form, box, fill=classes[place], outline=VOID, width=2)
    return photo, np.asarray(mask)


def draw(pen, form, box, **how):
    left, top, right, bottom = box
    middle, centre = (left + right) / 2, (top + bottom) / 2
    if form == "ellipse":
        pen.ellipse(box, **how)
    elif form == "rectangle":
        pen.rectangle(box, **how)
    elif form == "triangle":
        pen.polygon([(left, bottom), (middle, top), (right, bottom)], **how)
    else:
        corners = [(left, centre), (middle, top), (right, centre), (middle, bottom)]
        pen.polygon(corners, **how)
