"""Means of logits over the seeds of a run, on networks whose answers are known."""

import pytest
import torch
from bright_sides import Sides, networks, pictures, values

from isotrope.errors import UserError
from isotrope.evaluation import seed_ensemble


def test_an_ensemble_is_the_mean_of_logits_with_and_without_mirror_images():
    data = pictures([(200, 10), (10, 200), (128, 100), (30, 60)])
    made = [Sides(), Sides(bias=-0.3), Sides(left=2.0)]
    rows = seed_ensemble.evaluate(networks(*made), data, seed_ensemble.Params())
    with torch.no_grad():
        unit = data.images / 255
        plain = torch.stack([one(unit) for one in made])
        both = (plain + torch.stack([one(unit.flip(-1)) for one in made])) / 2
    for views, logits in (("image", plain), ("image_and_mirror", both)):
        found = values(rows, views=views)
        assert found["accuracy"] == float((logits.mean(0).argmax(-1) == data.labels).float().mean())
        single = float((logits.argmax(-1) == data.labels).float().mean())
        assert found["single"] == pytest.approx(single)
        assert found["members"] == 3
    assert all("seed" not in row for row in rows)
    plain_alone = seed_ensemble.evaluate(networks(*made), data, seed_ensemble.Params(mirror=False))
    assert plain_alone == [row for row in rows if row["views"] == "image"]


def test_two_weak_networks_may_be_right_together():
    data = pictures([(100, 120), (120, 100)])
    made = [Sides(bias=0.5), Sides(bias=-0.5)]
    rows = seed_ensemble.evaluate(networks(*made), data, seed_ensemble.Params(mirror=False))
    found = values(rows)
    assert (found["accuracy"], found["single"]) == (1.0, 0.5)


@pytest.mark.parametrize("together", [True, False])
def test_seeds_with_other_training_images_are_refused(together):
    seen = {1: torch.tensor([3, 1, 2]), 2: torch.tensor([1, 2, 3 if together else 4])}
    found = networks(Sides(), Sides(), seen=seen)
    data = pictures([(200, 10)])
    if together:
        assert seed_ensemble.evaluate(found, data, seed_ensemble.Params())
    else:
        with pytest.raises(UserError, match="seeds 1 and 2 have seen different training images"):
            seed_ensemble.evaluate(found, data, seed_ensemble.Params())
