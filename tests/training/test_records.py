"""What a seed's record makes of its epochs: when it ends, and when a plateau lowers its rate."""

import math

import pytest
from toy_runs import toy_training

from isotrope.training.records import EpochRow, SeedRecord


def record(accuracies: list[float], keep: str | None = None, **schedule: object) -> SeedRecord:
    optimizer = {"name": "adam", "learning_rate": 0.1, "schedule": schedule or None}
    made = SeedRecord(3, toy_training(epochs=10, optimizer=optimizer, keep=keep))
    for epoch, accuracy in enumerate(accuracies, 1):
        made.close(EpochRow(3, epoch, 1.0, 0.5, 1.0, accuracy, 0.1))
    return made


@pytest.mark.parametrize("keep", [None, "best", "last"])
def test_a_plateau_lowers_the_rate_after_its_patience_and_waits_anew(keep):
    accuracies = [0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6]
    made = [
        record(accuracies[:epochs], keep, name="plateau", patience=2, factor=0.1)
        for epochs in range(9)
    ]
    rates = [one.rates(7 * epochs, 7)[0] for epochs, one in enumerate(made)]

    # best in epochs 1 and 4; lowered after 3, 6 and 8
    lowered = [0, 0, 0, 1, 1, 1, 2, 2, 3]
    assert rates == pytest.approx([0.1 * 0.1**times for times in lowered])


def test_a_record_put_back_goes_on_as_it_was():
    made = record([0.5, 0.4, 0.3], name="plateau", patience=2)
    again = record([], name="plateau", patience=2)
    again.restore(made.state())

    assert again == made
    for one in (made, again):
        one.close(EpochRow(3, 4, 1.0, 0.5, math.nan, 0.9, 0.1))
    assert again == made
    assert again.diverged
    assert again.finished


def test_a_seed_at_chance_level_has_collapsed_and_of_masks_nothing_tells_that():
    at_chance = record([0.25, 0.3])
    assert at_chance.summary(classes=4)["status"] == "collapsed"
    assert record([0.25, 0.4]).summary(classes=4)["status"] == "done"
    at_chance.score = "mean_iou"
    assert at_chance.summary(classes=4)["status"] == "done"
