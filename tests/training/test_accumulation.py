"""Gradients of several batches: their mean is that of one large batch, or their sum is taken."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.datasets.images import VOID, Images
from isotrope.params.training import Training
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.records import SeedRecord

COUNT, SEEDS = 40, [1, 2]


class Small(nn.Module):
    """A network in float64 without anything that depends on the size of a batch."""

    def __init__(self, masks: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.masks = masks

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.conv(images.double())
        return maps if self.masks else maps.mean(dim=(2, 3))


def small_images(masks: bool) -> Images:
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (COUNT, 1, 6, 6), dtype=torch.uint8, generator=generator)
    if not masks:
        return Images(images, torch.randint(0, 3, (COUNT,), generator=generator))
    labels = torch.randint(0, 3, (COUNT, 6, 6), dtype=torch.uint8, generator=generator)
    for index, mask in enumerate(labels):  # as many void pixels as never before
        mask.flatten()[: index % 30] = VOID
    return Images(images, labels)


def trained(seeds: list[int], masks: bool, **changes: object) -> dict[int, dict[str, Tensor]]:
    """The weights of each seed after two epochs."""
    networks = []
    for seed in seeds:
        torch.manual_seed(seed)
        networks.append(Small(masks).double())
    settings = {
        "epochs": 2,
        "batch_size": 16,
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "order": "own",
        "keep": "last",
        **changes,
    }
    training = Training.model_validate(settings)
    ended: list[tuple[SeedRecord, dict[str, Tensor], object]] = []
    LockstepTraining(networks, seeds, training, small_images(masks), HeldOut(None)).run(
        lambda: None, lambda: None, ended.extend
    )
    return {record.seed: weights for record, weights, _ in ended}


def assert_close(found: dict[int, dict[str, Tensor]], expected: dict[int, dict[str, Tensor]]):
    for seed, weights in expected.items():
        for name, value in weights.items():
            torch.testing.assert_close(found[seed][name], value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("seeds", [SEEDS, [1]])
def test_the_mean_of_several_batches_is_the_step_of_one(masks, seeds):
    """Of the partial batch at an epoch's end, too, and where masks have more void pixels."""
    whole = trained(seeds, masks)
    parts = trained(seeds, masks, batch_size=6, accumulate={"images": 18})
    again = trained(seeds, masks, batch_size=4, accumulate={"images": 16})

    assert_close(again, whole)
    assert_close(parts, trained(seeds, masks, batch_size=18))


def test_the_sum_is_that_of_each_batchs_mean_gradient():
    torch.manual_seed(1)
    network, images = Small(masks=False).double(), small_images(masks=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        for start in range(0, COUNT, 8):
            some = images[start : start + 8]
            F.cross_entropy(network(some.images.double() / 255), some.labels).backward()
            if start in (16, 32):  # three batches, then the two that are left
                optimizer.step()
                optimizer.zero_grad()

    changes = {"batch_size": 8, "accumulate": {"images": 24, "reduce": "sum"}, "order": "fixed"}
    expected = {1: network.state_dict()}
    for seeds in (SEEDS, [1]):
        found = trained(seeds, masks=False, **changes)[1]
        for name, value in expected[1].items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-7)  # images are float32
