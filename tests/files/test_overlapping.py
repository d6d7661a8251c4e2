"""Questions to a disk, several at a time."""

import threading

import pytest

from isotrope.files.overlapping import CHUNK, THREADS, overlapped


@pytest.mark.parametrize("count", [0, 1, THREADS - 1, THREADS + 1, 3 * THREADS * CHUNK + 5])
def test_results_stand_in_the_order_of_the_items(count):
    assert overlapped(lambda item: 2 * item, range(count)) == [2 * item for item in range(count)]


def test_as_many_items_are_under_way_as_there_are_threads():
    together = threading.Barrier(THREADS)  # passes when all wait at once; else each would time out
    assert overlapped(lambda item: together.wait(30) >= 0, range(THREADS)) == [True] * THREADS


def test_the_first_error_ends_it_and_what_was_not_begun_stays_undone():
    done = []

    def work(item):
        if item == 0:
            raise OSError("gone")
        done.append(item)

    with pytest.raises(OSError, match="gone"):
        overlapped(work, range(1000 * CHUNK))
    assert len(done) < 1000 * CHUNK - 1
