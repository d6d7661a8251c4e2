"""Hostile words in every command: it works, or ends with status 2 and a sentence for people."""

import pytest
import typer
from finished_project import call, restore, sound
from hostile_words import call_of

from isotrope import cli

CASES = 240
AT_ONCE = 40  # cases of a test


@pytest.mark.parametrize("first", range(0, CASES, AT_ONCE))
def test_a_call_works_or_says_a_sentence_and_writes_in_the_project_alone(project, first):
    copy, folder = project
    for number in range(first, first + AT_ONCE):
        words = call_of(number)
        outcome = call(*words)
        sound(outcome)
        assert list(copy.parent.iterdir()) == [copy], outcome
        assert not list(copy.rglob("pwned")), outcome
        if outcome.status == 0:
            restore(copy, folder)


def test_every_command_is_called():
    called = {call_of(number)[0] for number in range(2000)}
    assert set(typer.main.get_command(cli.app).commands) <= called
