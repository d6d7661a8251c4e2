"""Borders, filters and their samplings, against the plain forms of torch's operations.

Sides are measured in turn in one process, so that a drift of the machine meets both, after they
were compared in float64. On a CPU times are CPU time of one thread.
"""

import argparse
import copy
import platform
import statistics
import time
from datetime import date
from functools import partial

import torch
from scaled_conv import processor
from torch import nn
from torch.nn import functional as F

from isotrope import devices
from isotrope.layers import TIPS, AdaptiveBlur, BinomialBlur, BlurPool, IdealDownsample
from isotrope.layers.wrapping import padded

SIZE = (16, 64, 32, 32)


def around(maps, before, after):
    """A circular border of torch."""
    return F.pad(maps, (before, after, before, after), mode="circular")


class PlainBlur(nn.Module):
    """A border and a depthwise convolution, at every ``stride``-th pixel."""

    def __init__(self, size, channels, stride):
        super().__init__()
        row = torch.tensor(BinomialBlur(size).taps, dtype=torch.float64)
        kernel = torch.outer(row, row).expand(channels, 1, -1, -1).contiguous()
        self.size, self.stride = size, stride
        self.register_buffer("kernel", kernel)

    def forward(self, maps):
        """The blurred maps."""
        maps = around(maps, (self.size - 1) // 2, self.size // 2)
        return F.conv2d(maps, self.kernel, stride=self.stride, groups=len(self.kernel))


class PlainAdaptiveBlur(nn.Module):
    """Unfolded maps times the weights of each pixel, and a slice."""

    def __init__(self, ours, stride):
        super().__init__()
        self.convolution, self.norm = copy.deepcopy((ours.convolution, ours.norm))
        self.size, self.groups, self.stride = ours.size, ours.groups, stride

    def forward(self, maps):
        """The filtered maps."""
        batch, channels, height, width = maps.shape
        maps = around(maps, self.size // 2, self.size // 2)
        weights = self.norm(self.convolution(maps)).softmax(1)
        weights = weights.view(batch, self.groups, 1, self.size**2, height * width)
        maps = F.unfold(maps, self.size)
        maps = maps.view(batch, self.groups, channels // self.groups, self.size**2, -1)
        found = (maps * weights).sum(3).view(batch, channels, height, width)
        return found[..., :: self.stride, :: self.stride]


class PlainTIPS(nn.Module):
    """A depthwise convolution, an adaptive pool, and stacked phases times their weights."""

    def __init__(self, ours):
        super().__init__()
        self.convolution, self.factor = copy.deepcopy((ours.convolution, ours.factor))

    def forward(self, maps):
        """The mixtures."""
        channels = maps.shape[1]
        features = F.conv2d(around(maps, 1, 1), self.convolution.weight, groups=channels).relu()
        weights = self.factor(F.adaptive_avg_pool2d(features, 2)).flatten(2).softmax(-1)
        phases = [maps[..., row::2, column::2] for row in range(2) for column in range(2)]
        return (torch.stack(phases, dim=2) * weights[..., None, None]).sum(2)


def plain_ideal(maps):
    """A full spectrum without its high frequencies, back again, and a slice."""
    height, width = maps.shape[-2:]
    spectrum = torch.fft.rfft2(maps)
    kept = torch.zeros(spectrum.shape[-2:], device=maps.device, dtype=maps.dtype)
    kept[: height // 4, : width // 4] = kept[1 - height // 4 :, : width // 4] = 1
    return torch.fft.irfft2(spectrum * kept, s=(height, width))[..., ::2, ::2]


def pairs(channels, dtype, device):
    """A name, then the plain form, ours, and the parameters of each."""
    torch.manual_seed(1)
    found = {
        "circular border of 1": (partial(around, before=1, after=1), border),
        "ideal, stride 2": (plain_ideal, IdealDownsample(2)),
    }
    for size in (2, 3, 5, 7):
        found[f"lpf{size}"] = PlainBlur(size, channels, 1), BinomialBlur(size)
        found[f"lpf{size}, stride 2"] = PlainBlur(size, channels, 2), BlurPool(size)
    for stride in (1, 2):
        ours = AdaptiveBlur(channels)
        name = "ddac3, 8 groups" + (", stride 2" if stride == 2 else "")
        found[name] = PlainAdaptiveBlur(ours, stride), Strided(ours, stride)
    ours = TIPS(channels)
    found["tips, stride 2"] = PlainTIPS(ours), ours
    for both in found.values():
        for side in both:
            if isinstance(side, nn.Module):
                side.to(device, dtype)
    return found


def border(maps):
    """A circular border of ours."""
    return padded(maps, (1, 1, 1, 1), "circular")


class Strided(nn.Module):
    """A filter at every ``stride``-th pixel."""

    def __init__(self, layer, stride):
        super().__init__()
        self.layer, self.stride = layer, stride

    def forward(self, maps):
        """The filtered maps."""
        return self.layer(maps, self.stride)


def both_ways(maps, layer):
    """The output and all gradients."""
    weights = list(layer.parameters()) if isinstance(layer, nn.Module) else []
    out = layer(maps)
    given = torch.linspace(-1, 1, out.numel(), device=out.device, dtype=out.dtype)
    return [out.detach(), *torch.autograd.grad(out, [maps, *weights], given.view_as(out))]


def milliseconds(run, device):
    """Wall time on a GPU, CPU time of this process elsewhere."""
    devices.synchronize(device)
    begin = time.perf_counter(), time.process_time()
    run()
    devices.synchronize(device)
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return 1000 * (wall if device.type == "cuda" else cpu)


def compare(size, device, repeats):
    """Both sides agree in float64; then each is timed in turn, forward and backward."""
    maps = torch.randn(size, dtype=torch.float64).to(device).requires_grad_()
    for both in pairs(size[1], torch.float64, device).values():
        one, other = (both_ways(maps, side) for side in both)
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    maps = maps.detach().float().requires_grad_()
    for name, both in pairs(size[1], torch.float32, device).items():
        runs, times = [partial(both_ways, maps, side) for side in both], ([], [])
        for turn in range(repeats + 3):
            for run, found in zip(runs, times, strict=True):
                spent = milliseconds(run, device)
                if turn >= 3:
                    found.append(spent)
        (plain, plain_least), (ours, least) = ((statistics.median(x), min(x)) for x in times)
        print(
            f"| {name} | {plain:.2f} ({plain_least:.2f}) | {ours:.2f} ({least:.2f}) "
            f"| {plain / ours:.2f} ({plain_least / least:.2f}) |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device, cuda = torch.device(options.device), options.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else processor()
    size = (2, 8, 8, 8) if options.quick else SIZE
    print(
        f"{date.today()}, {name}, Python {platform.python_version()}, torch {torch.__version__}; "
        f"forward and backward of {size}, medians (least) of {options.repeats}\n\n"
        "| layer | plain (ms) | here (ms) | ratio |\n|---|---|---|---|"
    )
    compare(size, device, options.repeats)


if __name__ == "__main__":
    main()
