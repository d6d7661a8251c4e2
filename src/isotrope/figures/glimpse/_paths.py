"""Paths of a moving fovea and how they are drawn: what the figures of ``glimpse_paths`` share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from isotrope.results.series import Tables, joined, origin
from isotrope.results.statistics import Difference, difference_of_shares
from isotrope.results.style import SMALL, add_foot

TABLE = "glimpse_paths"
COLUMNS = {"runs": {"training.epochs": "number"}, TABLE: {"policy": "text"}}
NONE = "no network here has paths of a moving fovea"

PATH, RING = "#E69F00", "#56B4E9"
RIGHT, OTHER, CHOSEN = "#117733", "0.72", "#CC6677"
NAMES = ("images", "labels", "fixations", "beliefs", "rings", "outline", "seed")
MOST_RINGS = 6
MOST_CLASSES = 10
COLUMNS_OF_DATA = ("image", "label", "glimpse", "x", "y", "answer", "belief")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Walker:
    """One seed of a run that has paths.

    Args:
        run: its row of ``runs``.
        name: its series.
        title: its series, data set and seed in words.
        arrays: its arrays by name.
        accuracy: of this seed on all test images, by policy.
        count: of these images.
    """

    run: dict[str, Any]
    name: str
    title: str
    arrays: dict[str, NDArray[Any]]
    accuracy: dict[str, float]
    count: int

    @property
    def gain(self) -> Difference:
        """The accuracy of the learned policy less that of the random one."""
        return difference_of_shares(self.accuracy["learned"], self.accuracy["random"], self.count)

    @property
    def matters(self) -> bool:
        """Whether the learned policy beats the random one: the whole interval is above 0."""
        return self.gain.low > 0

    def sentence(self) -> str:
        """What the policy is worth."""
        its = {policy: f"{100 * value:.1f} %" for policy, value in self.accuracy.items()}
        gain, low, high = (f"{100 * value:.1f}" for value in self.gain)
        beaten = "" if self.matters else " It is no better than random fixations, beyond chance."
        return (
            f"{self.title}: {its['learned']} with its own policy, {its['random']} with random "
            f"fixations (a difference of {gain} points, 95 % interval {low} to {high}), "
            f"{its['shuffled']} with the paths over other images.{beaten}"
        )


def walkers(tables: Tables) -> list[Walker]:
    """The best seed of each series that has paths; those that beat random fixations come first."""
    stored, cells = tables.arrays[TABLE], tables.cells
    rows = joined(tables, TABLE)
    rows = rows[rows["metric"].eq("accuracy")]
    found = []
    for panel in cells.panels(rows):
        of_panel = cells.rows_in(rows, [panel])
        for name in cells.names(of_panel):
            its = cells.series_in(of_panel, panel, name)
            key = f"{its['run'].iloc[0]}/{its['point'].iloc[0]}/"
            arrays = {n: stored[key + n] for n in NAMES if key + n in stored}
            if len(arrays) < len(NAMES):
                continue
            seed = int(arrays["seed"])
            of_seed = its[its["seed"].eq(seed)]
            accuracy = dict(zip(of_seed["policy"], of_seed["value"].astype(float), strict=True))
            run = {str(key): value for key, value in of_seed.iloc[0].items()}
            count = int(of_seed["n"].min())
            title = f"{name}, {cells.title(panel)}, seed {seed}"
            found.append(Walker(run, name, title, arrays, accuracy, count))
    return sorted(found, key=lambda one: not one.matters)


def rows_of(walker: Walker, images: Sequence[int]) -> Iterator[list[Any]]:
    """What is shown of some images, glimpse by glimpse, as ``COLUMNS_OF_DATA`` say."""
    its = walker.arrays
    for image in images:
        label = int(its["labels"][image])
        for glimpse, (at, belief) in enumerate(
            zip(its["fixations"][image], its["beliefs"][image], strict=True), 1
        ):
            x, y = (float(value) for value in at)
            yield [image, label, glimpse, x, y, int(belief.argmax()), float(belief[label])]


def add_words(figure: Figure, tables: Tables, shown: Sequence[Walker], more: Sequence[str]) -> None:
    """Say below a figure what it shows."""
    runs = pandas.DataFrame([one.run for one in shown])
    handles = [
        Patch(color=RIGHT, label="the class of the image"),
        Patch(color=CHOSEN, label="another class, if it is the answer"),
    ]
    words = [*(one.sentence() for one in shown), *more, *origin(runs, runs.iloc[:0], tables)]
    add_foot(figure, handles, words)


def draw_image(axes: Axes, image: NDArray[Any]) -> None:
    """An image ``(channels, height, width)`` in 0..255, without ticks."""
    shown = np.moveaxis(image, 0, -1)
    axes.imshow(shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, image.shape[-1] - 0.5))
    axes.set_ylim(image.shape[-2] - 0.5, -0.5)
    axes.spines[:].set_visible(False)


def draw_rings(axes: Axes, walker: Walker, at: NDArray[Any], alpha: float = 0.9) -> None:
    """What a glimpse samples: some of its circles, or its squares, about a fixation."""
    rings = walker.arrays["rings"]
    places = np.unique(np.linspace(0, len(rings) - 1, MOST_RINGS).round().astype(int))
    kind: dict[str, Any] = {"fill": False, "edgecolor": RING, "linewidth": 0.7, "alpha": alpha}
    for size in rings[places[::-1]] if len(rings) > MOST_RINGS else rings:
        x, y, half = float(at[0]), float(at[1]), float(size)
        if str(walker.arrays["outline"]) == "squares":
            axes.add_patch(Rectangle((x - half, y - half), 2 * half, 2 * half, **kind))
        else:
            axes.add_patch(Circle((x, y), half, **kind))


def draw_path(axes: Axes, path: NDArray[Any]) -> None:
    """The fixations ``(glimpses, 2)`` that were made until now, joined by a line."""
    axes.plot(path[:, 0], path[:, 1], color=PATH, linewidth=0.9, zorder=4)
    kind: dict[str, Any] = {"linestyle": "", "markeredgecolor": "black", "markeredgewidth": 0.4}
    axes.plot(
        path[:, 0],
        path[:, 1],
        marker="o",
        markersize=2.6,
        color=PATH,
        clip_on=False,
        zorder=5,
        **kind,
    )


def draw_beliefs(
    axes: Axes, belief: NDArray[Any], label: int, classes: Sequence[int], labelled: bool = True
) -> None:
    """The probabilities of some classes as bars; their names below, if they are to be labelled."""
    answer = int(belief.argmax())
    colours = [RIGHT if one == label else CHOSEN if one == answer else OTHER for one in classes]
    axes.bar(range(len(classes)), belief[list(classes)], color=colours, width=0.8)
    axes.set(ylim=(0, 1), xlim=(-0.6, len(classes) - 0.4), yticks=[])
    axes.set_xticks([])
    if labelled:
        axes.set_xticks(range(len(classes)), [str(one) for one in classes], size=SMALL - 2)
    axes.tick_params(length=0, pad=1)
    axes.spines["left"].set_visible(False)


def classes_of(beliefs: NDArray[Any], label: int) -> list[int]:
    """The classes that are shown of an image: all, or those that were most probable at any time."""
    count = beliefs.shape[-1]
    if count <= MOST_CLASSES:
        return list(range(count))
    best = [int(one) for one in np.argsort(-beliefs.max(axis=0), kind="stable")]
    return sorted([label, *(one for one in best if one != label)][:MOST_CLASSES])


def add_numbers(axes: Axes, path: NDArray[Any], points: float = SMALL - 1) -> list[Text]:
    """Number the fixations where there is room beside them; the axes must be laid out.

    Fixations that stay where one was before share its number: ``2-4``.

    Args:
        axes: of the image.
        path: ``(glimpses, 2)`` in pixels.
        points: size of the numbers.
    """
    figure = axes.get_figure()
    if figure is None:
        raise ValueError("axes without a figure have no size")
    box = axes.get_window_extent()
    dots = figure.dpi / 72  # to the point
    low = np.array([box.x0, box.y0])
    places = axes.transData.transform(np.clip(path, _inside(axes)[0], _inside(axes)[1]))
    groups = _groups(places, 1.2 * points * dots)
    taken: list[Box] = [(x - dots, y - dots, x + dots, y + dots) for x, y in places]
    written = []
    for first, words in groups:
        size = np.array([0.62 * points * len(words) + 1.5, 1.15 * points]) * dots
        centre = _free(places[first], size, taken, (box.x0, box.y0, box.x1, box.y1), dots)
        taken.append(_around(centre, size))
        x, y = (centre - low) / np.array([box.width, box.height])
        text = axes.text(
            float(x),
            float(y),
            words,
            transform=axes.transAxes,
            size=points,
            color=PATH,
            weight="bold",
            ha="center",
            va="center",
            zorder=6,
            bbox={"facecolor": "black", "alpha": 0.8, "pad": 0.3, "linewidth": 0},
        )
        text.set_in_layout(False)
        written.append(text)
    return written


def _inside(axes: Axes) -> tuple[NDArray[Any], NDArray[Any]]:
    """The least and the largest place that is in the image."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return np.array([left, min(bottom, top)]), np.array([right, max(bottom, top)])


