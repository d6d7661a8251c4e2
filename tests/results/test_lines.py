"""Lines of words, in which mathematics stays whole."""

from textwrap import wrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text

from isotrope.results.lines import in_lines


@given(st.text("ab -,", max_size=80), st.integers(5, 40))
def test_words_without_mathematics_are_wrapped_as_ever(text, letters):
    assert in_lines(text, letters) == "\n".join(wrap(text, letters))


@pytest.mark.parametrize("letters", range(3, 30))
def test_a_line_ends_in_no_mathematics(letters):
    text = r"ours-wide, $a - \frac{b}{c d}$ #1 & $x_1 + y$ at \$5 100%"
    lines = in_lines(text, letters).split("\n")
    assert " ".join(lines) == text
    for line in lines:
        assert line.replace(r"\$", "").count("$") % 2 == 0
        assert is_math_text(line) == ("$" in line.replace(r"\$", ""))
