"""When an epoch ended, of which only the training seconds are known."""

import pytest

from isotrope.tracking.seeds import Value, _by_epoch


def epochs(*seconds):
    return [
        {"seed": "1", "epoch": str(number), "train_loss": "0.5", "train_seconds": one, "note": ""}
        for number, one in enumerate(seconds, 1)
    ]


@pytest.mark.parametrize(
    ("seconds", "ends"),
    [
        (("1", "3"), (12.0, 18.0)),
        (("0", "0"), (18.0, 18.0)),
        (("0.25", "0.25"), (14.0, 18.0)),
        ((), ()),
    ],
)
def test_epochs_end_in_proportion_to_their_seconds_or_with_all(seconds, ends):
    found = _by_epoch(epochs(*seconds), started=10.0, finished=18.0)
    losses = [Value("train_loss", 0.5, number, end) for number, end in enumerate(ends, 1)]
    assert [one for one in found if one.name == "train_loss"] == losses
    assert {one.name for one in found} == ({"train_loss", "train_seconds"} if ends else set())
