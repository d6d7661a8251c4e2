"""Gradients of several batches: their mean is that of one large batch, or their sum is taken."""

from contextlib import suppress

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


def one_cycle(steps: int | None = None) -> dict[str, object]:
    return {
        "name": "sgd",
        "learning_rate": 0.1,
        "schedule": {"name": "one_cycle", "steps": steps},
    }


@pytest.mark.parametrize(
    ("batch_size", "planned", "advances"),
    [
        (8, None, [0, 1, 1, 2]),  # five batches: three, then two that the schedule stands still at
        (8, 3, [0, 1, 1, 2]),
        (20, None, [0, 0]),  # two batches of the four that make a group: never
        (4, 1, [0, 1, 2, 2, 3, 4]),  # ten: four, four, two; and the plan has ended
    ],
)
def test_a_schedule_that_goes_on_by_whole_groups_stands_still_at_smaller_ones(
    batch_size, planned, advances
):
    """Against torch's scheduler, stepped after whole groups alone and refusals passed over."""
    images, every = small_images(masks=False), 3 if batch_size == 8 else 4
    batches = [images[start : start + batch_size] for start in range(0, COUNT, batch_size)]
    groups = [batches[start : start + every] for start in range(0, len(batches), every)]
    torch.manual_seed(1)
    network = Small(masks=False).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    whole = 2 * len(groups) if planned is None else planned
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=whole)
    seen = []
    for group in groups + groups:
        for some in group:
            F.cross_entropy(network(some.images.double() / 255), some.labels).backward()
        seen.append(scheduler.last_epoch)
        optimizer.step()
        optimizer.zero_grad()
        if len(group) == every:
            with suppress(ValueError):
                scheduler.step()

    accumulate = {"images": batch_size * every, "reduce": "sum", "advance": "whole_groups"}
    found = trained(
        [1],
        masks=False,
        batch_size=batch_size,
        accumulate=accumulate,
        order="fixed",
        optimizer=one_cycle(planned),
    )

    assert seen == advances
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found[1][name], value, rtol=0, atol=1e-7)  # images are float32


def test_whole_groups_need_a_schedule_that_changes_with_every_step():
    changes = {"accumulate": {"images": 24, "advance": "whole_groups"}}
    with pytest.raises(ValueError, match="whole_groups needs a schedule that changes with every"):
        trained([1], masks=False, batch_size=8, **changes)
