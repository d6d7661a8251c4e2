"""What a seed's record makes of its epochs: when it ends, and its learning rate."""

import math

import pytest
from pydantic import ValidationError
from toy_runs import toy_training

from isotrope.training.records import EpochRow, SeedRecord


def record(accuracies: list[float], **schedule: object) -> SeedRecord:
    optimizer = {"name": "adam", "learning_rate": 0.1, "schedule": schedule or None}
    made = SeedRecord(3, toy_training(epochs=10, optimizer=optimizer))
    for epoch, accuracy in enumerate(accuracies, 1):
        made.close(EpochRow(3, epoch, 1.0, 0.5, 1.0, accuracy, 0.1))
    return made


def test_without_a_schedule_the_rate_stays():
    made = record([0.1, 0.2, 0.2])

    assert {made.rate(progress) for progress in (0.0, 2.5, 9.9)} == {0.1}


def test_steps_lower_the_rate_after_every_so_many_epochs():
    made = record([], name="step", every=3, factor=0.5)

    rates = [made.rate(progress) for progress in (0.0, 2.9, 3.0, 5.99, 6.0, 9.0)]
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.0125])


def test_a_cosine_goes_from_the_whole_rate_to_its_last_step_by_step():
    made = record([], name="cosine", final=0.2)

    assert made.rate(0.0) == pytest.approx(0.1)
    assert made.rate(5.0) == pytest.approx(0.06)
    assert made.rate(10.0) == pytest.approx(0.02)
    rates = [made.rate(step / 7) for step in range(70)]
    assert rates == sorted(rates, reverse=True)


def test_a_plateau_lowers_the_rate_after_its_patience_and_waits_anew():
    accuracies = [0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6]
    rates = [
        record(accuracies[:epochs], name="plateau", patience=2, factor=0.1).rate(float(epochs))
        for epochs in range(9)
    ]

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


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"name": "step"}, "the schedule step needs 'every'"),
        ({"name": "plateau", "every": 2}, "the schedule plateau needs 'patience'"),
        ({"name": "cosine", "factor": 0.5}, "the schedule cosine takes no 'factor'"),
        ({"name": "step", "every": 2, "patience": 1}, "the schedule step takes no 'patience'"),
    ],
)
def test_a_schedule_that_lacks_or_has_too_much_is_refused(schedule, message):
    with pytest.raises(ValidationError, match=message):
        record([], **schedule)
