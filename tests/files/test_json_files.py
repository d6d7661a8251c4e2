"""JSON is read with every check, and says itself whether it was altered."""

import pytest

from isotrope.files import json_files


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1e400}', "1e400"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_no_finite_number_or_too_deep_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        json_files.parse(text)


def test_numbers_and_objects_are_read_as_they_are():
    assert json_files.parse_object('{"a": [1, 2.5, -3e2, null, true]}') == {
        "a": [1, 2.5, -300.0, None, True]
    }
    with pytest.raises(ValueError, match="holds list, not an object"):
        json_files.parse_object("[1]")


def test_a_sealed_object_says_whether_it_was_altered():
    sealed = json_files.sealed({"a": 1, "b": [2, 3], "checksum": "of before"})
    assert json_files.is_sealed(sealed)
    assert not json_files.is_sealed({"a": 1})
    for altered in ({**sealed, "a": 2}, {**sealed, "c": 0}, {**sealed, "checksum": None}):
        with pytest.raises(ValueError, match="is not what its checksum stands for"):
            json_files.is_sealed(altered)
