"""What is printed: a line for each sentence, none with signs that move a cursor, none endless."""

import os
from pathlib import Path

import pytest

from isotrope.console.printing import LONGEST, MOST, complain, say
from isotrope.errors import UserError


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("naïve 名 😀", "naïve 名 😀"),
        ("a\nb\r\t", r"a\nb\r\t"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202eabc\u2028", r"\u202eabc\u2028"),
        ("caf\udce9", r"caf\udce9"),
        ("a\0b", r"a\x00b"),
    ],
)
def test_signs_that_are_not_letters_are_spelt_out(word, shown, capsys):
    complain(f"{word}: wrong", "two")
    say(f"wrote {word.replace(chr(10), ' ')}\nend")
    assert capsys.readouterr() == (
        f"wrote {shown.replace(chr(92) + 'n', ' ')}\nend\n",
        f"{shown}: wrong\ntwo\n",
    )


def test_a_long_sentence_keeps_its_beginning_and_its_end(capsys):
    complain("--runs: no run is called '" + "a" * 10**6 + "'; choose from cnn/mnist/one")
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < LONGEST + 100
    assert line.startswith("--runs: no run is called 'aaa")
    assert "aaa ... aaa" in line
    assert line.endswith("aaa'; choose from cnn/mnist/one")


def test_of_many_sentences_the_rest_are_counted(capsys):
    complain(*(f"sentence {number}" for number in range(MOST + 1234)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MOST + 1
    assert lines[-1] == "and 1,234 more"


@pytest.mark.parametrize("more", [0, 1])
def test_none_of_as_many_sentences_as_are_shown_is_left_out(more, capsys):
    complain(*(f"sentence {number}" for number in range(MOST + more)))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:MOST] == [f"sentence {number}" for number in range(MOST)]
    assert lines[MOST:] == ["and 1 more"] * more


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_a_full_disk_does_not_take_is_forgotten(monkeypatch, stream):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(f"sys.{stream}", full)
        if stream == "stderr":
            complain("one")
        else:
            with pytest.raises(UserError) as error:
                say("one")
            assert error.value.sentences == (
                "this output could not be written: no space left on device; free space, then start "
                "again: what was saved before is kept",
            )
        full.flush()  # as at the end of a program


def test_a_program_whose_reader_is_gone_ends_with_the_status_that_shells_know(monkeypatch):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        with pytest.raises(SystemExit) as ended:
            say("one")
    assert ended.value.code == 141
