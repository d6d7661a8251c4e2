"""A model, a data set and runs so small that a test can train them."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from isotrope import registry
from isotrope.datasets import loading
from isotrope.datasets.images import Images
from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report
from isotrope.training.task import PackTask

CLASSES, SHAPE, TEST_SCALES = 4, (1, 8, 8), (3, 6)


class ToyModelParams(Settings):
    channels: int = 4
    dropout: float = 0.2
    handed: bool = False  # whether the network is handed what its dropout draws
    norm: bool = True  # whether it has batch norm
    inside: bool = False  # whether it draws a number inside its forward pass
    step_seconds: float = 0.0
    explode: int = 0  # the seed whose first layer is far too large


class ToyNetwork(nn.Module):
    def __init__(self, params: ToyModelParams, channels: int, classes: int) -> None:
        super().__init__()
        self.params = params
        # no bias: a norm leaves its gradient nothing but rounding, which Adam enlarges
        self.conv = nn.Conv2d(channels, params.channels, 3, bias=False)
        self.norm = nn.BatchNorm2d(params.channels) if params.norm else nn.Identity()
        self.dropout = nn.Dropout(params.dropout)
        self.linear = nn.Linear(params.channels * 36, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training and self.params.step_seconds:
            time.sleep(self.params.step_seconds)
        maps = self.dropout(self.norm(self.conv(images)).relu())
        if self.training and self.params.inside:
            maps = maps * torch.rand(())
        return self.linear(maps.flatten(1))


class HandedNetwork(ToyNetwork):
    """The same, but it is handed what its dropout draws."""

    def draw(self, generator: torch.Generator, batch: int) -> torch.Tensor:
        kept = torch.rand(batch, self.params.channels, 6, 6, generator=generator)
        return kept >= self.params.dropout

    def forward(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        maps = self.norm(self.conv(images)).relu()
        if noise is not None:
            maps = maps * noise / (1 - self.params.dropout)
        return self.linear(maps.flatten(1))


def build(params: ToyModelParams, image_shape: tuple[int, int, int], classes: int) -> ToyNetwork:
    if image_shape[1] < 3:
        raise ValueError("images are too small for a kernel of 3 x 3 pixels")
    kind = HandedNetwork if params.handed else ToyNetwork
    network = kind(params, image_shape[0], classes)
    if torch.initial_seed() == params.explode:
        with torch.no_grad():
            network.linear.weight.mul_(1e38)
    return network


class ToyDataParams(Settings):
    count: int = 40  # batches of 16 leave a partial one


def toy_images(params: ToyDataParams, split: str) -> Images:
    """Squares in one of four corners (the class), of 3 to 6 pixels (the scale), with noise."""
    generator = torch.Generator().manual_seed(len(split) if split in ("train", "valid") else 9)
    count = params.count
    labels = torch.arange(count) % CLASSES
    scales = 3 + torch.arange(count) // CLASSES % 4
    images = torch.randint(0, 120, (count, *SHAPE), dtype=torch.uint8, generator=generator)
    for image, label, scale in zip(images, labels.tolist(), scales.tolist(), strict=True):
        rows = slice(0, scale) if label < 2 else slice(8 - scale, 8)
        columns = slice(0, scale) if label % 2 == 0 else slice(8 - scale, 8)
        image[0, rows, columns] += 60
    if split == "test":
        keep = torch.isin(scales, torch.tensor(TEST_SCALES))
        order = torch.randperm(int(keep.sum()), generator=generator)
        images, labels, scales = (values[keep][order] for values in (images, labels, scales))
    return Images(images, labels, {"scale": scales})


TOY_MODEL = SimpleNamespace(Params=ToyModelParams, build=build, PARTS={"conv"}, REVISION=1)
TOY_DATA = SimpleNamespace(
    SPLITS=("train", "valid", "test"),
    Params=ToyDataParams,
    image_shape=lambda params: SHAPE,
    classes=lambda params: CLASSES,
)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty project folder in which the plug-ins ``toy`` exist."""
    load = registry.load
    plugins = {("models", "toy"): TOY_MODEL, ("data", "toy"): TOY_DATA}
    monkeypatch.setattr(
        registry, "load", lambda kind, name: plugins.get((kind, name)) or load(kind, name)
    )
    monkeypatch.setattr(
        loading, "load_split", lambda name, params, split: toy_images(params, split)
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def toy_training(**changes: Any) -> Training:
    values = {
        "epochs": 4,
        "batch_size": 16,
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        **({} if {"order", "reshuffle"} & changes.keys() else {"order": "fixed"}),
        **changes,
    }
    return Training.model_validate(values)


def toy_task(**changes: Any) -> PackTask:
    values: dict[str, Any] = {
        "run": "toy/toy/plain",
        "point": "base",
        "pack": "1-2",
        "seeds": [1, 2],
        "model_name": "toy",
        "model_params": ToyModelParams(),
        "dataset_name": "toy",
        "dataset_params": ToyDataParams(),
        "training": toy_training(),
        "training_digest": "0123456789abcdef",
        "settings": {"training": {"epochs": 4}},
        "device": "cpu",
        "threads": 1,
    }
    return PackTask(**values | changes)


def silent() -> Report:
    return Report(log=lambda line: None)


def train(task: PackTask) -> list[str]:
    """Train a pack and return the lines of its log."""
    lines: list[str] = []
    train_pack(task, Report(log=lines.append))
    return lines


def start(work: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a process of its own, which a test may kill."""
    process = multiprocessing.get_context("fork").Process(target=work, args=args, daemon=True)
    process.start()
    return process


def train_logged(task: PackTask, log: Path) -> None:
    """Train a pack and append its lines to a file, as a job does."""
    with log.open("a", buffering=1) as file:
        train_pack(task, Report(log=lambda line: print(line, file=file, flush=True)))


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.002)


def without_seconds(history: str) -> list[str]:
    """The rows of a history.csv without their last column, the time."""
    return [line.rpartition(",")[0] for line in history.splitlines()]
