"""What holds for the layout of every figure."""

import itertools

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from isotrope.results.style import DOUBLE, SINGLE


def beyond_the_axes(figure: Figure) -> set[Text]:
    """The labels of ticks that are kept for other limits; they are not drawn."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    return {
        label
        for axis in axes
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    }


def check_layout(figure: Figure) -> None:
    """No words overlap or leave the page, which is as wide as a column or two, and not too high."""
    assert figure.get_figwidth() in (SINGLE, DOUBLE)
    assert figure.get_figheight() < 11, "a page of a journal"
    unseen = beyond_the_axes(figure)
    words = [
        (text.get_text(), text.get_window_extent())
        for text in set(figure.findobj(Text)) - unseen
        if text.get_visible() and text.get_text().strip() and text.get_figure() is figure
    ]
    page = figure.bbox.padded(1)
    for text, box in words:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, box), (other, its) in itertools.combinations(words, 2):
        common = Bbox.intersection(box, its)
        # two points of height are the room for accents and descenders, which line boxes share
        limit = 2 * figure.dpi / 72
        assert common is None or common.width < 1 or common.height < limit, (one, other)
