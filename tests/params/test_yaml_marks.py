import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.params.yaml_marks import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-2", 0.01),
        ("1.0e-3", 0.001),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("-.INF", -math.inf),
        ("2022-10-01", "2022-10-01"),
        ("'1'", "1"),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(text, value):
    marked = parse(f"key: {text}\n")

    assert marked.mistakes == ()
    assert marked.value == {"key": value}
    assert type(marked.value["key"]) is type(value)


@given(st.floats(allow_nan=False))
def test_floats_as_python_writes_them_are_read_back(number):
    assert parse(f"key: {number!r}").value == {"key": number}


def test_every_key_and_item_has_its_place():
    marked = parse("a: 1\nb:\n  c: [x, y]\n  d:\n    - z\n")

    assert marked.mark(("a",)) == (1, 1)
    assert marked.mark(("b", "c")) == (3, 3)
    assert marked.mark(("b", "c", 1)) == (3, 10)
    assert marked.mark(("b", "d", 0)) == (5, 7)
    assert marked.mark(("b", "d", 0, "deeper")) == (5, 7)
    assert marked.mark(("absent",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 1, 1, "the file is empty"),
        ("# only a comment\n", 1, 1, "the file is empty"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "a: duplicate key; first given at 1:1"),
        ("a:\n  b: 1\n  b: 2\n", 3, 3, "a.b: duplicate key; first given at 2:3"),
        ("a:\n\tb: 1\n", 2, 1, "a tab; indent with spaces"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here; a param-file holds one"),
        ("- a\n- b\n", 1, 1, "the file must hold keys and values"),
        ("a: b: c\n", 1, 5, "a second ': ' on one line, or a wrong indent"),
        ("a: [1, 2\n", 2, 1, "not valid YAML"),
        ("a: \x07\n", 1, 4, "character 7 is not allowed in YAML"),
        ("a: &x [*x]\n", 1, 4, "an alias that contains itself"),
        ("a: !!python/object:os.system ls\n", 1, 4, "unknown tag"),
        ("a: !!float x\n", 1, 4, "'x' is not a float"),
        ("a: !mine x\n", 1, 4, "unknown tag !mine"),
        ("? [a]\n: 1\n", 1, 3, "a key must be a word"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, line, column, what):
    (mistake,) = parse(text).mistakes

    assert mistake.what.startswith(what)
    assert (mistake.line, mistake.column) == (line, column)
