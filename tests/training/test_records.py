"""What a seed's record makes of its epochs: when it ends, and when a plateau lowers its rate."""

import math

import pytest
from toy_runs import toy_training

from isotrope.params.training import Monitor
from isotrope.training import monitoring
from isotrope.training.monitoring import Recordings
from isotrope.training.records import EpochRow, SeedRecord


def record(
    accuracies: list[float], keep: str | None = None, images: int = 100, **schedule: object
) -> SeedRecord:
    optimizer = {"name": "adam", "learning_rate": 0.1, "schedule": schedule or None}
    made = SeedRecord(3, toy_training(epochs=10, optimizer=optimizer, keep=keep), images)
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


@pytest.mark.parametrize(
    ("images", "right", "status"),
    [
        (1000, 531, "collapsed"),  # 97.5 % of guessing networks have at most that many right
        (1000, 532, "done"),  # 53 %, far below 1.3 times chance level, and yet no chance
        (100, 60, "collapsed"),
        (100, 61, "done"),
        (20, 13, "collapsed"),  # 65 %; so few images would leave 70 % to chance
        (20, 14, "done"),
    ],
)
def test_of_two_classes_what_counts_as_chance_depends_on_the_number_of_images(
    images, right, status
):
    made = record([0.1, right / images], images=images)
    assert made.summary(classes=2)["status"] == status


def test_without_validation_images_the_last_epoch_of_training_tells():
    made = SeedRecord(3, toy_training(epochs=10), 1000, validated=False)
    for epoch, accuracy in ((1, 0.6), (2, 0.532), (3, 0.531)):
        made.close(EpochRow(3, epoch, 1.0, accuracy, None, None, 0.1))
        expected = "collapsed" if accuracy == 0.531 else "done"
        assert made.summary(classes=2)["status"] == expected


def test_a_seed_at_chance_level_has_collapsed_and_of_masks_nothing_tells_that():
    at_chance = record([0.25, 0.3])
    assert at_chance.summary(classes=4)["status"] == "collapsed"
    assert record([0.25, 0.4]).summary(classes=4)["status"] == "done"
    at_chance.score = "mean_iou"
    assert at_chance.summary(classes=4)["status"] == "done"


def test_what_is_kept_tells_whether_a_seed_has_learned_not_what_it_once_reached():
    assert record([0.9, 0.25], keep="last").summary(classes=4)["status"] == "collapsed"
    assert record([0.9, 0.25], keep="best").summary(classes=4)["status"] == "done"


def epoch_row(epoch: int, loss: float, validation: float | None, **more: object) -> EpochRow:
    return EpochRow(3, epoch, loss, 0.5, validation, 0.5, 0.1 * epoch, **more)


@pytest.mark.parametrize(("keep", "kept"), [("best", 1), ("last", 2)])
def test_the_epoch_in_which_a_seed_diverges_is_never_kept(keep, kept):
    made = SeedRecord(3, toy_training(epochs=10, keep=keep), 100)
    assert made.close(epoch_row(1, 1.0, 1.0))
    assert made.close(epoch_row(2, 1.0, 2.0)) == (kept == 2)
    assert not made.close(epoch_row(3, math.nan, 0.5))
    assert (made.best_epoch, made.summary(4)["status"]) == (kept, "diverged")


def test_the_summary_has_the_loss_of_the_best_epoch_and_the_mean_of_all_seconds():
    stopping = {"patience": 5, "by": "validation_loss"}
    training = toy_training(epochs=3, early_stopping=stopping)
    made = SeedRecord(3, training, 100)
    for epoch, validation in ((1, 1.0), (2, 0.5), (3, 0.5)):
        made.close(epoch_row(epoch, 1.0, validation))
    said = made.summary(classes=4)
    assert (said["best_epoch"], said["best_validation_loss"]) == (2, 0.5), "the first of equals"
    assert said["seconds_per_epoch_mean"] == pytest.approx(0.2)
    assert said["seconds_per_epoch_last"] == pytest.approx(0.3)
    made.best_score = None
    assert made.summary(classes=4)["status"] == "collapsed", "its score was never a number"


def test_what_was_not_reported_in_an_epoch_is_no_number_in_the_history():
    made = SeedRecord(3, toy_training(epochs=10), 100)
    made.close(epoch_row(1, 1.0, 1.0, more={"nll": 0.5}))
    made.close(epoch_row(2, 1.0, 1.0, more={"test_loss": 2.0}))
    first, second = made.table()
    assert (first["nll"], second["test_loss"]) == (0.5, 2.0)
    assert math.isnan(first["test_loss"])
    assert math.isnan(second["nll"])
    assert [*first][-3:] == ["nll", "test_loss", "train_seconds"]


@pytest.mark.parametrize(("every", "due"), [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 6])])
def test_values_are_recorded_before_training_and_after_every_so_many_epochs(every, due):
    recordings = Recordings(Monitor(every=every))
    assert [epoch for epoch in range(7) if recordings.is_due(epoch)] == due
    assert not any(Recordings(None).is_due(epoch) for epoch in range(7))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("conv*", ["network.conv.weight"]),
        ("network.*", ["network.conv.weight", "network.lin.bias"]),
        ("*.bias", ["network.lin.bias"]),
        ("*weight", ["mean.weight", "network.conv.weight"]),
        ("lin", []),
    ],
)
def test_weights_are_named_with_or_without_what_stands_before_the_network(pattern, found):
    tensors = dict.fromkeys(("mean.weight", "network.conv.weight", "network.lin.bias"))
    assert [*monitoring._named([pattern], tensors, "network.")] == found
