"""Scaled convolutions in Fourier space against the published form, layer by layer and step by step.

The published form is one ``interpolate`` and one ``conv2d`` for each kernel size, all maps stacked,
then the pool. Both ways compute in float32 and are compared with float64; errors are those of the
worst of all values and gradients, in the 2-norm: where two scales respond equally up to rounding,
either may be given the gradient. Peak memory is that of a fresh process for each side.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from isotrope import build_model, devices
from isotrope.layers import ScalePool, SiConv2d

MODELS = ("pixel_pool", "slice_pool", "energy_pool", "conv3d")


def published_maps(images, convolution):
    """The maps of all kernel sizes as the published layer computes them."""
    k, maps = convolution.kernel_size, []
    for size in convolution.sizes:
        kernel = F.interpolate(convolution.weights, size=(size, size), mode="bicubic")
        found = F.conv2d(images, kernel * (k**2 / size**2), convolution.bias)
        maps.append(F.pad(found, ((size - k) // 2,) * 4))
    return torch.stack(maps, dim=2)


def published_network(network, images):
    """The logits of a model, layer after layer."""
    first = published_maps(images, network.conv1)
    if hasattr(network, "pool1"):
        second = published_maps(network.stage1(network.pool1(first)), network.conv2)
        return network.lin(network.features(network.stage2(network.pool2(second))))
    return network.lin(network.features(network.stage2(network.conv2(network.stage1(first)))))


def layer_2(pooled, device, dtype):
    """The two ways of the costliest part of the published networks, forward and backward."""
    torch.manual_seed(1)
    maps = torch.rand(16, 16, 58, 58).to(device, dtype).requires_grad_()
    convolution, pool = SiConv2d(16, 32, 26, 7).to(device, dtype), ScalePool("pixel")

    def both_ways(respond):
        def run():
            out = respond()
            inputs = [maps, *convolution.parameters()]
            return [out.detach(), *torch.autograd.grad(out.square().mean(), inputs)]

        return run

    if pooled:
        return (
            both_ways(lambda: pool(published_maps(maps, convolution))),
            both_ways(lambda: pool(maps, convolution)),
        )
    return (
        both_ways(lambda: published_maps(maps, convolution)),
        both_ways(lambda: convolution(maps)),
    )


def training_step(name, device, dtype, batch=16):
    """The two ways of a whole step: forward, loss, backward, optimizer."""
    images = torch.rand(batch, 1, 64, 64, generator=torch.Generator().manual_seed(7))
    images, labels = images.to(device, dtype), torch.arange(batch).to(device)
    torch.manual_seed(1)
    network = build_model(name, image_shape=(1, 64, 64), classes=36).to(device, dtype).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0)  # both sides keep the same weights

    def step(respond):
        def run():
            optimizer.zero_grad()
            logits = respond(images)
            F.cross_entropy(logits, labels).backward()
            optimizer.step()
            return [logits.detach(), *(weight.grad.clone() for weight in network.parameters())]

        return run

    return step(lambda images: published_network(network, images)), step(network)


PEAK = "layer 2 and its pixel pool"
COMPARED = {
    PEAK: partial(layer_2, True),
    "layer 2 alone": partial(layer_2, False),
    **{f"`{name}`, training step": partial(training_step, name) for name in MODELS},
}


def seconds(run, device):
    """Wall time on a GPU, CPU time of this process elsewhere."""
    devices.synchronize(device)
    begin = time.perf_counter(), time.process_time()
    run()
    devices.synchronize(device)
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return wall if device.type == "cuda" else cpu


def error(found, exact):
    """The largest relative error of some values and gradients, in the 2-norm."""
    pairs = zip(found, exact, strict=True)
    return max(((one - right).norm() / right.norm()).item() for one, right in pairs)


def compare(what, device, repeats):
    exact = COMPARED[what](device, torch.float64)[1]()
    sides = COMPARED[what](device, torch.float32)
    errors = [error(side(), exact) for side in sides]
    times = ([], [])
    for _ in range(repeats):  # in turn, so that a drift of the machine meets both
        for side, found in zip(sides, times, strict=True):
            found.append(1000 * seconds(side, device))
    middle, least = ([f(found) for found in times] for f in (statistics.median, min))
    print(
        f"| {what} | {middle[0]:.0f} ({least[0]:.0f}) | {middle[1]:.0f} ({least[1]:.0f}) "
        f"| {middle[0] / middle[1]:.1f} | {errors[0]:.0e} | {errors[1]:.0e} |",
        flush=True,
    )


def report_peak(side, device):
    """Prints the memory of this fresh process before and the most during one pass, in MiB."""
    run = layer_2(True, device, torch.float32)[side]
    before = peak(device)
    run()
    print(before, peak(device))


def peak(device):
    """The most memory in use so far, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def compare_peaks(options):
    command = [sys.executable, __file__, "--device", options.device, "--peak-of"]
    middle = []
    for side in ("0", "1"):
        found = [subprocess.check_output([*command, side], text=True).split() for _ in range(3)]
        middle.append(
            [statistics.median(map(float, column)) for column in zip(*found, strict=True)]
        )
    (before, plain), (_, ours) = middle
    print(
        f"\nPeak memory of {PEAK}, median of 3 fresh processes: published {plain:.0f} MiB, here "
        f"{ours:.0f} MiB; above the {before:.0f} MiB before the pass {plain - before:.0f} and "
        f"{ours - before:.0f} MiB, ratio {(plain - before) / (ours - before):.1f}."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="what has this in its name")
    parser.add_argument("--peak-of", type=int, choices=[0, 1], help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    if options.peak_of is not None:
        report_peak(options.peak_of, device)
        return
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name() if cuda else processor()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    clock = "wall time" if cuda else "CPU time of one thread"
    print(
        f"{date.today()}, {name}, {versions}; 16 images, median (least) {clock} over "
        f"{options.repeats} passes\n\n"
        "| what | published form (ms) | here (ms) | ratio | its error | error here |\n"
        "|---|---|---|---|---|---|"
    )
    with devices.arithmetic(device, threads=1):
        for what in COMPARED:
            if options.only in what:
                compare(what, device, options.repeats)
    if options.only in PEAK:
        compare_peaks(options)


def processor():
    """The name of the CPU."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "CPU"


if __name__ == "__main__":
    main()
