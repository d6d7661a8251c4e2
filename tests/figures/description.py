"""What a figure shows, in lines of text that can be compared and read.

Nothing depends on how wide words are: where lines of words break, and the room that they take, are
left out. Long rows of numbers are said by their count, ends, mean and a mean that depends on their
order.
"""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import pandas
from matplotlib import colors
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation, Text

from isotrope.results.style import LOOK

FEW = 6  # numbers, or words, that are all written
ORDERS = {Line2D: 2, Text: 3, Annotation: 3, AxesImage: 0}  # in which things are drawn by default
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf\b|nan\b)")
NEAR, NOTHING = 1e-4, 1e-7  # by how much of itself, and of its line's largest, a number may differ


def described(figure: Figure, data: pandas.DataFrame | None = None) -> list[str]:
    """A figure and, if they are given, its numbers."""
    engine = figure.get_layout_engine()
    size = figure.get_size_inches()
    lines = [f"figure {_numbers(size[:1])} inches wide, {figure.get_gid()} {figure.get_label()}"]
    if isinstance(engine, ConstrainedLayoutEngine):
        rect = engine.get()["rect"]
        pads = [engine.get()[pad] for pad in ("w_pad", "h_pad", "wspace", "hspace")]
        lines[0] += f", panels {_numbers([rect[3] * size[1]])} high, pads {_numbers(pads)}"
    for axes in figure.axes:
        lines += [f"  {line}" for line in _of_axes(axes)]
    lines += [f"  below: {_flat(text.get_text())}" for text in figure.texts]
    own = [*figure.lines, *figure.patches, *figure.images, *figure.artists]
    lines += [f"  {_artist(one)}" for one in own]
    for legend in figure.legends:
        lines += [f"  {line}" for line in _of_legend(legend)]
    return lines if data is None else [*lines, *_of_data(data)]


def differences(found: Sequence[str], known: Sequence[str]) -> list[str]:
    """The lines in which a figure is another than it was, of both; at most a few."""
    if len(found) == len(known):
        pairs = [(a, b) for a, b in zip(found, known, strict=True) if not alike(a, b)]
        return [line for a, b in pairs[:4] for line in (f"now: {a}", f"was: {b}")]
    new = [line for line in found if line not in set(known)]
    gone = [line for line in known if line not in set(found)]
    said = [f"{len(found)} lines, which were {len(known)}"]
    return [*said, *(f"now: {line}" for line in new[:4]), *(f"was: {line}" for line in gone[:4])]


def alike(one: str, other: str) -> bool:
    """Whether two lines say the same, but for how numbers are rounded."""
    if one == other:
        return True
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    ours, theirs = ([float(n) for n in NUMBER.findall(line)] for line in (one, other))
    least = NOTHING * max((abs(n) for n in theirs if math.isfinite(n)), default=0)
    pairs = zip(ours, theirs, strict=True)
    return all(a == b or math.isclose(a, b, rel_tol=NEAR, abs_tol=least) for a, b in pairs)


def _of_axes(axes: Axes) -> Iterator[str]:
    spec = axes.get_subplotspec()
    place = f"at {_numbers(np.ravel(axes.get_position(original=True).bounds))}"
    if spec is not None:
        grid = spec.get_gridspec()
        place = f"at {spec.num1}-{spec.num2} of {grid.nrows} x {grid.ncols}"
        place += f", {grid.get_height_ratios()}, {grid.get_width_ratios()}"
    yield f"panel {axes.name} {axes.get_label()} {place}".rstrip()
    for where in ("left", "center", "right"):
        if title := axes.get_title(where):
            yield f"  title {where}: {_flat(title)}"
    sizes = [text.get_fontsize() for text in (axes.title, axes._left_title, axes._right_title)]
    yield f"  titles of {_numbers(sizes)}"
    for name, axis in zip("xy", (axes.xaxis, axes.yaxis), strict=True):
        low, high = axis.get_view_interval()
        yield (
            f"  {name} {axis.get_scale()} {_numbers([low, high])}"
            f"{' inverted' if axis.get_inverted() else ''}{'' if axis.get_visible() else ' hidden'}"
            f" {_numbers([axis.label.get_fontsize()])}: {_flat(axis.get_label_text())}"
        )
        yield f"  {name} ticks {_ticks(axis, low, high)}"
    shown = [name for name, spine in axes.spines.items() if spine.get_visible()]
    frame = "" if axes.axison else ", off"
    siblings = [
        len(one.get_siblings(axes)) for one in (axes.get_shared_x_axes(), axes.get_shared_y_axes())
    ]
    yield f"  spines {' '.join(shown)}, aspect {axes.get_aspect()}{frame}, shared {siblings}"
    if axes.name == "polar":
        yield f"  zero at {axes.get_theta_offset():.4g}, direction {axes.get_theta_direction()}"
    kinds = (axes.lines, axes.collections, axes.patches, axes.images, axes.texts, axes.artists)
    for artist in (one for kind in kinds for one in kind):
        yield f"  {_artist(artist)}"
    if legend := axes.get_legend():
        yield from (f"  {line}" for line in _of_legend(legend))


