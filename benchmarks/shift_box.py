"""The box of shifts: `shift_accuracy` against one forward pass for each shift, rolled on the host.

The other side is the loop that a reader of a paper would write: for each of the 81 shifts and each
batch, images are rolled on the host by NumPy, go to the device, and their answers come back. Both
sides give the accuracy of each shift, which must agree. They take turns in one process; of each the
fastest turn counts. On a CPU the time is that of the process, on a GPU that of the clock.

With ``--counted`` nothing is timed: the operations of a pass of the evaluation are counted, as in
``operations.py``, and what they would take an H100 one after the other at its rates.
"""

import argparse
import time
from contextlib import ExitStack, nullcontext
from datetime import date
from unittest.mock import patch

import numpy as np
import torch
from operations import Operations, milliseconds
from scaled_conv import processor

from isotrope import build_model, devices
from isotrope.datasets.images import Images
from isotrope.evaluation import _shifting, shift_accuracy
from isotrope.layers import forms
from isotrope.measuring.networks import Networks

REACH = 4
SHIFTS = (2 * REACH + 1) ** 2
MODELS = {
    "strided": {"downsampling": "strided"},
    "lps, small": {"downsampling": "lps", "logit_width": "small"},
    "lps, default": {"downsampling": "lps", "logit_width": "default"},
}
SIZES = {"cpu": (64, 8), "cuda": (2000, 64)}  # images, width
GOAL = 10_000  # images


def network(name, width):
    """A `shift_resnet` for CIFAR, with random weights."""
    torch.manual_seed(1)
    settings = {"depth": 18, "stem": "cifar", "padding": "circular", "width": width}
    return build_model("shift_resnet", (3, 32, 32), 10, **settings, **MODELS[name])


def box(networks, data):
    """The accuracy of each shift, by the evaluation."""
    params = shift_accuracy.Params(reach=REACH, paddings=["circular"], subpixel=[])
    with torch.inference_mode():
        rows = shift_accuracy.evaluate(networks, data, params)
    return {
        (row["x"], row["y"]): row["value"]
        for row in rows
        if row["metric"] == "accuracy" and "x" in row
    }


def loop(networks, data):
    """The accuracy of each shift, one after the other."""
    ((_, model),) = networks
    images, labels = data.images.numpy(), data.labels.numpy()
    size, found = devices.evaluation_batch(networks.device), {}
    with torch.inference_mode():
        for y in range(-REACH, REACH + 1):
            for x in range(-REACH, REACH + 1):
                right = 0
                for start in range(0, len(images), size):
                    rolled = np.roll(images[start : start + size], (y, x), (2, 3))
                    unit = torch.from_numpy(rolled).float().div_(255).to(networks.device)
                    answers = model(unit).argmax(dim=1).cpu().numpy()
                    right += int((answers == labels[start : start + size]).sum())
                found[float(x), float(y)] = right / len(images)
    return found


def seconds(function, networks, data):
    """What a side takes, and what it gives."""
    devices.synchronize(networks.device)
    clock = time.process_time if networks.device.type == "cpu" else time.perf_counter
    begin = clock()
    found = function(networks, data)
    devices.synchronize(networks.device)
    return clock() - begin, found


def compare(name, device, count, width, turns):
    """A row of the table."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    data = Images(images, torch.randint(0, 10, (count,), generator=generator))
    networks = Networks({1: network(name, width).to(device)}, device)
    best, apart = {}, 0.0
    for turn in range(turns + 1):
        took, found = {}, {}
        for side, function in (("box", box), ("loop", loop)):
            took[side], found[side] = seconds(function, networks, data)
        if turn:  # the first warms up
            best = {side: min(took[side], best.get(side, took[side])) for side in took}
        apart = max(abs(found["box"][at] - found["loop"][at]) for at in found["loop"])
    rates = {side: SHIFTS * count / found for side, found in best.items()}
    whole = GOAL / count * best["box"]
    return (
        f"| `{name}` | {width} | {count} | {rates['box']:,.0f} | {rates['loop']:,.0f} | "
        f"{rates['box'] / rates['loop']:.2f} | {whole:,.0f} | {apart:.1e} |"
    )


def counted(name, width):
    """A row of the table of what is counted: of a pass with as many shifts as a GPU joins."""
    device = torch.device("meta")
    networks = Networks({1: network(name, width).to(device)}, device, alike=True)
    images = torch.empty(128, 3, 32, 32, device=device)
    with ExitStack() as settings:
        settings.enter_context(forms.like_a_gpu())
        settings.enter_context(torch.inference_mode())
        # torch has no autocast on the device "meta", nor is one wanted
        settings.enter_context(patch("torch.autocast", lambda *_, **__: nullcontext()))
        settings.enter_context(patch("torch.is_autocast_enabled", lambda *_: False))
        joined = _shifting.at_once(images)
        shown = _shifting.by_whole_pixels(images, REACH, None)
        ways = [shown(_shifting.Shift(x, y)) for y in (0, 1) for x in range(-REACH, REACH + 1)]
        _shifting.answers_to(networks, ways[:joined], range(128))
        with Operations() as found:
            _shifting.answers_to(networks, ways[:joined], range(128))
    flops, moved, shown_images = found.flops.total(), found.moved.total(), 128 * joined
    whole = SHIFTS * GOAL / shown_images * milliseconds(flops, moved) / 1000
    return (
        f"| `{name}` | {width} | {joined} | {found.launches.total()} | "
        f"{flops / shown_images / 1e9:.2f} | {moved / shown_images / 1e6:.0f} | {whole:.0f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--images", type=int, help="64 on a CPU, 2000 on a GPU")
    parser.add_argument("--width", type=int, help="of the network: 8 on a CPU, 64 on a GPU")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--counted", action="store_true", help="count for an H100, time nothing")
    parser.add_argument("--only", choices=list(MODELS), help="one network")
    options = parser.parse_args()
    device = torch.device(options.device)
    count, width = SIZES[options.device]
    names = [options.only] if options.only else list(MODELS)
    if options.counted:
        print(
            "| `shift_resnet` 18 | width | shifts in a pass | launches | GFLOP an image | "
            f"MB an image | {SHIFTS} shifts of {GOAL:,} images (s) |"
        )
        print("|---|---|---|---|---|---|---|")
        for name in names:
            print(counted(name, options.width or SIZES["cuda"][1]), flush=True)
        return
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{processor()}, one thread"
    print(f"{date.today()}, {where}, torch {torch.__version__}; shifted images a second\n")
    print(
        "| `shift_resnet` 18 | width | images | evaluation | loop | ratio | "
        f"{SHIFTS} shifts of {GOAL:,} images (s) | accuracies differ by |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with devices.arithmetic(device, 1):
        for name in names:
            count_, width_ = options.images or count, options.width or width
            print(compare(name, device, count_, width_, options.turns), flush=True)


if __name__ == "__main__":
    main()
