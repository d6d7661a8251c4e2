"""Rows of the evaluations that turn, scale and shift test images, from made-up accuracies."""

import math
from itertools import product

HEADERS = {
    "rotation": "angle",
    "scaling": "canvas scale",
    "translation": "x y",
    "translation_published": "shift size",
    "rotation_and_scaling": "angle scale",
    "equivariance": "part angle scale",
    "shift_consistency": "protocol padding dtype",
    "shift_accuracy": "kind distance x y",
    "deformation": "part deformation level size",
}
ANGLES = range(0, 360, 15)
SCALES = (0.5, 0.6, 0.8, 1, 1.5, 2)
GRID_ANGLES, GRID_SCALES = range(0, 360, 45), (0.5, 1.0, 2.0)
SHIFTS = range(-4, 5)
PARTS = ("layer1", "layer2", "head")
KINDS = {"circular": range(5), "standard": range(5), "fourier": (0, 0.25, 0.5)}
DEFORMATIONS = {"rotation": 10.0, "sharpness": 50.0, "mallat": 0.8, "saddle": 0.6, "swap": 0.8}

Rows = dict[str, list[list[object]]]


def at_angle(angle: float, loss: float) -> float:
    """0.95 upright and at quarter turns, less by ``loss`` between them."""
    return 0.95 - loss * math.sin(2 * math.radians(angle)) ** 2


def at_scale(canvas: str, scale: float, loss: float) -> float:
    """0.95 at scale 1, and less the further from it, more so where the canvas is kept."""
    return 0.95 - loss * abs(math.log2(scale)) * (1.2 if canvas == "kept" else 0.8)


def error(part: str, angle: float, scale: float, loss: float) -> float:
    """Grows with the layer, the angle's distance from a quarter turn, and the scale."""
    turned = abs(math.sin(2 * math.radians(angle)))
    return (0.02 + loss * turned / 2 + loss * abs(math.log2(scale)) / 3) * (1 + PARTS.index(part))


def sweep_rows(key: list[object], loss: float) -> Rows:
    """The rows of one seed in every table.

    Args:
        key: run, point and seed.
        loss: what the seed loses of its accuracy, at most.
    """
    rows: Rows = {table: [] for table in HEADERS}
    turned = [at_angle(angle, loss) for angle in ANGLES]
    for angle, value in zip(ANGLES, turned, strict=True):
        rows["rotation"].append([*key, angle, "accuracy", value, 100])
    for metric, value in (("mean", sum(turned) / len(turned)), ("worst", min(turned))):
        rows["rotation"].append([*key, "", metric, value, 100])
    for canvas, scale in product(("kept", "resized"), SCALES):
        value = at_scale(canvas, scale, loss / 2)
        rows["scaling"].append([*key, canvas, scale, "accuracy", value, 100])
    for x, y in product(SHIFTS, SHIFTS):
        if 0 in (x, y) or x == y:
            value = 0.95 - loss * (x * x + y * y) / 60
            rows["translation"].append([*key, x, y, "accuracy", value, 100])
    for shift in SHIFTS:
        value = 0.95 - loss * shift * shift / 10
        rows["translation_published"].append([*key, shift, 28 + 2 * shift, "accuracy", value, 100])
    cells = {
        (angle, scale): at_angle(angle, loss) * at_scale("kept", scale, loss / 2)
        for angle, scale in product(GRID_ANGLES, GRID_SCALES)
    }
    for cell, value in cells.items():
        rows["rotation_and_scaling"].append([*key, *cell, "accuracy", value, 100])
    worst = min(cells.values())
    rows["rotation_and_scaling"].append([*key, "", "", "worst", worst, 100])
    for protocol, padding in product(("cifar", "each"), ("circular", "standard")):
        value = 100 * (1 - loss / (4 if padding == "circular" else 2))
        for metric, of_it in (("consistency", value), ("pairs", 400), ("margin_median", "nan")):
            rows["shift_consistency"].append(
                [*key, protocol, padding, "float32", metric, of_it, 100]
            )
    rows["shift_accuracy"] = _box_rows(key, loss)
    for deformation, largest in DEFORMATIONS.items():
        for level in range(5):
            settings = [*key, "features", deformation, level, largest * level / 4]
            for metric, share in (("", 1.0), ("_low", 0.9), ("_high", 1.1)):
                rows["deformation"].append(
                    [*settings, f"distance{metric}", share * loss * level / 4, 50]
                )
    rows["deformation"].append([*key, "features", "", "", "", "baseline", 0.9, 50])
    for part, angle, scale in product(PARTS, (0, 15, 30, 45, 60, 75, 90), GRID_SCALES):
        settings = [*key, part, angle, scale]
        value = error(part, angle, scale, loss)
        rows["equivariance"] += [
            [*settings, "error", value, 20],
            [*settings, "floor", value / 4, 20],
            [*settings, "untrained", 0.9, 20],
        ]
    return rows


def _box_rows(key: list[object], loss: float) -> list[list[object]]:
    """What ``shift_accuracy`` says of a seed: less at larger distances, less off the canvas."""
    found: list[list[object]] = []
    for kind, distances in KINDS.items():
        less = loss / (30 if kind == "circular" else 15)
        for distance in distances:
            for metric, value in (
                ("accuracy", 0.95 - less * distance),
                ("consistency", 100 * (1 - 2 * less * distance)),
                ("fidelity", 0.95 - 2 * less * distance),
                ("worst", 0.95 - 4 * less * distance),
                ("steady", 100 * (1 - 4 * less * distance)),
            ):
                found.append([*key, kind, distance, "", "", metric, value, 100])
        found.append([*key, kind, "", 1, 0, "accuracy", 0.95 - less, 100])
        found.append([*key, kind, "", 1, 0, "fidelity", 0.95 - 2 * less, 100])
        found.append([*key, kind, "", "", "", "worst", 0.95 - 4 * less * max(distances), 100])
        found.append([*key, kind, "", "", "", "fidelity", 0.95 - 4 * less, 100])
    return found
