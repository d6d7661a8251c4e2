"""Polyphase layers against a plain form of the published ones, and training steps of a ResNet-18.

Sides are measured in turn in one process, so that a drift of the machine meets all of them, after
each was compared with the other in float64. On a CPU times are CPU time of one thread.
"""

import argparse
import platform
import statistics
import time
from datetime import date
from functools import partial

import torch
from polyphase_plain import PlainAPS, PlainLPD, plain_up
from scaled_conv import processor
from torch import nn
from torch.nn import functional as F

from isotrope import build_model, devices
from isotrope.layers import APS, LPD, LPU, Decimation

SIZE = (16, 64, 32, 32)
NETWORKS = {
    "strided": {"downsampling": "strided"},
    "decimation": {"downsampling": "decimation"},
    "aps": {"downsampling": "aps"},
    "lps, small": {"downsampling": "lps", "logit_width": "small"},
    "lps, default": {"downsampling": "lps", "logit_width": "default"},
}


class Sides:
    """Both forms of a layer with the same weights, and what they are given."""

    def __init__(self, hidden, size, device, dtype=torch.float32):
        torch.manual_seed(1)
        plain = PlainLPD(size[1], hidden)
        ours = LPD(size[1], hidden)
        own = ours.component_selection.state_dict()
        ours.component_selection.load_state_dict(
            dict(zip(own, plain.state_dict().values(), strict=True))
        )
        self.plain, self.ours = plain.to(device, dtype), ours.to(device, dtype)
        self.maps = torch.randn(size).to(device, dtype).requires_grad_()
        self.noise = torch.randn(size[0], 4).to(device, dtype)
        strided = nn.Conv2d(size[1], size[1], 3, 2, padding=1, padding_mode="circular")
        self.strided = strided.to(device, dtype)

    def layers(self):
        """What is compared: a name, then each side's function and its parameters."""
        plain, ours = [*self.plain.parameters()], [*self.ours.parameters()]
        return {
            "LPD": (
                (lambda: self.plain(self.maps, self.noise)[0], plain),
                (lambda: self.ours.down(self.maps, noise=self.noise)[0], ours),
            ),
            "LPD to LPU": (
                (lambda: plain_up(*self.plain(self.maps, self.noise)), plain),
                (lambda: LPU()(*self.ours.down(self.maps, noise=self.noise)), ours),
            ),
            "APS": (
                (lambda: PlainAPS()(self.maps), []),
                (lambda: APS()(self.maps), []),
            ),
        }

    def beside(self):
        """What others put where a stride was."""
        return {
            "Decimation": (lambda: Decimation()(self.maps).contiguous(), []),
            "strided 3 x 3 convolution": (
                lambda: self.strided(self.maps),
                list(self.strided.parameters()),
            ),
        }


def forward(respond, _):
    """The output alone."""
    with torch.no_grad():
        return [respond()]


def both_ways(maps, respond, parameters):
    """The output and all gradients."""
    out = respond()
    weight = torch.linspace(-1, 1, out.numel(), device=out.device, dtype=out.dtype)
    gradients = torch.autograd.grad(out, [maps, *parameters], weight.view_as(out))
    return [out.detach(), *gradients]


def milliseconds(run, device):
    """Wall time on a GPU, CPU time of this process elsewhere."""
    devices.synchronize(device)
    begin = time.perf_counter(), time.process_time()
    run()
    devices.synchronize(device)
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return 1000 * (wall if device.type == "cuda" else cpu)


def in_turn(runs, device, repeats):
    """Times of each, measured in turn after three passes that do not count."""
    for _ in range(3):
        for run in runs:
            run()
    found = [[milliseconds(run, device) for run in runs] for _ in range(repeats)]
    return list(zip(*found, strict=True))


def described(times):
    """The median and the least."""
    return f"{statistics.median(times):.2f} ({min(times):.2f})"


def row(what, times, first="-"):
    """A line of the table, with the ratio of medians and that of the least."""
    middle, least = statistics.median(times), min(times)
    ratios = "-"
    if first != "-":
        ratios = f"{statistics.median(first) / middle:.2f} ({min(first) / least:.2f})"
        first = described(first)
    print(f"| {what} | {first} | {described(times)} | {ratios} |", flush=True)


