"""Whole trainings against a plain loop with torch's own optimizers and schedulers."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F
from torch.optim import lr_scheduler
from toy_runs import (
    SHAPE,
    ToyDataParams,
    ToyModelParams,
    ToyNetwork,
    toy_images,
    toy_task,
    toy_training,
    toys,  # noqa: F401
    train,
)

from isotrope import registry
from isotrope.packs import store
from isotrope.training.seeding import seed_everything

EPOCHS, BATCH = 4, 16
STEPS = 3 * EPOCHS  # 40 images
PARAMS = ToyModelParams(dropout=0.0, channels=3)


class Grouped(ToyNetwork):
    def parameter_groups(self):
        return {"filters": ["conv.weight"]}


def build(params, image_shape, classes):
    return Grouped(params, image_shape[0], classes)


@pytest.fixture
def grouped(toys, monkeypatch):  # noqa: F811
    known = registry.load
    plugin = SimpleNamespace(Params=ToyModelParams, build=build, PARTS=set(), REVISION=1)
    monkeypatch.setattr(
        registry, "load", lambda kind, name: plugin if name == "grouped" else known(kind, name)
    )


def scattering(filters, others):
    """Parametric scattering networks: the peak of the filters is overwritten afterwards."""
    groups = [{"params": others}, {"params": filters, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.06, momentum=0.9, weight_decay=5e-4)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.06, total_steps=STEPS)
    optimizer.param_groups[1]["max_lr"] = 0.1
    return optimizer, [scheduler]


def segmentation(filters, others):
    """DeepLab with a backbone at a tenth of the rate, here behind a warm-up."""
    groups = [{"params": others}, {"params": filters, "lr": 0.01}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
    rise = lr_scheduler.LinearLR(optimizer, 0.2, 1.0, 3)
    fall = lr_scheduler.PolynomialLR(optimizer, STEPS - 3, 0.9)
    return optimizer, [lr_scheduler.SequentialLR(optimizer, [rise, fall], [3])]


def log_polar(filters, others):
    """AdamW with a cycle."""
    groups = [{"params": others}, {"params": filters}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.01)
    scheduler = lr_scheduler.CyclicLR(optimizer, 1e-3, 0.01, step_size_up=4)
    return optimizer, [scheduler]


def epochwise(filters, others):
    """Adam, its rate lowered after epochs."""
    groups = [{"params": others}, {"params": filters, "weight_decay": 0.1}]
    optimizer = torch.optim.Adam(groups, lr=0.01)
    return optimizer, [lr_scheduler.MultiStepLR(optimizer, [3 * 1, 3 * 3], 0.5)]


RECIPES = {
    scattering: {
        "name": "sgd",
        "learning_rate": 0.06,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "groups": {"filters": {"peak": 0.1, "weight_decay": 0}},
        "schedule": {"name": "one_cycle"},
    },
    segmentation: {
        "name": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-4,
        "groups": {"filters": {"learning_rate": 0.01}},
        "schedule": {"name": "poly"},
        "warm_up": {"epochs": 1, "start": 0.2},
    },
    log_polar: {
        "name": "adamw",
        "learning_rate": 1e-3,
        "schedule": {"name": "cyclic", "peak": 0.01, "step_size_up": 4},
    },
    epochwise: {
        "name": "adam",
        "learning_rate": 0.01,
        "groups": {"filters": {"weight_decay": 0.1}},
        "schedule": {"name": "multi_step", "milestones": [1, 3], "factor": 0.5},
    },
}


def plainly(recipe, seed):
    """What torch alone makes of a seed."""
    seed_everything(seed)
    network = build(PARAMS, SHAPE, 4)
    found = toy_images(ToyDataParams(), "train")
    filters = [network.conv.weight]
    others = [value for name, value in network.named_parameters() if name != "conv.weight"]
    network.train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer, schedulers = recipe(filters, others)
        for step in range(STEPS):
            begin = step % 3 * BATCH
            images = found.images[begin : begin + BATCH].float() / 255
            loss = F.cross_entropy(network(images), found.labels[begin : begin + BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step < STEPS - 1:
                for scheduler in schedulers:
                    scheduler.step()
    return network.state_dict()


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_ends_with_the_weights_of_a_plain_loop_of_torch(grouped, recipe, stack):
    task = toy_task(
        model_name="grouped",
        model_params=PARAMS,
        training=toy_training(epochs=EPOCHS, optimizer=RECIPES[recipe], keep="last"),
        stack=stack,
    )

    train(task)

    for seed in task.seeds:
        found = store.load(task.stored(seed), seed, task.training_digest).weights
        for name, value in plainly(recipe, seed).items():
            # float32: twelve steps of rounding, which Adam enlarges where a gradient is small
            torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)
