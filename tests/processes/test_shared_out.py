"""Items are answered in copies of the process, and what a copy leaves is known."""

import os
import signal
import sys
import threading
import time
from multiprocessing import active_children

import pytest
import torch

from isotrope.processes import shared_out
from isotrope.processes.shared_out import copies_for, share_out, shares

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux")


@pytest.fixture
def heard():
    """What was heard of items, and a function that hears it."""
    found = {}
    yield found, found.__setitem__
    assert not active_children()


def test_each_item_is_answered_in_the_process_of_its_share(heard):
    found, hear = heard
    known = {"a": 1, "b": 2, "c": 3}
    rests = share_out([["a", "b"], ["c"]], lambda one: (known[one], os.getpid()), os.getpid, hear)
    assert {item: value for item, (value, _) in found.items()} == known
    processes = {item: process for item, (_, process) in found.items()}
    assert processes["a"] == processes["b"] != processes["c"]
    assert sorted(rests) == sorted({*processes.values()})
    assert os.getpid() not in rests


def test_an_answer_is_heard_while_the_copy_goes_on(heard, tmp_path):
    found, hear = heard
    seen = tmp_path / "seen"

    def answer(item):
        while item == "second" and not seen.exists():
            time.sleep(0.01)
        return item

    def hear_it(item, said):
        hear(item, said)
        seen.touch()

    share_out([["first", "second"]], answer, str, hear_it)
    assert [*found] == ["first", "second"]


def test_a_copy_with_a_thread_that_does_not_end_is_not_waited_for(heard):
    found, hear = heard

    def answer(item):
        threading.Thread(target=time.sleep, args=(60,)).start()
        return item if item != "c" else sys.exit("an end")

    began = time.monotonic()
    assert share_out([["a"], ["b"], ["c"]], answer, lambda: "rest", hear) == ["rest", "rest"]
    assert time.monotonic() - began < 30
    assert sorted(found) == ["a", "b"]


@pytest.mark.parametrize(
    "end",
    [
        lambda: os._exit(0),
        lambda: os.kill(os.getpid(), signal.SIGKILL),
        lambda: sys.exit("an end"),
        lambda: 1 / 0,
        lambda: lambda: "no answer that can be pickled",
    ],
    ids=["exits", "is killed", "leaves", "fails", "cannot say it"],
)
def test_what_a_copy_that_ends_early_leaves_is_never_heard_of(heard, capfd, end):
    found, hear = heard
    rests = share_out(
        [[1, 2, 3], [4]], lambda item: end() if item == 2 else item, lambda: "its end", hear
    )
    assert found == {1: 1, 4: 4}
    assert rests == ["its end"]
    assert capfd.readouterr() == ("", "")


def test_no_copy_outlives_a_mistake_here(heard):
    def refuse(item, said):
        raise RuntimeError(item)

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="soon"):
        share_out([["soon"], ["never"]], lambda one: time.sleep(60 * (one == "never")), str, refuse)
    assert time.monotonic() - began < 30
    assert not active_children()


def test_a_copy_uses_one_thread(heard):
    found, hear = heard
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        share_out([["threads"]], lambda item: torch.get_num_threads(), str, hear)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert found == {"threads": 1}


def test_shares_are_of_one_size_and_keep_groups_together():
    groups = [["a"], ["b1", "b2", "b3"], ["c1", "c2"], ["d"]]
    assert shares(groups, 2) == [["b1", "b2", "b3", "d"], ["c1", "c2", "a"]]
    assert shares(groups[:1], 2) == [["a"], []]


@pytest.mark.parametrize(
    ("processors", "items", "copies"),
    [(4, 100, 4), (4, 39, 3), (4, 20, 2), (4, 19, 0), (1, 100, 0), (64, 1000, 8)],
)
def test_copies_are_made_where_they_are_worth_it(monkeypatch, processors, items, copies):
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: set(range(processors)))
    assert copies_for(items, each=10) == copies


def test_no_copies_are_made_on_other_systems(monkeypatch):
    monkeypatch.setattr(shared_out.sys, "platform", "darwin")
    assert copies_for(1000, each=1) == 0
