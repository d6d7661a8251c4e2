"""`Scattering2d` against Kymatio 0.3's torch backend: time, memory, construction.

Both sides are timed in turn, pass by pass, in processor time on a CPU, so that others on the
machine disturb both alike. Kymatio's side of training is its core, `scattering2d`, with the
wavelets of `morlet_spectra`: Kymatio itself trains none. At four scales that needs the wavelets of
coarser grids, too, which are cut out of the spectra here. Peak memory is that of the second pass of
a fresh process above what it holds before it: fixed wavelets are there by then on both sides.
``pytorch_wavelets`` is another transform, with other wavelets, and timed beside where it is
installed.
"""

import argparse
import ctypes
import gc
import importlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from scaled_conv import peak as peak_so_far

from isotrope.layers import Scattering2d
from isotrope.layers.scattering_transform import Layout, resampled_spectra

CASES = {  # scales, pixels, images
    "J = 2, (16, 3, 32, 32)": (2, 32, 16),
    "J = 4, (4, 3, 128, 128)": (4, 128, 4),
    "J = 4, (4, 3, 224, 224)": (4, 224, 4),
}
ON_A_GPU = {"J = 2, (128, 3, 256, 256)": (2, 256, 128)}


class Kymatio:
    """The other side: its layer, and its core with wavelets that can be trained."""

    def __init__(self, scales, size, device):
        name = "kymatio.scattering2d.frontend.torch_frontend"
        self.layer = importlib.import_module(name).ScatteringTorch2D(scales, (size, size))
        self.layer = self.layer.to(device)

    def __call__(self, images):
        return self.layer(images.contiguous())

    def trained(self, images, ours):
        """By the wavelets of a layer of ours."""
        core = importlib.import_module("kymatio.scattering2d.core.scattering2d").scattering2d
        layer, layout = self.layer, ours._layout
        bank = ours.bank()
        psi = [
            {
                "j": n // ours.L,
                "theta": n % ours.L,
                "levels": self._levels(one, n // ours.L, layout),
            }
            for n, one in enumerate(bank)
        ]
        low = [one[..., None] for one in self._phi(layout, images)]
        shape = images.shape
        found = core(
            images.reshape(-1, *shape[-2:]),
            layer.pad,
            layer.unpad,
            layer.backend,
            layer.J,
            layer.L,
            {"levels": low},
            psi,
            2,
        )
        return found.reshape(*shape[:-2], *found.shape[-3:])

    @staticmethod
    def _levels(spectrum, scale, layout: Layout):
        levels = range(min(scale + 1, max(layout.scales - 1, 1)))
        return [resampled_spectra(spectrum, level, "exact")[..., None] for level in levels]

    @staticmethod
    def _phi(layout, images):
        from isotrope.layers.scattering_sizes import low_pass_spectrum

        full = torch.outer(low_pass_spectrum(layout.rows), low_pass_spectrum(layout.columns))
        full = full.to(images.device, images.dtype)
        return [resampled_spectra(full, level, "exact") for level in range(layout.scales)]


def made(case, device, parameterization):
    scales, size, count = case
    images = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    ours = Scattering2d(scales, (size, size), parameterization=parameterization).to(device)
    return ours, images.to(device)


def passes(case, device, training, only=""):
    """What is timed, by name; or one of it."""
    ours, images = made(case, device, "canonical" if training else "fixed")
    other = None if only == "ours" else Kymatio(case[0], case[1], device)
    places = [side >> case[0] for side in ours.shape]
    weights = torch.randn(images.shape[1], len(ours.paths), *places, device=device)

    def step(run):
        ours.zero_grad()
        (run() * weights).sum().backward()

    if training:
        sides = {"ours": lambda: ours(images), "kymatio": lambda: other.trained(images, ours)}
        return {name: lambda run=run: step(run) for name, run in sides.items()}
    sides = {"ours": lambda: ours(images), "kymatio": lambda: other(images)}
    beside = wavelet_layer(case, images)
    if beside is not None:
        sides["pytorch_wavelets"] = beside
    return {name: torch.no_grad()(run) for name, run in sides.items()}


def wavelet_layer(case, images):
    """A forward pass of ``pytorch_wavelets``' scattering of two orders and two scales, if any."""
    try:
        layer = importlib.import_module("pytorch_wavelets").ScatLayerj2
    except ImportError:
        return None
    layer = layer().to(images.device)
    return (lambda: layer(images)) if case[0] == 2 else None


def in_turn(sides, device, rounds):
    """Seconds of each side in each round, after one round that is not counted."""
    found = {name: [] for name in sides}
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    for number in range(rounds + 1):
        for name, run in sides.items():
            if device.type == "cuda":
                torch.cuda.synchronize()
            begin = clock()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:
                found[name].append(clock() - begin)
    return found


def agreement(case, device):
    """How far both sides are apart, coefficients and gradients, in the 2-norm."""
    ours, images = made(case, device, "canonical")
    other = Kymatio(case[0], case[1], device)
    found = []
    for run in (lambda: ours(images), lambda: other.trained(images, ours)):
        ours.zero_grad()
        values = run()
        values.square().sum().backward()
        found.append([values.detach(), *(one.grad.clone() for one in ours.parameters())])
    return [((a - b).norm() / b.norm()).item() for a, b in zip(*found, strict=True)]


def peak(name, case, training, device):
    """MiB above what is held before, in this process."""
    device = torch.device(device)
    shape = CASES.get(case) or ON_A_GPU[case]
    run = passes(shape, device, training, name)[name]
    if device.type == "cuda":
        run()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        print((torch.cuda.max_memory_allocated() - before) / 2**20)
        return
    run()  # compiles, loads what is needed, and makes the fixed wavelets
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back, to be counted again
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_so_far(device)
    run()
    print(peak_so_far(device) - before)


def peak_of(name, case, training, device):
    asked = ["--peak", name, "--case", case, "--device", device, *["--training"] * training]
    # blocks of this size go back to the system when they are freed: what is held is measured
    there = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**18)}
    command = [sys.executable, __file__, *asked]
    said = subprocess.run(command, capture_output=True, text=True, env=there)
    return float(said.stdout) if said.returncode == 0 else float("nan")


