"""The learning rates that param-files of the scattering study ask for, at the steps that count."""

from pathlib import Path

import pytest
import yaml

from isotrope.params.training import Training
from isotrope.training.records import SeedRecord

ROOT = Path(__file__).parents[3] / "param-files"
GROUPS = ("base", "scattering")


def training_of(run):
    text = (ROOT / f"{run}.yaml").read_text(encoding="utf-8")
    return Training.model_validate(yaml.safe_load(text)["training"])


def rates(run, step, per_epoch=1):
    """Of the layers above, of the wavelets, and the momentum."""
    return SeedRecord(1, training_of(run), 100).rates(step, per_epoch, GROUPS)


def test_wavelets_rise_higher_than_the_layers_above_between_the_same_ends():
    run = "scattering_linear/cifar10/tight_frame_learnt_100"

    assert training_of(run).epochs == 200  # of a single step each: 100 images of 128
    assert rates(run, 0) == pytest.approx([0.0024, 0.0024, 0.95])
    assert rates(run, 59) == pytest.approx([0.06, 0.1, 0.85])
    assert rates(run, 199) == pytest.approx([2.4e-7, 2.4e-7, 0.95])


def batches_and_groups(run, images):
    """Of an epoch: batches, and those that a step of the optimizer takes."""
    training = training_of(run)
    return -(-images // training.batch_size), training.batches_per_step


def test_the_released_baseline_on_textures_stands_still_for_most_of_its_training():
    run = "wide_cnn/kth_tips2/released"
    batches, together = batches_and_groups(run, 1188)
    assert (batches, together) == (75, 8)  # nine whole groups and three batches
    whole = training_of(run).epochs * (batches // together)

    tops = [rates(run, step, 10)[0] for step in range(whole)]

    assert whole == 1350
    assert max(tops) == pytest.approx(0.001)
    assert tops.index(max(tops)) == 89
    assert all(top == tops[300] < 1e-7 for top in tops[300:])  # 78 %


@pytest.mark.parametrize(
    ("model", "samples", "advances", "steps"),
    [
        ("wide_cnn", 100, 0, 1),
        ("resnet50", 100, 0, 1),
        ("wide_cnn", 500, 3, 4),
        ("resnet50", 500, 4, 4),
        ("wide_cnn", 1000, 7, 8),
        ("resnet50", 1000, 7, 8),
    ],
)
def test_released_schedules_on_x_rays_go_on_with_whole_groups_alone(
    model, samples, advances, steps
):
    run = f"{model}/covidx/released_{samples}"
    batches, together = batches_and_groups(run, samples)
    training = training_of(run)

    assert training.accumulate.reduce == "sum"
    assert training.schedule_advances_by_whole_groups
    assert (batches // together, -(-batches // together)) == (advances, steps)
    last = rates(run, max(0, advances * training.epochs - 1), steps)[0]
    if advances == 0:
        assert last == pytest.approx(4e-5)  # the first rate, all the time
    elif advances == steps:
        assert last == pytest.approx(4e-9)
    else:
        assert 1e-5 < last < 4e-4  # on the way


def test_repaired_schedules_reach_their_end():
    for run in ("wide_cnn/kth_tips2/repaired", "wide_cnn/covidx/repaired_100"):
        training = training_of(run)
        assert training.accumulate.reduce == "mean"
        assert not training.schedule_advances_by_whole_groups
        assert rates(run, 10 * training.epochs - 1, 10)[0] == pytest.approx(4e-9)
