"""Attacks against the passes that they consist of, and against torchattacks where it is installed.

Overhead: `pgd` and `apgd` against bare passes, as many forward and backward as they take, through
the same network and batch. Sides take turns in one process; a turn of a side is a whole attack, and
of each the fastest turn counts. On a CPU the time is that of the process, on a GPU that of the
clock. Where others use the machine, two such times differ by more than the overhead, so the same
attack on a network that costs nothing (it answers with the first pixels) is timed, too: all that it
takes is the attack's own. Before, `pgd` is compared with a plain loop in float64: the points must
agree.

Fooled images leave: the same attack with ``stop_early``, on a network that is fooled easily.

Draws: a stochastic network with 20 draws in one pass, against a pass for each draw.
"""

import argparse
import time
from datetime import date

import torch
from scaled_conv import processor
from torch.nn import functional as F

from isotrope import build_model, devices
from isotrope.attacks import Victim, apgd, pgd, square

try:
    import torchattacks
except ImportError:
    torchattacks = None

EPS, STEPS, DRAWS = 8 / 255, 20, 20
NETWORKS = {  # model, image shape, classes, settings, images in a batch on a CPU and on a GPU
    "`cnn` on 28 x 28": ("cnn", (1, 28, 28), 10, {}, 64, 1024),
    "`shift_resnet` 18 on 32 x 32": (
        "shift_resnet",
        (3, 32, 32),
        10,
        {"depth": 18, "stem": "cifar", "downsampling": "strided", "width": 16},
        32,
        512,
    ),
}


class Drawing(torch.nn.Module):
    """A network that adds noise of its own to the images."""

    def __init__(self, inner, shape):
        super().__init__()
        self.inner, self.shape = inner, shape

    def draw(self, generator, count):
        return torch.randn(count, *self.shape, generator=generator)

    def forward(self, images, noise):
        return self.inner(images + 0.05 * noise)


def bare(network, images, labels, steps=STEPS):
    """The passes of an attack: as many forward and backward, and nothing between them."""
    for _ in range(steps):
        points = images.detach().requires_grad_()
        loss = F.cross_entropy(network(points), labels, reduction="sum")
        torch.autograd.grad(loss, points)
    with torch.no_grad():
        network(images)


def first_pixels(images):
    """Ten logits that cost nothing."""
    return images.flatten(1)[:, :10]


def plain_pgd(network, images, labels, size):
    """The points of a plain loop that begins at the images."""
    points = images
    for _ in range(STEPS):
        points = points.detach().requires_grad_()
        loss = F.cross_entropy(network(points), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, points)
        away = (points.detach() + size * slope.sign() - images).clamp(-EPS, EPS)
        points = (images + away).clamp(0, 1)
    return points


def agree(network, images, labels):
    """The largest difference of `pgd` from a plain loop, in float64, where neither is better."""
    network, images = network.double(), images[:8].double()
    kept = []

    def watched(points):
        kept.append(points.detach())
        return network(points)

    pgd(watched, images, labels[:8], eps=EPS, steps=STEPS, step_size=EPS / 5, random_start=False)
    expected = plain_pgd(network, images, labels[:8], EPS / 5)
    network.float()
    return (kept[-1] - expected).abs().max().item()


