"""What each form of downsampling costs a `shift_resnet`: parameters, operations, time.

Writes the table of the figure ``method_costs`` and prints it. The networks are measured in turn in
one process, so that a drift of the machine meets all of them; on a CPU it is the time of this
process. Operations are those of convolutions and products, two for each multiplication and
addition, of one image. A training step is forward, backward and a step of gradient descent.
"""

import argparse
import csv
import statistics
from datetime import date
from functools import partial
from pathlib import Path

import torch
from log_polar import in_turn
from scaled_conv import processor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from isotrope import build_model

METHODS = {
    "strided": {"downsampling": "strided"},
    "average": {"downsampling": "avgpool"},
    "decimation": {"downsampling": "decimation"},
    "LPF-2": {"downsampling": "decimation", "antialias": "lpf2"},
    "LPF-3": {"downsampling": "decimation", "antialias": "lpf3"},
    "LPF-5": {"downsampling": "decimation", "antialias": "lpf5"},
    "DDAC-3": {"downsampling": "decimation", "antialias": "ddac3"},
    "ideal": {"downsampling": "ideal"},
    "TIPS": {"downsampling": "tips"},
    "APS": {"downsampling": "aps"},
    "APS, LPF-3": {"downsampling": "aps", "antialias": "lpf3"},
    "LPS, tiny": {"downsampling": "lps", "logit_width": "tiny"},
    "LPS, small": {"downsampling": "lps", "logit_width": "small"},
    "LPS, small, LPF-3": {"downsampling": "lps", "logit_width": "small", "antialias": "lpf3"},
    "LPS": {"downsampling": "lps", "logit_width": "default"},
}
SELECTING = "component_selection"  # in the names of the parameters of logit networks
TABLE = Path("out/tables/shift/method_costs.csv")
COLUMNS = ("run", "point", "seed", "network", "method", "metric", "value", "n")
FORMS = {
    "parameters": ",.0f",
    "logit_parameters": ",.0f",
    "megaflops": ",.1f",
    "training_milliseconds": ",.1f",
    "inference_milliseconds": ",.1f",
}


def built(settings, options):
    torch.manual_seed(1)
    shape, stem = (3, options.side, options.side), "imagenet" if options.side > 64 else "cifar"
    whole = {"depth": options.depth, "width": options.width, "stem": stem, **settings}
    network = build_model("shift_resnet", image_shape=shape, classes=10, **whole)
    return network.to(options.device)


def training_step(network, images, labels):
    network.zero_grad()
    F.cross_entropy(network.train()(images), labels).backward()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.sub_(parameter.grad, alpha=1e-6)


def answer(network, images):
    with torch.no_grad():
        network.eval()(images)


def facts(network, images):
    """Numbers that no clock is needed for."""
    named = dict(network.named_parameters())
    with FlopCounterMode(display=False) as counter:
        answer(network, images[:1])
    return {
        "parameters": sum(one.numel() for one in named.values()),
        "logit_parameters": sum(one.numel() for name, one in named.items() if SELECTING in name),
        "megaflops": counter.get_total_flops() / 1e6,
    }


def measured(options):
    chosen = {name: its for name, its in METHODS.items() if options.only in name}
    networks = {name: built(settings, options) for name, settings in chosen.items()}
    images = torch.rand(options.batch, 3, options.side, options.side, device=options.device)
    labels = torch.arange(options.batch, device=options.device) % 10
    found = {name: facts(network, images) for name, network in networks.items()}
    for metric, step in (
        ("training_milliseconds", lambda one: partial(training_step, one, images, labels)),
        ("inference_milliseconds", lambda one: partial(answer, one, images)),
    ):
        device = torch.device(options.device)
        times = in_turn([step(one) for one in networks.values()], device, options.repeats)
        for name, its in zip(networks, times, strict=True):
            found[name][metric] = statistics.median(its)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--depth", type=int, default=18)
    parser.add_argument("--width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("--side", type=int, default=32, help="pixels; above 64: ImageNet's stem")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="methods that have this in their name")
    parser.add_argument("--csv", type=Path, default=TABLE, help=f"default {TABLE}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name() if options.device == "cuda" else processor()
    threads = "" if options.device == "cuda" else ", CPU time of one thread"
    run = f"{name}{threads}, batches of {options.batch}, {date.today()}"
    width = "" if options.width == 64 else f", width {options.width}"
    network = f"ResNet-{options.depth}{width}, {options.side} x {options.side} pixels"
    rows = []
    print(f"{network}; {run}; torch {torch.__version__}\n")
    print(f"| method | {' | '.join(FORMS)} |\n|---|{'---|' * len(FORMS)}")
    for method, values in measured(options).items():
        words = [f"{values[metric]:{form}}" for metric, form in FORMS.items()]
        print(f"| {method} | {' | '.join(words)} |")
        for metric in FORMS:
            n = options.repeats if "milliseconds" in metric else 1
            rows.append((run, "base", 1, network, method, metric, round(values[metric], 4), n))
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
