"""The time that counts as training is that between the stopwatch's calls, and no other."""

import pytest
import torch

from isotrope.training import stopwatch
from isotrope.training.stopwatch import Stopwatch


@pytest.fixture
def at(monkeypatch):
    """Sets the clock, which the device's work ends at."""
    now = [0.0]
    ended = []
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now[0] + 0.5 * len(ended))
    monkeypatch.setattr(stopwatch.devices, "synchronize", ended.append)

    def moment(seconds):
        now[0] = seconds

    moment.ended = ended
    return moment


def test_only_the_time_in_which_it_runs_counts_once(at):
    device = torch.device("cpu")
    watch = Stopwatch(device)
    watch.read()
    watch.skip()
    assert (watch.seconds, at.ended) == (0.0, [])
    at(10)
    watch.start()
    at(13)
    watch.read()
    assert (watch.seconds, at.ended) == (3.5, [device]), "until the device has ended its work"
    at(14)
    watch.read()
    assert watch.seconds == 3.5 + 1.5
    at(20)
    watch.skip()
    at(21)
    watch.stop()
    assert (watch.seconds, at.ended) == (3.5 + 1.5 + 1.5, [device] * 3)
    at(30)
    watch.read()
    watch.skip()
    watch.stop()
    assert watch.seconds == 6.5
    watch.start()
    at(31)
    watch.read()
    assert watch.seconds == 6.5 + 1.5