def construction():
    """Seconds to make a transform of four scales for 224 pixels, and its first bank."""
    found = {}
    for name, make in (
        ("ours", lambda: Scattering2d(4, (224, 224))),
        ("ours, with its bank", lambda: Scattering2d(4, (224, 224)).bank()),
        ("kymatio", lambda: Kymatio(4, 224, torch.device("cpu"))),
    ):
        begin = time.process_time()
        make()
        found[name] = time.process_time() - begin
    return found


def rows(case, device, rounds, memory_too):
    """Lines of the table."""
    shape = CASES.get(case) or ON_A_GPU[case]
    for training in (False, True):
        seconds = in_turn(passes(shape, device, training), device, rounds)
        what = "training step" if training else "forward"
        for name, own in seconds.items():
            ratios = [other / one for one, other in zip(own, seconds["kymatio"], strict=True)]
            known = memory_too and name != "pytorch_wavelets"
            memory = f"{peak_of(name, case, training, device.type):.0f}" if known else ""
            median, least = statistics.median(own) * 1e3, min(own) * 1e3
            yield (
                f"| {case} | {what} | {name} | {median:.1f} ({least:.1f}) | "
                f"{statistics.median(ratios):.1f} | {memory} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--case", choices=[*CASES, *ON_A_GPU])
    parser.add_argument("--memory", action="store_true", help="peaks of fresh processes, too")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--training", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.peak:
        peak(asked.peak, asked.case, asked.training, asked.device)
        return
    device = torch.device(asked.device)
    cases = [asked.case] if asked.case else list(ON_A_GPU if device.type == "cuda" else CASES)
    print("| case | pass | side | ms: median (least) | Kymatio's time / this | MiB above inputs |")
    print("|---|---|---|---|---|---|")
    for case in cases:
        for line in rows(case, device, asked.rounds, asked.memory):
            print(line, flush=True)
    smallest = (2, 32, 2)
    print("\nboth sides apart, coefficients, then gradients:", agreement(smallest, device))
    if device.type == "cpu":
        print("construction in seconds at J = 4, 224 pixels:", construction())


if __name__ == "__main__":
    main()
