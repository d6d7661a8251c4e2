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
    return SeedRecord(1, training_of(run)).rates(step, per_epoch, GROUPS)


def test_wavelets_rise_higher_than_the_layers_above_between_the_same_ends():
    run = "scattering_linear/cifar10/tight_frame_learnt_100"

    assert training_of(run).epochs == 200  # of a single step each: 100 images of 128
    assert rates(run, 0) == pytest.approx([0.0024, 0.0024, 0.95])
    assert rates(run, 59) == pytest.approx([0.06, 0.1, 0.85])
    assert rates(run, 199) == pytest.approx([2.4e-7, 2.4e-7, 0.95])
