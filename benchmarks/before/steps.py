"""Training steps of the package as it was at commit 460f702, timed in a process of their own.

Started with that package on ``PYTHONPATH``. Each line of its input asks, as JSON, for the steps of
a model: ``{"model", "seeds", "warming", "timed", "batch", "device"}``; each line of its output is
the answer: ``{"seconds"}`` of a step of all seeds together, or ``{"error"}``.
"""

import json
import sys
import time

import torch
from isotrope.envelope import Training

from isotrope import build_model, devices
from isotrope.training import seeding
from isotrope.training.batches import Labelled
from isotrope.training.loop import LockstepTraining

CLASSES, SHAPE = 36, (1, 64, 64)


def step_seconds(asked):
    """The time of a training step, of whatever many seeds at once."""
    device, batch = torch.device(asked["device"]), asked["batch"]
    generator = torch.Generator().manual_seed(7)
    images = torch.randint(0, 256, (batch, *SHAPE), dtype=torch.uint8, generator=generator)
    data = Labelled(images.to(device), (torch.arange(batch) % CLASSES).to(device))
    seeds, networks = list(range(1, asked["seeds"] + 1)), []
    for seed in seeds:
        seeding.seed_everything(seed)
        networks.append(build_model(asked["model"], SHAPE, CLASSES).to(device))
    optimizer = {"name": "adam", "learning_rate": 1e-3}
    settings = {"epochs": 1, "batch_size": batch, "optimizer": optimizer}
    training = LockstepTraining(networks, seeds, Training.model_validate(settings), data, data)
    one, rates = training.batches.at(1, 0, None, seeds, training.engine), [1e-3] * len(seeds)
    for _ in range(asked["warming"]):
        training.engine.step(one, rates)
    devices.synchronize(device)
    begin = time.perf_counter()
    for _ in range(asked["timed"]):
        training.engine.step(one, rates)
    devices.synchronize(device)
    return (time.perf_counter() - begin) / asked["timed"]


def main():
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            with devices.arithmetic(torch.device(asked["device"]), threads=1):
                answer = {"seconds": step_seconds(asked)}
        except RuntimeError as error:  # out of memory, too
            answer = {"error": str(error).strip().splitlines()[0]}
        devices.free_memory(torch.device(asked["device"]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
