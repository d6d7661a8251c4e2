"""Signs of life: none of what ends soon, a line now and then of what does not."""

import itertools
import sys
import threading
from types import SimpleNamespace

import pytest

from isotrope.console import waiting


def test_what_takes_long_says_how_far_it_is_and_what_ends_soon_says_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(waiting, "FIRST", 0.01)
    monkeypatch.setattr(waiting, "EACH", 0.01)
    seen, twice = itertools.count(1), threading.Event()

    def words():
        if (number := next(seen)) > 2:
            twice.set()
        return f"{number} of 9 so far"

    before = threading.active_count()
    with waiting.signs_of_life(words):
        assert twice.wait(20)
    assert threading.active_count() == before
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["1 of 9 so far", "2 of 9 so far"]

    monkeypatch.setattr(waiting, "FIRST", 20)
    with waiting.signs_of_life(words):
        pass
    with pytest.raises(KeyError), waiting.signs_of_life(words):
        raise KeyError
    assert capsys.readouterr().err == ""


def test_what_nobody_waits_for_at_a_terminal_says_nothing(monkeypatch, capsys):
    threads = []
    monkeypatch.setattr(threading.Thread, "start", threads.append)
    with waiting.signs_of_life(lambda: "1 of 9 so far"):
        pass
    assert threads == []
    assert capsys.readouterr().err == ""


def test_whoever_is_heard_at_a_terminal_through_another_process_says_how_far_it_is(
    monkeypatch, capsys
):
    monkeypatch.setattr(waiting, "FIRST", 0.0)
    asked = threading.Event()

    def words():
        asked.set()
        return "1 of 9 so far"

    with waiting.signs_of_life(words, relayed=True):
        assert asked.wait(60)
    assert "1 of 9 so far\n" in capsys.readouterr().err


def test_the_first_sign_comes_after_two_seconds_and_another_each_five(monkeypatch, capsys):
    waited = []

    class Over:
        def wait(self, seconds):
            waited.append(seconds)
            return len(waited) > 3

        def set(self):
            pass

    fake = SimpleNamespace(Event=Over, Thread=threading.Thread)
    monkeypatch.setattr(waiting, "threading", fake)
    with waiting.signs_of_life(lambda: "so far", relayed=True):
        pass
    assert waited == [2.0, 5.0, 5.0, 5.0]
    assert capsys.readouterr().err == "so far\n" * 3
