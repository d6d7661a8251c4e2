"""Models that use at once all that training offers: one for classes of images, one for masks."""

import time
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from toy_runs import toy_task

from isotrope.params.training import Training
from isotrope.settings import Settings
from isotrope.training.task import TrainingTask

CHANNELS = 4


class EverythingParams(Settings):
    double: bool = True  # whether it computes in float64
    step_seconds: float = 0.0


class MaskNetwork(nn.Module):
    """Batch norm, dropout, noise, two groups, buffers that follow a schedule, recordings."""

    temperature: Tensor
    warmth: Tensor

    def __init__(self, params: EverythingParams, head: nn.Module) -> None:
        super().__init__()
        self.params = params
        self.conv = nn.Conv2d(1, CHANNELS, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.dropout = nn.Dropout(0.2)
        self.head = head
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("warmth", torch.ones(()))

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        if self.training and self.params.step_seconds:
            time.sleep(self.params.step_seconds)
        inputs = images.to(self.conv.weight.dtype)
        maps = self.norm(self.conv(inputs) + noise.to(inputs.dtype))
        outputs: Tensor = self.head(self.dropout(maps.relu()))
        return outputs / (self.temperature * self.warmth)

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        return 0.3 * torch.randn(count, CHANNELS, 1, 1, generator=generator)

    def parameter_groups(self) -> dict[str, list[str]]:
        return {"filters": ["conv.weight"]}

    def on_step(self, step: int, steps: int) -> dict[str, float]:
        return {"temperature": 2 - step / steps}

    def on_epoch(self, epoch: int, epochs: int) -> dict[str, float]:
        return {"warmth": 1.5 - epoch / epochs}

    def record(self) -> dict[str, Tensor]:
        return {"filters": self.conv.weight, "heat": self.temperature * self.warmth}


class ClassNetwork(MaskNetwork):
    """The same with a loss of its own, which reports a part of itself."""

    def loss(
        self, images: Tensor, labels: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        outputs = self(images, noise)
        penalty = self.conv.weight.square().mean()
        return F.cross_entropy(outputs, labels) + 0.1 * penalty, outputs, {"penalty": penalty}


def build_classes(params: EverythingParams, shape: tuple[int, int, int], classes: int) -> nn.Module:
    head = nn.Sequential(nn.Flatten(), nn.Linear(CHANNELS * shape[1] * shape[2], classes))
    return ClassNetwork(params, head).to(torch.float64 if params.double else torch.float32)


def build_masks(params: EverythingParams, shape: tuple[int, int, int], classes: int) -> nn.Module:
    network = MaskNetwork(params, nn.Conv2d(CHANNELS, classes, 1))
    return network.to(torch.float64 if params.double else torch.float32)


MODELS = {
    name: SimpleNamespace(Params=EverythingParams, build=build, PARTS=set(), REVISION=1, DRAWS=2)
    for name, build in (("toy_classes", build_classes), ("toy_masks", build_masks))
}


def everything(**changes: Any) -> Training:
    """Two groups under one_cycle, accumulation over groups of two batches, recordings."""
    values = {
        "epochs": 4,
        "batch_size": 8,
        "accumulate": {"images": 16, "reduce": "mean"},
        "optimizer": {
            "name": "adamw",
            "learning_rate": 0.01,
            "groups": {"filters": {"weight_decay": 0.0, "peak": 0.05}},
            "schedule": {"name": "one_cycle"},
        },
        "order": "own",
        "monitor": {"gradients": ["conv.*"]},
        **changes,
    }
    return Training.model_validate(values)


def everything_task(run: str, model: str, data: str, **changes: Any) -> TrainingTask:
    values = {
        "run": f"{model}/{data}/{run}",
        "seeds": [1, 2, 3],
        "pack": "1-3",
        "model_name": model,
        "model_params": EverythingParams(),
        "dataset_name": data,
        "training": everything(),
        **changes,
    }
    return toy_task(**values)
