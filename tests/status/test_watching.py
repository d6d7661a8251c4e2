"""Looking again and again, on a terminal that only exists in memory."""

import io
import re
import sys
import time

import pytest
from made_up_index import DEMO, OWN, made_up_index
from rich.console import Console
from typer.testing import CliRunner

from isotrope import cli, paths
from isotrope.commands import status
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.plan.selection import Selection
from isotrope.status.repeated import RepeatedReading
from isotrope.status.rows import Row, rows_of, sums
from isotrope.status.watching import watch


class Terminal:
    """A terminal of a width and height, and what it was sent between two waits."""

    def __init__(self, width=80, height=12):
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, force_terminal=True, width=width, height=height, color_system=None
        )
        self.frames = []

    def watch(self, look, *between, seconds=5.0):
        """Watch; do one thing after the other between two looks, and press Ctrl-C at the end."""
        things = iter(between)

        def wait(given):
            assert given == seconds
            self.frames.append(self.shown())
            try:
                next(things)()
            except StopIteration:
                raise KeyboardInterrupt from None

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "sleep", wait)
            watch(look, self.console, seconds)
        return self.frames

    def shown(self):
        """The lines that were sent since the last call."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.file.getvalue())
        self.file.seek(0)
        self.file.truncate()
        return [line for line in re.split(r"[\r\n]+", text) if line]


def looks_at(looks):
    def look():
        found = looks.read()
        return rows_of(found), "\n".join([*looks.notes, sums(found)])

    return look


@pytest.fixture
def known(folder, monkeypatch):
    """An index that a test may change, as if param-files changed."""
    now = {"index": made_up_index(), "stamps": {"a": [1, 1]}}
    monkeypatch.setattr(index_file, "current", lambda stamps, **_: now["index"])
    monkeypatch.setattr(index_file, "stamps", lambda: now["stamps"])
    return now


def test_each_look_shows_what_has_become_and_ctrl_c_ends_without_a_word(known, pack):
    look = looks_at(RepeatedReading(Selection.from_config({"runs": DEMO})))
    frames = Terminal().watch(look, pack.beat, pack.make, pack.heartbeat.unlink)
    assert [frame[0].split()[0] for frame in frames] == ["queued", "running", "running", "done"]
    assert frames[1][-2] == "packs: 1 running; 0 of 3 seeds are trained"
    assert re.fullmatch(r"\d\d:\d\d:\d\d, every 5 s; Ctrl-C ends", frames[1][-1])


def test_a_param_file_that_appears_is_shown_at_the_next_look(known):
    before = known["index"]
    known["index"] = Index({DEMO: before.runs[DEMO]}, before.datasets)

    def appears():
        known.update(index=before, stamps={"a": [2, 2]})

    frames = Terminal().watch(looks_at(RepeatedReading(None)), appears)
    assert [sum(OWN in line for line in frame) for frame in frames] == [0, 1]


def test_an_index_that_did_not_change_is_not_read_again(known, monkeypatch):
    read = []
    monkeypatch.setattr(
        index_file, "current", lambda stamps, **_: read.append(stamps) or known["index"]
    )
    looks = RepeatedReading(None)
    for stamps in ({"a": [1, 1]}, {"a": [1, 1]}, {"a": [2, 2]}):
        known["stamps"] = stamps
        looks.read()
    assert read == [{"a": [1, 1]}, {"a": [2, 2]}]


def test_a_param_file_with_a_mistake_is_named_once_checked_and_hides_nothing(known, monkeypatch):
    checked = []

    def breaks():
        def current(stamps, **_):
            checked.append(stamps)
            raise UserError("param-files/a.yaml:3:1: seed: unknown key")

        monkeypatch.setattr(index_file, "current", current)
        known["stamps"] = {"a": [2, 2]}

    def mended():
        monkeypatch.setattr(index_file, "current", lambda stamps, **_: known["index"])
        known["stamps"] = {"a": [3, 3]}

    def nothing():
        pass

    frames = Terminal().watch(looks_at(RepeatedReading(None)), breaks, nothing, mended)
    named = [any("a.yaml:3:1" in line for line in frame) for frame in frames]
    assert named == [False, True, True, False]
    assert all(any(OWN in line for line in frame) for frame in frames)
    assert len(checked) == 1


def test_a_run_that_is_gone_leaves_the_rows_and_says_so(known):
    def gone():
        known.update(index=Index({}, {}), stamps={})

    frames = Terminal().watch(
        looks_at(RepeatedReading(Selection.from_config({"runs": DEMO}, "--"))), gone
    )
    assert f"--runs: no param-file is called '{DEMO}'" in frames[1][-2]
    assert DEMO in frames[1][0]


def test_a_first_look_at_nothing_ends_with_its_sentence(known):
    look = looks_at(RepeatedReading(Selection.from_config({"runs": "x/y/z"}, "--")))
    with pytest.raises(UserError, match="no param-file is called 'x/y/z'"):
        Terminal().watch(look)


@pytest.mark.parametrize(("height", "rows"), [(4, 0), (12, 8), (13, 9), (14, 11)])
def test_a_frame_is_no_higher_than_the_terminal_and_counts_what_is_left_out(height, rows):
    made_up = [Row("queued", f"a/b/run{i}", "base", "", 0, 1, "") for i in range(11)]
    (frame,) = Terminal(height=height).watch(lambda: (made_up, "sums"))
    assert len(frame) <= height - 1
    shown = [line for line in frame if "a/b/run" in line]
    assert len(shown) == rows
    left = [line for line in frame if line.startswith("... and")]
    assert left == ([f"... and {11 - rows} more rows"] if rows < 11 else [])


def test_many_mistakes_leave_room_for_rows():
    made_up = [Row("queued", f"a/b/run{i}", "base", "", 0, 1, "") for i in range(11)]
    below = "\n".join(f"a.yaml:{i}:1: wrong" for i in range(50))
    (frame,) = Terminal(height=20).watch(lambda: (made_up, below))
    assert len(frame) == 19
    assert sum("a/b/run" in line for line in frame) == 8
    assert frame[-2:-1] == ["a.yaml:49:1: wrong"]


def test_long_sums_are_wrapped():
    sums = "packs: 1,000 failed, 1,000 interrupted, 1,000 stale; 7 of 9 seeds are trained"
    (frame,) = Terminal(width=40, height=8).watch(lambda: ([], sums))
    assert " ".join(frame[:-1]) == sums
    assert len(frame) == 3


def test_the_command_watches_on_a_terminal_until_ctrl_c(known, pack, monkeypatch):
    terminal = Terminal(width=100, height=20)
    monkeypatch.setattr(status, "Console", lambda: terminal.console)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    for words, seconds in ((["2.5"], 2.5), ([], 5.0)):
        monkeypatch.setattr(sys, "argv", ["isotrope", "status", "--watch", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        assert waited.pop() == seconds
        assert any(DEMO in line for line in terminal.shown())


def test_looks_half_a_second_apart_are_the_closest(folder):
    done = CliRunner().invoke(cli.app, ["status", "--watch", "0.1"])
    assert done.exit_code == 2
    assert not (paths.OUT / "index.json").exists()
