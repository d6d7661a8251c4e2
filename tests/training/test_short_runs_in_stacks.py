"""A whole short run of a real model: seeds in a pack end as they do alone."""

import statistics

import pytest
import torch

from isotrope import build_model
from isotrope.datasets.images import Images
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.loop import Finished, HeldOut, LockstepTraining

SEEDS = [1, 2, 3, 4]
SHAPE, CLASSES = (1, 24, 24), 6
TRAINING = Training.model_validate(
    {
        "epochs": 10,
        "batch_size": 16,
        "optimizer": {"name": "adam", "learning_rate": 3e-3},
        "early_stopping": {"patience": 4},
        "reshuffle": True,
    }
)


def images_of(count: int, seed: int) -> Images:
    """A pattern for each class, moved and covered with noise: learned in some epochs."""
    patterns = torch.rand(CLASSES, *SHAPE, generator=torch.Generator().manual_seed(0)) > 0.7
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    noise = torch.rand(count, *SHAPE, generator=generator)
    moves = torch.randint(0, 6, (count, 2), generator=generator).tolist()
    moved = [
        patterns[label].roll(tuple(move), (1, 2))
        for label, move in zip(labels.tolist(), moves, strict=True)
    ]
    return Images(((0.42 * torch.stack(moved) + 0.58 * noise) * 255).to(torch.uint8), labels)


def run(seeds: list[int]) -> list[Finished]:
    """Train seeds together to their ends."""
    networks = []
    for seed in seeds:
        seeding.seed_everything(seed)
        networks.append(build_model("ensemble", SHAPE, CLASSES))
    training = LockstepTraining(
        networks, seeds, TRAINING, images_of(96, 1), HeldOut(images_of(90, 2))
    )
    ended: list[Finished] = []
    training.run(lambda: None, lambda: None, ended.extend)
    return sorted(ended, key=lambda one: one.record.seed)


def test_a_short_run_ends_the_same_alone_and_in_a_pack():
    """Rounding grows from step to step: it may move a seed by images, the mean by one of 90."""
    together = run(SEEDS)
    alone = [one for seed in SEEDS for one in run([seed])]

    for one, other in zip(together, alone, strict=True):
        assert one.record.seed == other.record.seed
        first, same = one.record.history[0], other.record.history[0]
        assert first.train_loss == pytest.approx(same.train_loss, rel=1e-5)
    found, expected = (
        [one.record.best_score or 0.0 for one in ended] for ended in (together, alone)
    )
    assert statistics.stdev(expected) > 0.05  # seeds differ
    assert max(expected) > 0.8  # and learn
    moved = [one - other for one, other in zip(found, expected, strict=True)]
    assert max(map(abs, moved)) < statistics.stdev(expected) / 2
    assert abs(statistics.mean(moved)) < 0.02
