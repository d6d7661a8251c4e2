"""Seeds that train at once, in a stack, against the same seeds one after the other.

An epoch is that of STIR's emoji in scenarios 1-3: 576 training images in batches of 16, then as
many validation images, 64 x 64 pixels. Some steps and validation batches of it are timed, after
others that warm up, and an epoch is reckoned from them. Each case is a process of its own, so that
its peak memory is its own; the losses of both ways are compared. On a CPU the time is that of the
process, on a GPU that of the clock.

On a GPU, ``pixel_pool`` is also compared with the published form of its layers: one ``interpolate``
and one ``conv2d`` for each kernel size, one seed at a time.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from datetime import date

import torch
from scaled_conv import processor, published_network
from torch import nn

from isotrope import build_model, devices
from isotrope.datasets.images import Images
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.graphs import recorder_of
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.steps import Workshop

IMAGES, BATCH, CLASSES, SHAPE = 576, 16, 36, (1, 64, 64)
CHEAP = ("standard", "spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco")
COSTLY = ("pixel_pool", "slice_pool", "energy_pool", "conv3d")
SIZES = {"cpu": (1, 2, 5), "cuda": (1, 2, 5, 10, 25, 50)}
STEPS = {"cpu": (1, 4), "cuda": (10, 30)}  # that warm up, and that are timed
WAYS = ("stacked", "in turn", "published")


class Published(nn.Module):
    """A network whose layers respond as published."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images):
        return published_network(self.network, images)


def training_of(
    model,
    seeds,
    device,
    way,
    count=IMAGES,
    eager=False,
    log=lambda _: None,
    settings=None,
    **changes,
):
    """A training of some seeds on made-up images, which are the same for all ways and changes.

    Args:
        model: the model.
        seeds: the seeds.
        device: where it trains.
        way: ``published`` for layers that respond as published, launched one by one.
        count: how many images there are.
        eager: whether steps on a GPU are launched one by one, not replayed as CUDA graphs.
        log: is told why steps cannot be replayed.
        settings: of the model, its defaults if there are none.
        changes: what differs in the block ``training``.
    """
    generator = torch.Generator().manual_seed(7)
    images = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=generator)
    data = Images(images.to(device), (torch.arange(count) % CLASSES).to(device))
    networks = []
    for seed in seeds:
        seeding.seed_everything(seed)
        network = build_model(model, SHAPE, CLASSES, **(settings or {}))
        networks.append((Published(network) if way == "published" else network).to(device))
    optimizer = {"name": "adam", "learning_rate": 1e-3}
    block = Training.model_validate(
        {"epochs": 9, "batch_size": BATCH, "order": "fixed", "optimizer": optimizer, **changes}
    )
    workshop = Workshop(None if eager or way == "published" else recorder_of(device), log)
    return LockstepTraining(networks, seeds, block, data, HeldOut(data), workshop=workshop)


def clock(device):
    """The time that counts on a device, once all work that it was given is done."""
    devices.synchronize(device)
    return time.perf_counter() if device.type == "cuda" else time.process_time()


def epoch_seconds(training, device):
    """The time of an epoch, and the mean loss of all steps that were done."""
    warming, timed = STEPS[device.type]
    training.held_out = HeldOut(None)  # steps alone
    training.try_out(warming)
    begin = clock(device)
    training.try_out(timed)
    step = (clock(device) - begin) / timed
    losses = [one.loss for one in training.steps.trained.results(training.objective)]
    training.held_out = HeldOut(training.train[: 4 * BATCH])
    training.validate(lambda: None)
    begin = clock(device)
    training.validate(lambda: None)
    validation = (clock(device) - begin) / len(training.held_out.validation)
    return IMAGES / BATCH * step + IMAGES * validation, losses


def measure(model, size, way, device):
    """One case: seed-epochs in a second, peak memory in MB, and losses."""
    groups = [range(1, size + 1)] if way == "stacked" else [[s] for s in range(1, size + 1)]
    seconds, losses = 0.0, []
    with devices.arithmetic(device, threads=1):
        for seeds in groups:
            spent, found = epoch_seconds(training_of(model, list(seeds), device, way), device)
            seconds, losses = seconds + spent, losses + found
    return {
        "rate": size / seconds,
        "memory": devices.memory_peak_mb(device),
        "losses": losses,
    }


def case(model, size, way, device):
    """A case in a process of its own; none if it needs more memory than there is."""
    words = ("--case", model, str(size), way, "--device", device)
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True)
    if done.returncode and "OutOfMemoryError" in done.stderr:
        return None
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compare(model, size, device):
    """A row of the table."""
    stacked = case(model, size, "stacked", device)
    turn = case(model, size, "in turn", device)
    if stacked is None:
        return f"| `{model}` | {size} | out of memory | {turn['rate']:.3f} | | | |"
    pairs = zip(stacked["losses"], turn["losses"], strict=True)
    error = max(abs(one - other) / abs(other) for one, other in pairs)
    return (
        f"| `{model}` | {size} | {stacked['rate']:.3f} | {turn['rate']:.3f} | "
        f"{stacked['rate'] / turn['rate']:.2f} | {stacked['memory']:.0f} / {turn['memory']:.0f} | "
        f"{error:.0e} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=SIZES, default="cpu")
    parser.add_argument("--models", nargs="+", help="all if left out, on a CPU the cheap ones")
    parser.add_argument("--sizes", nargs="+", type=int, help="seeds in a pack")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    device = devices.choose(asked.device)
    if asked.case:
        model, size, way = asked.case
        print(json.dumps(measure(model, int(size), way, device)))
        return
    host = devices.describe(device) if device.type == "cuda" else processor()
    print(f"{date.today()}, {host}, torch {torch.__version__}, Python {platform.python_version()}")
    print("\n| model | seeds | stacked: seed-epochs/s | in turn | ratio | MB | loss differs by |")
    print("|---|---|---|---|---|---|---|")
    models = asked.models or (CHEAP if device.type == "cpu" else CHEAP + COSTLY)
    for model in models:
        for size in asked.sizes or SIZES[device.type]:
            print(compare(model, size, asked.device), flush=True)
    if device.type == "cuda" and "pixel_pool" in models:
        stacked, published = (
            case("pixel_pool", size, way, asked.device)["rate"]
            for size, way in ((25, "stacked"), (1, "published"))
        )
        print(f"\n`pixel_pool`, 25 at once against the published form: {stacked / published:.1f}x")


if __name__ == "__main__":
    main()
