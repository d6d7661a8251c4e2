import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.params.param_file import located
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"key: {2**63 - 1}", 2**63 - 1),
        (f"key: -{2**63 - 1}", 1 - 2**63),
        (f"key: {'x' * 1000}", "x" * 1000),
        ('key: "\\xa0\\u200d"', "\xa0\u200d"),
        (f"key: {'[' * 29}{']' * 29}", None),
        (f"key: [{'1,' * 19_000}]", None),
    ],
)
def test_what_is_just_small_enough_is_read(text, value):
    marked = parse(text)
    assert marked.mistakes == ()
    assert value is None or marked.value == {"key": value}


def test_aliases_count_as_what_they_stand_for():
    doubling = [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 31)]
    (mistake,) = parse("".join(["a0: &a0 [x]\n", *doubling])).mistakes
    assert mistake.what.startswith("more than 20000 values")
    longer = [f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 2_000)]
    (mistake,) = parse("".join(["a0: &a0 [x]\n", *longer])).mistakes
    assert mistake.what.startswith("nested more than 30 deep")


def test_of_a_value_that_cannot_be_read_the_place_is_known():
    marked = parse('a: {b: [1, "\\0"]}\nc: 1\n')
    assert marked.unread == {("a", "b", 1)}
    assert marked.value == {"a": {"b": [1, None]}, "c": 1}


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
    ("text", "line", "opened"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "[ at 2:4"),
        ("a: {b: {c: 1}\nd: 2\n", 2, "{ at 1:4"),
        ("a: 1\nb: {c: 1,\n\n", 4, "{ at 2:4"),
        ("a: 'x\nb: 2\nc: 3\n", 4, "' at 1:4"),
        ('a:\n- "x\nb: 2\n', 4, '" at 2:3'),
        ("a: 1\nb: ]\n", 2, ""),
        ("a: [1, }\n", 1, ""),
    ],
)
def test_of_what_is_not_closed_the_place_is_named_where_it_was_opened(text, line, opened):
    (mistake,) = parse(text).mistakes
    assert mistake.line == line
    end = f"; the {opened} is not closed"
    assert mistake.what.endswith(end) if opened else "closed" not in mistake.what


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
        ("a: [1, 2\n", 2, 1, "not valid YAML: expected ',' or ']'"),
        ("a: \x07\n", 1, 4, "character 7 is not allowed in YAML"),
        ("a: &x [*x]\n", 1, 4, "an alias that contains itself"),
        ("a: !!python/object:os.system ls\n", 1, 4, "the tag !!python/object:os.system; a param"),
        ("a: !!python/tuple [1]\n", 1, 4, "the tag !!python/tuple"),
        ("a: !!set {b}\n", 1, 4, "the tag !!set"),
        ("a: !!bool nonsense\n", 1, 4, "the tag !!bool"),
        ("a: !!float x\n", 1, 4, "the tag !!float"),
        ("a: ! x\n", 1, 4, "the tag !"),
        ("a: !mine x\n", 1, 4, "the tag !mine"),
        ('a: "\\U00110000"\n', 1, 7, "not valid YAML: an escape that stands for no character"),
        ('a: "\\UFFFFFFFF"\n', 1, 7, "not valid YAML: an escape that stands for no character"),
        ('a: "\\uD800"\n', 1, 4, r"the sign \ud800 in a text"),
        ('a: "\\u202e"\n', 1, 4, r"the sign \u202e in a text"),
        ('a: "\\0"\n', 1, 4, r"the sign \x00 in a text"),
        ('a: "b\\nc"\n', 1, 4, "a line break in a text"),
        ("a: |\n  b\n  c\n", 1, 4, "a line break in a text"),
        ('"a\\nb": 1\n', 1, 1, r"'a\nb' is no key"),
        (f"{'k' * 201}: 1\n", 1, 1, "'kkk"),
        (f"a: {'x' * 1001}\n", 1, 4, "a text of 1001 letters; shorten it to 1000 at most"),
        (f"a: {'9' * 400}\n", 1, 4, "99999"),
        (f"a: {'9' * 5000}\n", 1, 4, "99999"),
        (f"a: 0x{'f' * 5000}\n", 1, 4, "0xfff"),
        (
            f"a: {2**63}\n",
            1,
            4,
            "9223372036854775808 is too large; numbers go up to 92233720368547",
        ),
        ("a: 1e400\n", 1, 4, "1e400 is too large for a number"),
        (f"a: {'[' * 5000}", 1, 33, "nested more than 30 deep"),
        ("".join(f"{' ' * i}a:\n" for i in range(200)), 30, 30, "nested more than 30 deep"),
        (f"a: [{'1,' * 20_000}]\n", 1, 40_001, "more than 20000 values"),
        ("? [a]\n: 1\n", 1, 3, "a key must be a word"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, line, column, what):
    (mistake,) = parse(text).mistakes

    assert mistake.what.startswith(what)
    assert (mistake.line, mistake.column) == (line, column)


def test_of_a_value_that_could_not_be_read_nothing_more_is_said_and_of_others_all():
    marked = parse('a:\n  b: [1, "\\0"]\nc: 2\nd: 3\n')
    assert marked.unread == {("a", "b", 1)}
    complaints = [(("a", "b", 1), ": odd"), (("a", "b", 1, "x"), ": odd"), (("c",), ": even")]
    complaints += [(("a", "b"), ": short"), (("c",), ": even")]
    assert located("f.yaml", marked, complaints) == [
        "f.yaml:2:3: a.b: short",
        "f.yaml:3:1: c: even",
    ]


WRONG = (
    "? [a]\n: 1\n",
    f"{'k' * 201}: 1\n",
    '"a\\nb": 1\n',
    "a: 1\na: 2\n",
    "a: !mine x\n",
    "a: &x [*x]\n",
    "a: 1e400\n",
    f"a: {'x' * 1001}\n",
)


@pytest.mark.parametrize("text", WRONG)
def test_what_stands_behind_a_mistake_is_read_and_its_mistakes_are_said_too(text):
    found = parse(f"{text}b: 2\nc: {{d: [1, 1e400, 3], e: x}}\n")

    assert len(found.mistakes) == 2
    assert found.value["b"] == 2
    assert found.value["c"] == {"d": [1, None, 3], "e": "x"}
    lines = text.count("\n")
    assert found.marks["b",] == (lines + 1, 1)
    assert found.marks["c", "d", 2] == (lines + 2, 19)
