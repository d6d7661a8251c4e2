"""Words in figures, in lines of so many letters; mathematics between dollar signs stays in one."""

import re
from textwrap import wrap

_MATHEMATICS = re.compile(r"(?<!\\)\$.*?(?<!\\)\$")
_BLANK = "\0"  # a blank at which no line ends


def in_lines(text: str, letters: int) -> str:
    """The text with ends of lines, each at a blank.

    A word that is longer is divided, unless the text has a dollar sign.

    Args:
        text: in one line.
        letters: of a line, at most; mathematics may be longer.
    """
    kept = _MATHEMATICS.sub(lambda found: found[0].replace(" ", _BLANK), text)
    plain = "$" not in text
    lines = wrap(kept, letters, break_long_words=plain, break_on_hyphens=plain)
    return "\n".join(lines).replace(_BLANK, " ")
