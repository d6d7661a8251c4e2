"""Log-polar convolutions against their plain form, and the memory and time that they need.

The plain form holds all samples and responses (`log_polar_sides.py`). Sides are measured in turn in
one process, so that a drift of the machine meets all of them; errors are the largest absolute
difference of responses from float64, and that of gradients in the 2-norm. Peak memory is that of a
fresh process for each side. ``--csv`` writes times and memory over channels, radii, angles and
sides of the image, as the figure ``layer_costs`` reads them.
"""

import argparse
import csv
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

import log_polar_sides as sides
import numba
import torch
from log_polar_sides import SIDES, Case
from scaled_conv import peak, processor
from torch.nn import functional as F

from isotrope import build_model, devices

CASES = {
    "inference, tau_max 8": Case(),
    "inference, tau_max 14": Case(tau_max=14.0),
    "inference, k = 3": Case(size=3),
    "training, tau_max 8": Case(backward=True),
    "training, tau_max 14": Case(tau_max=14.0, backward=True),
    "training, k = 3": Case(size=3, backward=True),
    "inference, top-k 12": Case(topk=12),
    "training, top-k 12": Case(topk=12, backward=True),
    "inference, Gaussian bank": Case(kind="gaussian"),
    "training, Gaussian bank": Case(kind="gaussian", backward=True),
    "training, T = 20, C = 32, O = 64": Case(2, 32, 64, 20, tau_max=30.0, backward=True),
}
CUDA_CASES = {"training": Case(64, 32, 64, 20, tau_max=30.0, backward=True)}
TRIED = {"training, tried out": Case(2, 4, 4, 6, 8, 3, 6.0, 9, backward=True)}
PRECISIONS = {
    "float32": ("float32", None),
    "tf32": ("tf32", None),
    "bfloat16": ("float32", torch.bfloat16),
}
SWEEPS = {
    "channels": (1, 4, 8, 16, 32, 64),
    "radii": (8, 12, 20, 30),
    "angles": (8, 12, 16, 24),
    "side": (14, 20, 28, 40),
}
BASE = Case(batch=4)
TABLE = Path("out/tables/log_polar/layer_costs.csv")
COLUMNS = ("run", "point", "seed", "implementation", *SWEEPS, "metric", "value", "n")


def milliseconds(run, device):
    """Wall time on a GPU, CPU time of this process elsewhere."""
    devices.synchronize(device)
    begin = time.perf_counter(), time.process_time()
    run()
    devices.synchronize(device)
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return 1000 * (wall if device.type == "cuda" else cpu)


def in_turn(runs, device, repeats):
    """Times of each, measured in turn after one pass that does not count."""
    for run in runs:
        run()
    found = [[milliseconds(run, device) for run in runs] for _ in range(repeats)]
    return list(zip(*found, strict=True))


def errors(found, exact):
    """That of the responses, and the worst of the gradients, relative."""
    first = (found[0].double() - exact[0]).abs().max().item()
    rest = [
        ((one.double() - right).norm() / right.norm()).item()
        for one, right in zip(found[1:], exact[1:], strict=True)
    ]
    return f"{first:.0e}, {max(rest):.0e}" if rest else f"{first:.0e}"


def memory(case, side, repeats=1):
    """The median of what fresh processes take above their inputs, in MiB."""
    command = [sys.executable, __file__, "--peak-of", side, *map(str, case)]
    found = [float(subprocess.check_output(command, text=True)) for _ in range(repeats)]
    return statistics.median(found)


def report_peak(words):
    side, *settings = words
    kinds = (int, int, int, int, int, int, float, int, str)
    case = Case(*(kind(word) for kind, word in zip(kinds, settings, strict=False)))
    case = case._replace(topk=None if settings[9] == "None" else int(settings[9]))
    case = case._replace(backward=settings[10] == "True")
    device = torch.device("cpu")
    small = Case(1, 1, 1, 6, 6, 5, 2.0, 6, case.kind, 6 if case.topk else None, case.backward)
    sides.layer_pass(small, side, device, torch.float32)()  # compiles, and loads what is needed
    run = sides.layer_pass(case, side, device, torch.float32)
    before = _now()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    run()
    print(peak(device) - before)


def _now():
    """The memory of this process, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def compare(what, case, repeats):
    device = torch.device("cpu")
    exact = sides.layer_pass(case, "plain", device, torch.float64)()
    runs = [sides.layer_pass(case, side, device, torch.float32) for side in SIDES]
    off = [errors(run(), exact) for run in runs]
    times = in_turn(runs, device, repeats)
    used = [memory(case, side) for side in SIDES]
    for side, found, error, mebibytes in zip(SIDES, times, off, used, strict=True):
        ratio = statistics.median(a / b for a, b in zip(times[0], found, strict=True))
        print(
            f"| {what} | {side} | {statistics.median(found):.0f} ({min(found):.0f}) | {ratio:.1f} "
            f"| {mebibytes:.1f} | {used[0] / mebibytes:.1f} | {case.floor / 2**20:.1f} | {error} |",
            flush=True,
        )


def compare_on_a_gpu(what, case, device, repeats):
    """A layer's training step in each precision, against the plain form in the same."""
    chosen = ("plain", "few launches")
    for name, (arithmetic, autocast) in PRECISIONS.items():
        with devices.arithmetic(device, 1, arithmetic):
            runs = [
                sides.layer_pass(case, side, device, torch.float32, autocast) for side in chosen
            ]
            plain, ours = (run()[0].float() for run in runs)
            largest = plain.abs().max().item()
            torch.testing.assert_close(plain, ours, rtol=0, atol=0.05 * largest)
            del plain, ours
            times = in_turn(runs, device, repeats)
        _print_gpu(f"{what}, {name}", times, case.operations)