def _groups(places: NDArray[Any], near: float) -> list[tuple[int, str]]:
    """Fixations that lie at one place: the first of them, and their numbers in words."""
    members: dict[int, list[int]] = {}
    for number, place in enumerate(places):
        home = next((one for one in members if np.hypot(*(places[one] - place)) < near), number)
        members.setdefault(home, []).append(number + 1)
    return [(first, _spans(numbers)) for first, numbers in members.items()]


def _spans(numbers: Sequence[int]) -> str:
    """Rising numbers in short: 1, 2, 3, 6 as ``1-3,6``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ",".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans)


def _around(centre: NDArray[Any], size: NDArray[Any]) -> Box:
    (x0, y0), (x1, y1) = centre - size / 2, centre + size / 2
    return float(x0), float(y0), float(x1), float(y1)


def _free(
    place: NDArray[Any], size: NDArray[Any], taken: Sequence[Box], whole: Box, dots: float
) -> NDArray[Any]:
    """A centre near a place at which a box of a size meets no other and is in the whole."""
    best, least = place, np.inf
    for reach in np.arange(5, 60, 3) * dots:
        for angle in np.radians(np.arange(0, 360, 30)):
            step = np.array([np.cos(angle), np.sin(angle)])
            centre: NDArray[Any] = place + step * (reach + size / 2 - size.min() / 2)
            box = Bbox.from_extents(*_around(centre, size))
            inside = whole[0] <= box.x0 and box.x1 <= whole[2]
            inside = inside and whole[1] <= box.y0 and box.y1 <= whole[3]
            over = sum(
                common.width * common.height
                for one in taken
                if (common := Bbox.intersection(box, Bbox.from_extents(*one))) is not None
            )
            if inside and not over:
                return centre
            if inside and over < least:
                best, least = centre, over
    return best
