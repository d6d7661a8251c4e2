"""What the fast param-files of CIFAR-10 take: reckoned without a GPU, or measured.

A training step, as the engine takes it on a GPU, runs on tensors without numbers: its operations
are counted, and what they multiply, read and write. Seconds follow from rates of an H100: `BYTES`
and `LAUNCH` are rounded from what was measured on one, `FLOPS` is a guess, two fifths of what large
products in bfloat16 reached there. No multiplication is assumed to hide a copy.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
import yaml
from operations import Operations, noises

from isotrope import build_model, devices
from isotrope.datasets.images import Images
from isotrope.layers import forms
from isotrope.params.training import Training
from isotrope.training import seeding
from isotrope.training.engines import Batch
from isotrope.training.graphs import recorder_of
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.objective import Objective
from isotrope.training.single import Single
from isotrope.training.steps import Workshop

ROOT = Path(__file__).resolve().parents[1]
RUNS = ("shift_resnet/cifar10/fast", "shift_resnet/cifar10/fast_strided")
IMAGES, SHAPE, CLASSES = 50_000, (3, 32, 32), 10
FLOPS, BYTES, LAUNCH = 320e12, 3e12, 2e-6  # each second; seconds


class Recipe:
    """A param-file as its steps need it.

    Args:
        run: its name.
        quick: whether the network is narrow and a batch small, to show that all of it runs.
    """

    def __init__(self, run, quick=False):
        text = (ROOT / "param-files" / f"{run}.yaml").read_text(encoding="utf-8")
        said = yaml.safe_load(text)
        self.model, self.quick = dict(said["model"]), quick
        if quick:
            self.model["width"] = 4
            said["training"]["batch_size"] = 8
        self.name = self.model.pop("name")
        self.training = Training.model_validate(said["training"]).on_dataset("cifar10")
        self.images = IMAGES - said["dataset"]["valid_images"]

    @property
    def steps(self):
        """Of the whole training."""
        return self.training.epochs * -(-self.images // self.training.batch_size)

    def network(self):
        """A network of its own."""
        seeding.seed_everything(1)
        return build_model(self.name, SHAPE, CLASSES, **self.model)

    def training_on(self, device, batches, log=lambda _: None):
        """A training of it on made-up images."""
        count = batches * self.training.batch_size
        generator = torch.Generator().manual_seed(7)
        pixels = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=generator)
        data = Images(pixels.to(device), (torch.arange(count) % CLASSES).to(device))
        workshop = Workshop(recorder_of(device), log)
        networks = [self.network().to(device)]
        return LockstepTraining(
            networks, [1], self.training, data, HeldOut(None), workshop=workshop
        )

    def arithmetic(self, device):
        """In which it computes."""
        return devices.arithmetic(device, 1, self.training.precision, self.training.deterministic)


def counted(recipe):
    """The operations of a training step."""
    network, size = recipe.network().to("meta"), recipe.training.batch_size
    engine = Single(network, recipe.training, Objective(None, "classification"))
    batch = Batch(
        torch.empty(size, *SHAPE, device="meta"),
        torch.empty(size, dtype=torch.int64, device="meta"),
        noises([network], size),
    )
    with forms.like_a_gpu():
        engine.step(batch)
        with Operations() as found:
            engine.step(batch)
    return found


def reckoned(found):
    """Seconds of a step with these operations."""
    launches = found.launches.total()
    return found.flops.total() / FLOPS + found.moved.total() / BYTES + launches * LAUNCH


def measured(recipe, device, batches=8, rounds=5):
    """Seconds of a step, the median of some rounds."""
    with recipe.arithmetic(device):
        training = recipe.training_on(device, batches)
        training.try_out(batches)
        seconds = [_seconds(training, device, batches) for _ in range(rounds)]
    return statistics.median(seconds) / batches


def _seconds(training, device, steps):
    devices.synchronize(device)
    begin = time.perf_counter()
    training.try_out(steps)
    devices.synchronize(device)
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), help="measure there, too")
    parser.add_argument("--quick", action="store_true", help="tiny: shows that all of it runs")
    asked = parser.parse_args()
    print("| run | steps | launches | TFLOP | GB | a step, ms | all steps, s | by |")
    print("|---|---|---|---|---|---|---|---|")
    for run in RUNS:
        recipe = Recipe(run, asked.quick)
        found = counted(recipe)
        times = {"reckoning": reckoned(found)}
        if asked.device:
            device = devices.choose(asked.device)
            times[devices.describe(device)] = measured(recipe, device)
        for how, seconds in times.items():
            print(
                f"| `{run}` | {recipe.steps:,} | {found.launches.total():,} "
                f"| {found.flops.total() / 1e12:.2f} | {found.moved.total() / 1e9:.1f} "
                f"| {1000 * seconds:.1f} | {recipe.steps * seconds:.0f} | {how} |"
            )


if __name__ == "__main__":
    main()
