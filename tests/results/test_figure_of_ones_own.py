"""A figure of the user's own that fails is said in one sentence, with its line."""

from pathlib import Path

import pytest

from isotrope.errors import UserError
from isotrope.results.drawing import draw_figure

FIGURE = '''\
"""A figure."""

TITLE = "Mine"
TABLES = ()


def draw(tables):
    wanted = {"a": 1}
    return wanted["r"]
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Draws a figure of the user's with some lines changed."""
    monkeypatch.chdir(tmp_path)

    def draw(*changed):
        text = FIGURE
        for old, new in changed:
            assert old in text
            text = text.replace(old, new)
        path = Path("plugins/figures/scale/of_mine.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return draw_figure("scale", "of_mine", tmp_path, None, tmp_path / "drawn/of_mine")

    return draw


def test_a_mistake_of_the_users_is_named_with_its_line(mine):
    with pytest.raises(UserError) as error:
        mine()
    assert list(error.value.sentences) == [
        "plugins/figures/scale/of_mine.py:9: cannot be drawn: KeyError: 'r'"
    ]


def test_what_the_user_is_told_by_the_figure_is_said_as_it_is(mine):
    raising = ('return wanted["r"]', 'raise UserError("no such thing")')
    with pytest.raises(UserError) as error:
        mine(raising, ("TITLE =", "from isotrope.errors import UserError\n\nTITLE ="))
    assert list(error.value.sentences) == ["no such thing"]