def compare_layers(hidden, size, device, repeats):
    """The layers in training, and in tests where they choose one phase."""
    exact = Sides(hidden, size, device, torch.float64)
    for plain, ours in exact.layers().values():
        for one, other in zip(
            both_ways(exact.maps, *plain), both_ways(exact.maps, *ours), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    sides = Sides(hidden, size, device)
    for name, both in sides.layers().items():
        if name == "APS" and hidden != size[1]:
            continue  # which has no hidden channels
        label = name if name == "APS" else f"{name}, h = {hidden}"
        for word, way in (
            ("forward and backward", partial(both_ways, sides.maps)),
            ("forward", forward),
        ):
            runs = [partial(way, *side) for side in both]
            theirs, own = in_turn(runs, device, repeats)
            row(f"{label}, training, {word}", own, theirs)
    sides.plain.eval(), sides.ours.eval()
    runs = [partial(forward, *side) for side in sides.layers()["LPD"]]
    theirs, own = in_turn(runs, device, repeats)
    row(f"LPD, h = {hidden}, one phase, forward", own, theirs)
    if hidden == size[1]:
        for name, side in sides.beside().items():
            for word, way in (
                ("forward and backward", partial(both_ways, sides.maps)),
                ("forward", forward),
            ):
                row(f"{name}, {word}", in_turn([partial(way, *side)], device, repeats)[0])


def training_steps(batch, width, device, repeats, precision):
    """Steps of `shift_resnet` 18 with circular borders, whose phases are chosen in several ways."""
    torch.manual_seed(1)
    narrow = torch.bfloat16 if precision == "bfloat16" else None
    layout = torch.channels_last if narrow else torch.contiguous_format
    images = torch.rand(batch, 3, 32, 32).to(device, memory_format=layout)
    labels = torch.arange(batch, device=device) % 10
    noise = torch.randn(batch, 3, 4, device=device)

    def step_of(settings):
        shape = {"image_shape": (3, 32, 32), "classes": 10}
        shared = {"depth": 18, "padding": "circular", "stem": "cifar", "width": width}
        network = build_model("shift_resnet", **shape, **shared, antialias="none", **settings)
        network = network.to(device, memory_format=layout).train()
        given = (noise,) if settings["downsampling"] == "lps" else ()
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

        def step():
            optimizer.zero_grad()
            with torch.autocast(device.type, narrow, enabled=narrow is not None):
                loss = F.cross_entropy(network(images, *given), labels)
            loss.backward()
            optimizer.step()

        return step

    times = dict(
        zip(
            NETWORKS,
            in_turn([step_of(one) for one in NETWORKS.values()], device, repeats),
            strict=True,
        )
    )
    for name, found in times.items():
        middle, least = statistics.median(found), min(found)
        ratios = [
            f"{middle / statistics.median(times[other]):.3f} ({least / min(times[other]):.3f})"
            for other in ("decimation", "strided")
        ]
        print(f"| {name}, {precision} | {described(found)} | {' | '.join(ratios)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--batch", type=int, help="of the training steps; default 8, on a GPU 512")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs")
    parser.add_argument("--only", choices=["layers", "steps"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    device, cuda = torch.device(options.device), options.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else processor()
    print(
        f"{date.today()}, {name}, Python {platform.python_version()}, torch {torch.__version__}; "
        f"medians (least) of {options.repeats}\n"
    )
    size = (2, 8, 8, 8) if options.quick else SIZE
    if options.only != "steps":
        print("| layer | plain (ms) | here (ms) | ratio |\n|---|---|---|---|")
        for hidden in (size[1], size[1] // 8):
            compare_layers(hidden, size, device, options.repeats)
    if options.only != "layers":
        batch = options.batch or (2 if options.quick else 512 if cuda else 8)
        print("\n| step | ms | to decimation | to strided |\n|---|---|---|---|")
        for precision in ("float32", "bfloat16") if cuda or options.quick else ("float32",):
            width = 8 if options.quick else 64
            with devices.arithmetic(device, 1, "float32"):
                training_steps(batch, width, device, options.repeats, precision)


if __name__ == "__main__":
    main()