def _ticks(axis: Any, low: float, high: float) -> str:
    """Where there are marks, what is written there, and whether lines of a grid go through."""
    low, high = sorted((low, high))
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    words = [_flat(label.get_text()) for label in axis.get_majorticklabels()]
    size = axis.get_majorticklabels()[0].get_fontsize() if words else 0
    minor = len([place for place in axis.get_minorticklocs() if low <= place <= high])
    known = _plain_ticks()[axis.axis_name] if axis.axis_name in "xy" else {}
    kind = axis.get_tick_params(which="major")
    other = [f", {key} {_word(kind[key])}" for key in sorted(kind) if kind[key] != known.get(key)]
    its = axis.get_majorticklabels()
    looks = {f"{one.get_fontweight()} {_colour(one.get_color())}" for one in its}
    more = "".join(other) + "".join(f", {look}" for look in sorted(looks - {"normal #000000"}))
    said = ": " + "".join(f"({word})" for word in words) if any(words) else ""
    of_others = f", {minor} minor" if minor else ""
    return f"{_numbers(places)}{of_others}, size {_numbers([size])}{more}{said}"


@cache
def _plain_ticks() -> dict[str, dict[str, Any]]:
    """What is said of the marks of an axis that a figure leaves as they are."""
    with matplotlib.rc_context(LOOK):
        axes = Figure().subplots()
    return {
        name: axis.get_tick_params()
        for name, axis in zip("xy", (axes.xaxis, axes.yaxis), strict=True)
    }


def _of_legend(legend: Legend) -> Iterator[str]:
    yield f"legend {_flat(legend.get_title().get_text())}".rstrip()
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        yield f"  {_flat(text.get_text())}: {_artist(handle, of_legend=True)}"


def _artist(artist: Artist | None, of_legend: bool = False) -> str:
    """One thing that is drawn, with what makes it look as it does."""
    if artist is None:
        return "nothing"
    if isinstance(artist, Line2D):
        x, y = (np.asarray(one) for one in artist.get_data(orig=True))
        points = "" if of_legend else f" x {_numbers(x)}, y {_numbers(y)},"
        said = f"line{points} {_colour(artist.get_color())}{_dashes(artist)}{_marker(artist)}"
    elif isinstance(artist, Text):
        said = _text(artist)
    elif isinstance(artist, AxesImage):
        said = _image(artist)
    elif isinstance(artist, Collection):
        corners = [path.vertices for path in artist.get_paths()]
        points = np.concatenate(corners) if corners else np.zeros((0, 2))
        values = artist.get_array()
        said = (
            f"{type(artist).__name__} of {len(corners)}, x {_numbers(points[:, 0])}, y "
            f"{_numbers(points[:, 1])}, at {_numbers(np.ravel(artist.get_offsets()))}, "
            f"{_numbers(artist.get_linewidth())}, {_numbers(np.ravel(artist.get_facecolor()))}, "
            f"{_numbers(np.ravel(artist.get_edgecolor()))}"
        )
        if values is not None:
            said += f", values {_numbers(np.ravel(values))} in {_map(artist)}"
    elif isinstance(artist, Patch):
        corners = artist.get_patch_transform().transform_path(artist.get_path()).vertices
        points = "" if of_legend else f" x {_numbers(corners[:, 0])}, y {_numbers(corners[:, 1])},"
        said = (
            f"{type(artist).__name__}{points} {_colour(artist.get_facecolor())}, edge "
            f"{_colour(artist.get_edgecolor())} {_numbers([artist.get_linewidth()])} "
            f"{artist.get_linestyle()} {artist.get_hatch()}, filled {artist.get_fill()}"
        )
    else:
        said = type(artist).__name__
    if artist.get_alpha() is not None:
        said += f", alpha {_numbers(artist.get_alpha())}"
    if artist.get_zorder() != ORDERS.get(type(artist)) and not of_legend:
        said += f", order {artist.get_zorder():g}"
    whole = "" if artist.get_clip_on() or of_legend else ", not clipped"
    hidden = "" if artist.get_visible() else ", hidden"
    return f"{said}{whole}{hidden}{_frame(artist)}"


