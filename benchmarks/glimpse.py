"""Networks with a moving fovea: images a second, against a plain loop with a retina for one image.

The plain side takes one glimpse after the other, samples each image of a batch by itself, and
recognises every glimpse when it is taken. Its answers and its loss must be those of the network for
two glimpses in float64 (batch norms of images of noise make roundings grow from one to the next).
Both sides run in turn in one process. A line is the median of each and their ratio; on a CPU the
time is that which the process itself had.
"""

import argparse
import math
import platform
import statistics
import time
from datetime import date

import torch
from torch.nn import functional as F

from isotrope import build_model

# name: model, image shape, batch on a CPU and on a GPU, settings
CASES = {
    "ram, MNIST": ("ram", (1, 28, 28), 128, 4096, {"policy": "stochastic"}),
    "ram, 3 patches": ("ram", (1, 60, 60), 128, 4096, {"patch": 12, "patches": 3}),
    "ram_lpm, SIM2MNIST": ("ram_lpm", (1, 96, 96), 16, 256, {"configuration": "sim2mnist"}),
    "ram_lpm, digits": ("ram_lpm", (1, 28, 28), 64, 1024, {"configuration": "digits"}),
}


def patches_of_one(sensor, image, fixation):
    """The patches of one image, as `PatchSensor` gives them for a batch."""
    height, width = image.shape[-2:]
    found = []
    for scale in range(sensor.scales):
        factor = sensor.growth**scale
        side = sensor.patch * factor
        steps = torch.arange(side, dtype=image.dtype, device=image.device) - (side - 1) / 2
        x = fixation[0] + steps * 2 / (width - 1)
        y = fixation[1] + steps * 2 / (height - 1)
        grid = torch.stack((x.expand(side, -1), y[:, None].expand(-1, side)), dim=-1)
        seen = F.grid_sample(image[None], grid[None], align_corners=True)
        found.append(F.avg_pool2d(seen, factor)[0] if factor > 1 else seen[0])
    return torch.stack(found, dim=1).flatten(0, 1)


def glimpse_of_one(sensor, image, fixation):
    """The log-polar glimpse of one square image, as `FovealSensor` gives it for a batch."""
    fovea = sensor.fovea
    radii = torch.linspace(
        math.log(fovea.r_min), math.log(fovea.r_max), fovea.radii, dtype=image.dtype
    ).exp()
    angles = torch.arange(fovea.angles, dtype=image.dtype) * (2 * math.pi / fovea.angles)
    directions = torch.stack((angles.cos(), angles.sin()), dim=-1)
    grid = fixation + (radii[:, None, None] * directions).to(image.device)
    return F.grid_sample(image[None], grid[None], align_corners=True)[0]


class Plain:
    """The other side, with the weights of a network."""

    def __init__(self, network):
        self.network = network
        self.fovea = hasattr(network, "cnn_what")

    def walk(self, images, noise):
        """Answer, expected rewards and log-densities."""
        network = self.network
        of_one = glimpse_of_one if self.fovea else patches_of_one
        fixation, memories = 0.25 * noise[:, :2], [None, None]
        expected, densities = [], []
        for glimpse in range(network.glimpses):
            seen = torch.stack(
                [
                    of_one(network.sensor, image, at)
                    for image, at in zip(images, fixation, strict=True)
                ]
            )
            if self.fovea:
                given = torch.cat((network.cnn_what(seen).flatten(1), fixation), dim=1)
                memories[0] = network.rnn_what(given, memories[0])
                hidden = network.bn_what(memories[0][0])
                given = torch.cat((network.cnn_where(seen).flatten(1), fixation), dim=1)
                memories[1] = network.rnn_where(given, memories[1])
                decides = network.bn_where(memories[1][0])
            else:
                what = network.fc3(network.fc1(seen.flatten(1)).relu())
                where = network.fc4(network.fc2(fixation).relu())
                memories[0] = network.core((what + where).relu(), memories[0])
                hidden = decides = memories[0]
            expected.append(network.baseline(hidden[:, None])[:, 0])
            if glimpse + 1 < network.glimpses:
                mean = network.locator(decides).clamp(-1, 1)
                step = network.std * noise[:, 2 * glimpse + 2 : 2 * glimpse + 4]
                fixation = (mean + step).detach()
                policy = torch.distributions.Normal(mean, network.std)
                densities.append(policy.log_prob(fixation).sum(dim=1))
        return network.answer(hidden), torch.stack(expected[:-1]), torch.stack(densities)

    def answer(self, images, noise):
        """Logits after the last glimpse."""
        return self.walk(images, noise)[0]

    def loss(self, images, labels, noise):
        """The loss of answers, expected rewards and policy."""
        logits, expected, densities = self.walk(images, noise)
        reward = (logits.detach().argmax(dim=1) == labels).to(logits.dtype)
        paid = (densities * (reward - expected.detach())).sum(dim=0).mean()
        return F.cross_entropy(logits, labels) + (expected - reward).square().mean() - paid


def timed(work, device):
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    begin = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - begin


def sides(case, count, device, dtype=torch.float32, glimpses=None):
    """What both sides do, by the names of what is measured."""
    model, shape, _, _, settings = CASES[case]
    torch.manual_seed(0)
    network = build_model(model, shape, 10, **settings).to(device, dtype)
    network.glimpses = glimpses or network.glimpses
    plain = Plain(network)
    images = torch.rand(count, *shape, device=device, dtype=dtype)
    labels = torch.arange(count, device=device) % 10
    noise = network.draw(torch.Generator().manual_seed(1), count).to(device, dtype)
    weights = list(network.parameters())

    def answers(ask):
        def work():
            network.eval()
            with torch.inference_mode():
                return ask(images, noise)

        return work

    def step(loss):
        def work():
            network.train()
            found = loss(images, labels, noise)
            found = found if isinstance(found, torch.Tensor) else found[0]
            torch.autograd.grad(found, weights, allow_unused=True)
            return found.detach()

        return work

    return {
        "answers": (answers(network), answers(plain.answer)),
        "training step": (step(network.loss), step(plain.loss)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few images: shows that all runs")
    asked = parser.parse_args()
    device = torch.device(asked.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
    print(f"{date.today()}, {name or platform.machine()}, torch {torch.__version__}")
    print("| case | measured | images a pass | images/s | plain images/s | ratio |")
    print("|---|---|---|---|---|---|")
    for case in CASES:
        if asked.only not in case:
            continue
        for ours, theirs in sides(case, 4, device, torch.float64, glimpses=2).values():
            torch.testing.assert_close(ours(), theirs(), rtol=0, atol=1e-6)
        count = 4 if asked.quick else CASES[case][2 if device.type == "cpu" else 3]
        for what, (ours, theirs) in sides(case, count, device).items():
            for side in (ours, theirs):
                side()
            times = [(timed(ours, device), timed(theirs, device)) for _ in range(asked.repeats)]
            mine, plain = (count / statistics.median(side) for side in zip(*times, strict=True))
            print(
                f"| {case} | {what} | {count} | {mine:,.0f} | {plain:,.0f} | {mine / plain:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