def seconds(work, device):
    """Time of the process on a CPU, of the clock on a GPU."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    devices.synchronize(device)
    begin = clock()
    work()
    devices.synchronize(device)
    return clock() - begin


def in_turn(sides, device, turns):
    """The fastest turn of each side."""
    for work in sides.values():
        work()
    found = {name: float("inf") for name in sides}
    for _ in range(turns):
        for name, work in sides.items():
            found[name] = min(found[name], seconds(work, device))
    return found


def made(name, device):
    """A network of random weights whose parameters want no gradients, images and own labels."""
    model, shape, classes, settings, on_cpu, on_gpu = NETWORKS[name]
    torch.manual_seed(1)
    network = build_model(model, shape, classes, **settings).to(device).eval().requires_grad_(False)
    count = on_cpu if device.type == "cpu" else on_gpu
    images = torch.rand(count, *shape).to(device)
    with torch.no_grad():
        return network, images, network(images).argmax(dim=1)


def overhead(name, device, turns):
    """A row: bare passes and attacks."""
    network, images, labels = made(name, device)
    apart = agree(network, images, labels)
    settings = {"eps": EPS, "steps": STEPS}
    sides = {
        "bare": lambda: bare(network, images, labels),
        "pgd": lambda: pgd(network, images, labels, **settings),
        "apgd": lambda: apgd(network, images, labels, **settings),
        "pgd itself": lambda: pgd(first_pixels, images, labels, **settings),
        "apgd itself": lambda: apgd(first_pixels, images, labels, **settings),
    }
    if torchattacks is not None:
        theirs = torchattacks.PGD(network, eps=EPS, alpha=2.5 * EPS / STEPS, steps=STEPS)
        auto = torchattacks.APGD(network, eps=EPS, steps=STEPS)
        sides |= {"torchattacks": lambda: theirs(images, labels)}
        sides |= {"torchattacks APGD": lambda: auto(images, labels)}
    found = in_turn(sides, device, turns)
    cells = [f"{1000 * found['bare']:.1f}"]
    for side in ("pgd", "apgd"):
        cells.append(f"{1000 * found[side]:.1f} ({found[side] / found['bare'] - 1:+.1%})")
        own = found[f"{side} itself"]
        cells.append(f"{1000 * own:.1f} ({own / found['bare']:.1%})")
    for side in ("torchattacks", "torchattacks APGD"):
        cells.append(f"{1000 * found[side]:.1f}" if side in found else "not installed")
    return f"| {name}, {len(images)} images | {' | '.join(cells)} | {apart:.1e} |"


def leaving(name, device, turns):
    """A row: an attack with and without images that leave."""
    network, images, labels = made(name, device)
    cells = []
    for attack, steps in ((pgd, {"steps": STEPS}), (apgd, {"steps": STEPS}), (square, {})):
        settings = {"eps": EPS, **(steps or {"queries": 100})}
        fooled = attack(network, images, labels, **settings).fooled.double().mean().item()
        sides = {
            early: lambda early=early, attack=attack, settings=settings: attack(
                network, images, labels, **settings, stop_early=early
            )
            for early in (False, True)
        }
        found = in_turn(sides, device, turns)
        cells.append(f"{found[False] / found[True]:.1f} x ({fooled:.0%})")
    return f"| {name} | {' | '.join(cells)} |"


def draws(name, device, turns):
    """A row: draws in one pass, and one after the other."""
    inner, images, labels = made(name, device)
    images, labels = images[:8], labels[:8]
    network = Drawing(inner, images.shape[1:])
    sides = {
        at_once: lambda at_once=at_once: pgd(
            Victim(network, at_once=at_once), images, labels, eps=EPS, steps=5, draws=DRAWS
        )
        for at_once in (None, len(images))
    }
    found = in_turn(sides, device, turns)
    one, many = found[None], found[len(images)]
    cells = f"{1000 * one:.0f} | {1000 * many:.0f} | {many / one:.2f}"
    return f"| {name}, {len(images)} images | {cells} |"


TABLES = {
    "overhead": (
        f"ms of an attack of {STEPS} steps; in brackets: in parts of the bare passes",
        "| network | bare passes | `pgd` | its own work | `apgd` | its own work | torchattacks PGD "
        "| torchattacks APGD | from a plain loop |",
        overhead,
    ),
    "leaving": (
        "times as fast with `stop_early`; in brackets: fooled",
        "| network | `pgd` | `apgd` | `square`, 100 queries |",
        leaving,
    ),
    "draws": (
        f"ms of 5 steps with {DRAWS} draws",
        "| network | in one pass | a pass for each draw | ratio |",
        draws,
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", choices=["overhead", "leaving", "draws"])
    asked = parser.parse_args()
    device = devices.choose(asked.device)
    where = processor() if device.type == "cpu" else devices.describe(device)
    print(f"{date.today()}, {where}, torch {torch.__version__}")
    with devices.arithmetic(device, threads=1, repeatable=device.type == "cpu"):
        for part, (title, head, row) in TABLES.items():
            if asked.only in (None, part):
                rule = "|---" * (head.count("|") - 1) + "|"
                print(f"\n{title}\n\n{head}\n{rule}")
                for name in NETWORKS:
                    print(row(name, device, asked.turns), flush=True)


if __name__ == "__main__":
    main()