def _dashes(line: Line2D) -> str:
    """How a line is drawn; nothing where only its markers are."""
    if line.get_linestyle() == "None":
        return ""
    offset, pattern = line._dash_pattern
    dashes = "" if pattern is None else f" dashed {_numbers([offset, *pattern])}"
    return f", {_numbers([line.get_linewidth()])} wide{dashes}"


def _marker(line: Line2D) -> str:
    if str(line.get_marker()) in ("None", "", "none"):
        return ""
    its = (line.get_markerfacecolor(), line.get_markeredgecolor())
    filled = [_colour(one) for one in its if _colour(one) != _colour(line.get_color())]
    sizes = _numbers([line.get_markersize(), line.get_markeredgewidth()])
    return " ".join([", marker", str(line.get_marker()), sizes, *filled])


def _frame(artist: Artist) -> str:
    """In what an artist's places are counted: in data, unless it is said."""
    if artist.axes is None or isinstance(artist, Annotation):
        return ""
    transform, frames = artist.get_transform(), (artist.axes.transAxes, artist.axes.transData)
    if isinstance(artist, (Line2D, Text)) and transform == frames[0]:
        return ", in shares of the panel"
    by_axis = [transform.contains_branch(one) for one in frames]
    return "" if by_axis != [True, False] else ", along the panel"


def _text(text: Text) -> str:
    place = text.xy if isinstance(text, Annotation) else text.get_position()
    said = f"text {_numbers(place)}"
    if isinstance(text, Annotation):
        said += f" and {_numbers(text.xyann)} in {text.xycoords} and {text.anncoords}"
    how = (text.get_ha(), text.get_va(), text.get_fontweight(), f"{text.get_rotation():g}")
    size = _numbers([text.get_fontsize()])
    return f"{said}, {size} {' '.join(map(str, how))} {_colour(text.get_color())}: " + _flat(
        text.get_text()
    )


def _image(image: AxesImage) -> str:
    array = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
    across = array.swapaxes(0, 1)
    return (
        f"image {array.shape} {_numbers(array.ravel())}, across {_numbers(across.ravel())}, from "
        f"{_numbers(image.get_extent())} {image.origin} {image.get_interpolation()} {_map(image)}"
    )


def _map(shown: Any) -> str:
    bad = colors.to_hex(shown.cmap.get_bad(), keep_alpha=True)
    ends = shown.get_clim()
    return f"{shown.cmap.name} {type(shown.norm).__name__} {_numbers(ends)} {bad}"


def _of_data(data: pandas.DataFrame) -> Iterator[str]:
    yield f"numbers in {len(data)} rows"
    for column in data:
        its = data[column]
        if pandas.api.types.is_bool_dtype(its) or not pandas.api.types.is_numeric_dtype(its):
            words = ["" if pandas.isna(one) else str(one) for one in its]
            order = list(dict.fromkeys(words))
            places = np.array([order.index(word) for word in words], dtype=float)
            yield f"  {column}: {_words([_word(word) for word in order])} {_numbers(places)}"
        else:
            kind = "" if its.dtype.kind == "f" else f" {its.dtype}"
            yield f"  {column}{kind}: {_numbers(its.to_numpy(float, na_value=np.nan))}"


def _words(words: Sequence[str]) -> str:
    shown = "; ".join(_flat(word) for word in words[: 2 * FEW])
    return shown if len(words) <= 2 * FEW else f"{shown} and {len(words) - 2 * FEW} others"


def _word(value: object) -> str:
    """A setting of any kind; a number as numbers are written."""
    try:
        return _numbers([float(value)])  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)


def _numbers(values: Any) -> str:
    """All of few numbers; of many what tells them from others."""
    flat = np.atleast_1d(np.asarray(values, dtype=float)).ravel()
    largest = np.abs(flat[np.isfinite(flat)]).max(initial=0)
    if len(flat) <= FEW:
        return " ".join(_number(one, largest) for one in flat)
    known = np.isfinite(flat)
    weights = (1 + np.arange(len(flat))) % 97 / 48
    its = np.where(known, flat, 0)
    ends = [flat[0], flat[-1], its.min(), its.max(), its.mean(), (its * weights).mean()]
    lacking = "" if known.all() else f" without {len(flat) - known.sum()}"
    return f"{len(flat)}{lacking}: " + " ".join(_number(one, largest) for one in ends)


def _number(value: float, largest: float) -> str:
    """Six digits; a rounding error is 0."""
    return f"{0 if abs(value) < 1e-9 * largest else value:.6g}"


def _colour(colour: Any) -> str:
    return (
        "none"
        if isinstance(colour, str) and colour == "none"
        else colors.to_hex(colour, True).removesuffix("ff")
    )


def _flat(words: str) -> str:
    return words.replace("\n", " ")
