"""Names in legends: one line of text, in which mathematics stands between dollar signs.

What stands there is drawn by matplotlib, which alone knows whether it can. It is imported for
labels with a dollar sign, and for no others.
"""

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

LONGEST = 100  # letters
_SIGN = r"\$"  # a dollar that begins no mathematics


@cache
def why_not_drawn(text: str) -> str | None:
    """Why matplotlib cannot draw a text, if so."""
    if "$" not in text:
        return None
    if text.replace(_SIGN, "").count("$") % 2:
        return f"a '$' without a second one; write {_SIGN} for a dollar"
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(text, 72)
    except (ValueError, RecursionError) as error:
        said = str(error).strip().rpartition("\n")[2].partition("(at ")[0].strip(" ,")
        said = said.partition(": ")[2] or said  # without the name of a class
        return f"no mathematics that matplotlib draws between '$' and '$': {said}"
    return None


def drawable(text: str) -> str:
    """The text, in which dollars stand for themselves where matplotlib cannot draw it."""
    return text if why_not_drawn(text) is None else text.replace(_SIGN, "$").replace("$", _SIGN)


def _named(label: str) -> str:
    if not label.strip():
        raise ValueError("a label of blanks only")
    if (reason := why_not_drawn(label)) is not None:
        raise ValueError(reason)
    return label


Label = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), AfterValidator(_named)]