def compare_networks(device, batch, side, repeats):
    """A training step of an `lp_resnet`, against the same network with the plain form."""
    images = torch.randn(batch, 3, side, side, device=device)
    labels = torch.arange(batch, device=device) % 10
    torch.manual_seed(1)
    depth = 20 if device.type == "cuda" else 8
    settings = {"depth": depth, "dropout": 0.0, "trim": min(8, side // 4)}
    network = build_model("lp_resnet", image_shape=(3, side, side), classes=10, **settings)
    network = network.to(device).train()
    inner = next(one for one in network.modules() if hasattr(one, "blocks"))
    optimizer = torch.optim.SGD(network.parameters(), lr=0)

    def step(respond):
        optimizer.zero_grad()
        F.cross_entropy(respond(images), labels).backward()
        optimizer.step()

    for name, (arithmetic, autocast) in PRECISIONS.items():
        with devices.arithmetic(device, 1, arithmetic):
            respond = [partial(sides.plain_network, inner), inner]
            with torch.no_grad():
                logits = [one(images) for one in respond]
            torch.testing.assert_close(*logits, rtol=0, atol=0.01 * logits[0].abs().max().item())
            runs = [partial(_cast, device, autocast, partial(step, one)) for one in respond]
            times = in_turn(runs, device, repeats)
        _print_gpu(f"`lp_resnet` {depth}, a step of {batch} images, {name}", times, None)


def _cast(device, autocast, run):
    with torch.autocast(device.type, autocast, enabled=autocast is not None):
        run()


def _print_gpu(what, times, operations):
    middle = [statistics.median(found) for found in times]
    rates = [operations / one / 1e9 for one in middle] if operations else None
    words = "-" if rates is None else f"{rates[0]:.2f} and {rates[1]:.2f}"
    print(
        f"| {what} | {middle[0]:.1f} ({min(times[0]):.1f}) | {middle[1]:.1f} ({min(times[1]):.1f}) "
        f"| {middle[0] / middle[1]:.1f} | {words} |",
        flush=True,
    )


def write_table(path, repeats):
    """The rows of the figure ``layer_costs``."""
    device, rows, seen = torch.device("cpu"), [], set()
    run = f"{processor()}, one thread, training, {date.today()}"
    for size, values in SWEEPS.items():
        field = {"channels": "channels", "radii": "radii", "angles": "angles", "side": "side"}[size]
        for value in values:
            case = BASE._replace(**{field: value}, backward=True)
            if case in seen:
                continue
            seen.add(case)
            times = in_turn(
                [sides.layer_pass(case, side, device, torch.float32) for side in SIDES],
                device,
                repeats,
            )
            for side, found in zip(SIDES, times, strict=True):
                settings = (case.channels, case.radii, case.angles, case.side)
                for metric, number, count in (
                    ("milliseconds", statistics.median(found), repeats),
                    ("mebibytes", memory(case, side), 1),
                    ("floor_mebibytes", case.floor / 2**20, 1),
                ):
                    rows.append((run, "base", 1, side, *settings, metric, round(number, 4), count))
            print(f"{size} {value}: {', '.join(f'{min(one):.0f} ms' for one in times)}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], help="left out: the CPU's table")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="what has this in its name")
    parser.add_argument("--csv", type=Path, nargs="?", const=TABLE, help=f"default {TABLE}")
    parser.add_argument("--peak-of", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.peak_of:
        report_peak(options.peak_of)
        return
    if options.csv:
        write_table(options.csv, options.repeats)
        return
    cuda = options.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else processor()
    print(
        f"{date.today()}, {name}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"numba {numba.__version__}; medians (least) of {options.repeats}\n"
    )
    if options.device:  # the GPU's comparison; on the CPU with tiny sizes, to see that it runs
        device = torch.device(options.device)
        print("| what | plain (ms) | here (ms) | ratio | TFLOP/s |\n|---|---|---|---|---|")
        for what, case in (CUDA_CASES if cuda else TRIED).items():
            compare_on_a_gpu(what, case, device, options.repeats)
        compare_networks(device, *((64, 32) if cuda else (2, 12)), options.repeats)
        return
    print(
        "| what | form | CPU time (ms) | ratio | peak memory (MiB) | ratio | floor (MiB) "
        "| errors |\n|---|---|---|---|---|---|---|---|"
    )
    for what, case in CASES.items():
        if options.only in what:
            compare(what, case, options.repeats)


if __name__ == "__main__":
    main()
