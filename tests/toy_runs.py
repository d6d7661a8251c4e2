"""A model, a data set and runs so small that a test can train them."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import toy_data
from torch import nn
from toy_data import CLASSES, SHAPE, TEST_SCALES, ToyDataParams, toy_images

from isotrope import registry
from isotrope.datasets import loading
from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report
from isotrope.training.task import TrainingTask

__all__ = ["CLASSES", "SHAPE", "TEST_SCALES", "ToyDataParams", "toy_images"]  # from toy_data


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


TOY_MODEL = SimpleNamespace(Params=ToyModelParams, build=build, PARTS={"conv"}, REVISION=1)
TOY_DATA = toy_data.PLUGINS["toy"]


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty project folder in which the plug-ins ``toy`` and those of `toy_data` exist."""
    load = registry.load
    plugins = {("data", name): plugin for name, plugin in toy_data.PLUGINS.items()}
    plugins["models", "toy"] = TOY_MODEL
    monkeypatch.setattr(
        registry, "load", lambda kind, name: plugins.get((kind, name)) or load(kind, name)
    )
    monkeypatch.setattr(loading, "load_split", toy_data.load_split)
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


def toy_task(**changes: Any) -> TrainingTask:
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
    return TrainingTask(**values | changes)


def silent() -> Report:
    return Report(log=lambda line: None)


def train(task: TrainingTask) -> list[str]:
    """Train a pack and return the lines of its log."""
    lines: list[str] = []
    train_pack(task, Report(log=lines.append))
    return lines


def start(work: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a process of its own, which a test may kill."""
    process = multiprocessing.get_context("fork").Process(
        target=_with_workers, args=(work, *args), daemon=True
    )
    process.start()
    return process


def _with_workers(work: Callable[..., Any], *args: Any) -> None:
    """Do something in a process that may start others, though it ends with its own parent."""
    multiprocessing.process.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    # threads that the parent has used do not outlive the fork: one, whatever a task says
    torch.set_num_threads(1)
    torch.set_num_threads = lambda count: None  # type: ignore[assignment]
    work(*args)


def train_logged(task: TrainingTask, log: Path) -> None:
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
