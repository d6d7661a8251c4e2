"""Draw the networks of the log-polar study into docs/log_polar_architectures.svg.

    python docs/draw_architectures.py           # draw
    python docs/draw_architectures.py --check   # end with 1 if the drawing is stale

Sizes, and so the numbers in the drawing, are read from the models: their published settings, and
their parameters as they are counted.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from isotrope import build_model
from isotrope.models.deep_lp import SIZES as DEEP
from isotrope.models.lp_resnet import PLANES
from isotrope.models.single_lp import SIZES as SINGLE

PAGE = Path(__file__).parent / "log_polar_architectures.svg"
WIDTH, LEFT, GAP = 1000, 20, 16  # pixels
BOX, LINE = 64, 15  # height of a box, of a line of words
TAU, THETA = 20, 12  # radii and angles of the published grid
COLOURS = {
    "data": "#f2f2f2",
    "sample": "#d6e8fa",
    "learned": "#fde7c8",
    "pool": "#d9f0d3",
    "other": "#eee0f5",
}
Step = tuple[str, str]  # kind and words, lines separated by |


def transform() -> list[Step]:
    """The log-polar transform."""
    return [
        ("data", "map|C x H x W"),
        ("sample", "at each pixel p, read|p + tau (cos, sin) theta"),
        ("data", f"samples|C x {TAU} x {THETA} at each pixel"),
        ("other", "turn by 30 degrees:|one column further"),
        ("other", "scale by 1.2:|one row further"),
    ]


def convolution(kernels: int, side: int) -> list[Step]:
    """A log-polar convolution with so many kernels of a side."""
    rows = TAU - side + 1
    return [
        ("data", "map|C x H x W"),
        ("sample", f"log-polar samples|C x {TAU} x {THETA}"),
        ("learned", f"convolution {side} x {side},|circular in theta"),
        ("data", f"{kernels} x {rows} x {THETA}"),
        ("pool", "turn each row to its|largest, max over tau"),
        ("data", f"{kernels * THETA} x H x W"),
    ]


def deep(size: str) -> list[Step]:
    """DeepLP of a published size."""
    known = DEEP[size]
    steps: list[Step] = [("data", "image|1 x 28 x 28")]
    for i, (kernels, side) in enumerate(zip(known["channels"], known["kernel_sizes"], strict=True)):
        steps.append(("sample", f"LPConv {side} x {side}|{kernels} kernels|x {THETA} angles"))
        if i < len(known["widths"]):
            steps.append(("learned", f"1 x 1|{kernels * THETA} to {known['widths'][i]}"))
    last = known["channels"][-1] * THETA
    return [*steps, ("pool", f"max over|all pixels|{last}"), ("learned", f"linear|{last} to 10")]


def single(size: int) -> list[Step]:
    """SingleLP of a published size."""
    known = SINGLE[size]
    steps: list[Step] = [("data", "image|1 x 28 x 28"), ("sample", f"samples|1 x {TAU} x {THETA}")]
    rows = TAU
    for (before, after), side in zip(
        pairwise([1, *known["channels"]]), known["filter_sizes"], strict=True
    ):
        rows -= side - 1
        steps.append(
            ("learned", f"{side} x {side}, {before} to {after}|{after} x {rows} x {THETA}")
        )
    last = known["channels"][-1]
    pools: list[Step] = [("pool", "max over|tau, theta"), ("pool", "max over|all pixels")]
    return [*steps, *pools, ("learned", f"linear|{last} to 10")]


def residual() -> list[Step]:
    """A block of LP-ResNet."""
    return [
        ("data", "map|C x H x W"),
        ("sample", f"log-polar samples|C x {TAU} x {THETA}"),
        ("learned", f"3 x 3, circular|{TAU - 2} x {THETA}|batch norm, ReLU"),
        ("learned", f"3 x 3, circular|{TAU - 4} x {THETA}"),
        ("pool", "max over|tau, theta|batch norm"),
        ("other", "+ the map itself"),
        ("data", "ReLU|C x H x W"),
    ]


def parameters(name: str, shape: tuple[int, int, int], **settings: object) -> str:
    """How many parameters a network has, as words."""
    network = build_model(name, shape, 10, **settings)
    return f"{sum(value.numel() for value in network.parameters()):,} parameters"


def rows() -> list[tuple[str, list[Step]]]:
    """The title and the steps of every row of the drawing."""
    grey, colour = (1, 28, 28), (3, 32, 32)
    found = [
        ("Log-polar transform: a turn or a scaling becomes a shift", transform()),
        ("LPConv, here 32 kernels of 7 x 7, top 12 angles", convolution(32, 7)),
    ]
    for size in ("standard", "large"):
        count = parameters("deep_lp", grey, size=size)
        found.append((f"DeepLP {size}, {count}", deep(size)))
    for number in (1, 2):
        count = parameters("single_lp", grey, size=number)
        found.append(
            (f"SingleLP {number}, {count}: one small network at every pixel", single(number))
        )
    counts = ", ".join(
        f"{depth}: {parameters('lp_resnet', colour, depth=depth)}" for depth in (20, 32)
    )
    stages = ", ".join(str(planes) for planes in PLANES)
    found.append((f"LP-ResNet, one block; stages of {stages} channels. Depth {counts}", residual()))
    return found


def box(kind: str, words: str, left: float, top: float, width: float) -> list[str]:
    """One step: a rounded rectangle with its words."""
    lines = words.split("|")
    first = top + BOX / 2 - LINE * (len(lines) - 1) / 2 + 4
    return [
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BOX}" rx="5" '
        f'fill="{COLOURS[kind]}" stroke="#888"/>',
        *(
            f'<text x="{left + width / 2:.1f}" y="{first + LINE * i:.1f}" '
            f'text-anchor="middle">{escape(line)}</text>'
            for i, line in enumerate(lines)
        ),
    ]


def row(title: str, steps: Sequence[Step], top: float) -> list[str]:
    """A title and its steps, with arrows between them."""
    width = (WIDTH - 2 * LEFT - GAP * (len(steps) - 1)) / len(steps)
    found = [f'<text x="{LEFT}" y="{top:.1f}" class="title">{escape(title)}</text>']
    for i, (kind, words) in enumerate(steps):
        left = LEFT + i * (width + GAP)
        found += box(kind, words, left, top + 10, width)
        if i + 1 < len(steps):
            y, x = top + 10 + BOX / 2, left + width
            found.append(
                f'<path d="M{x + 2:.1f} {y:.1f}h{GAP - 5}" stroke="#444" marker-end="url(#tip)"/>'
            )
    return found


def drawing() -> str:
    """The drawing as SVG."""
    lines, top = [], 24.0
    for title, steps in rows():
        lines += row(title, steps, top)
        top += BOX + 40
    names = {
        "data": "data",
        "sample": "samples",
        "learned": "learned",
        "pool": "pooled",
        "other": "what follows from it, or is added",
    }
    left = float(LEFT)
    for kind, name in names.items():
        lines.append(
            f'<rect x="{left}" y="{top - 12:.1f}" width="14" height="14" rx="2" '
            f'fill="{COLOURS[kind]}" stroke="#888"/>'
        )
        lines.append(f'<text x="{left + 20}" y="{top:.1f}">{name}</text>')
        left += 40 + 7.5 * len(name)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 14:.0f}" '
        f'width="{WIDTH}" height="{top + 14:.0f}" font-family="DejaVu Sans, Verdana, sans-serif" '
        'font-size="11">\n'
        "<style>.title{font-weight:bold;font-size:13px}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="#444"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
    )
    return head + "\n".join(lines) + "\n</svg>\n"


def main() -> None:
    """Draw, or say whether the drawing is stale."""
    if "--check" in sys.argv[1:]:
        sys.exit(drawing() != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
