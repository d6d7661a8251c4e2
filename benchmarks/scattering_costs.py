"""What the networks of the scattering study cost: parameters, products, time, memory.

Writes the table of the figure ``network_costs`` and prints it. The networks are measured in turn in
one process, so that a drift of the machine meets all of them; on a CPU it is the time of this
process. A training step is forward, backward and a step of gradient descent; its memory is what it
takes in a fresh process above what the weights hold. Products are multiplications with their
additions in convolutions and products of matrices, for one image; those in Fourier transforms and
by filters of a scattering transform are not counted.
"""

import argparse
import csv
import ctypes
import gc
import statistics
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

import torch
from log_polar import in_turn
from scaled_conv import peak, processor
from shift_costs import answer, training_step
from torch.utils.flop_counter import FlopCounterMode

from isotrope import build_model

NETWORKS = {
    "scattering, linear": ("scattering_linear", {"J": 2}),
    "scattering, CNN": ("scattering_cnn", {"J": 2}),
    "CNN": ("wide_cnn", {}),
    "WRN-16-8": ("wide_resnet", {}),
    "ResNet-50": ("resnet50", {}),
}
TABLE = Path("out/tables/scattering/network_costs.csv")
COLUMNS = ("run", "point", "seed", "data", "network", "metric", "value", "n")
FORMS = {
    "parameters": ",.0f",
    "megaproducts": ",.2f",
    "training_milliseconds": ",.1f",
    "inference_milliseconds": ",.1f",
    "memory": ",.0f",
}


def built(name, device):
    torch.manual_seed(1)
    model, settings = NETWORKS[name]
    return build_model(model, image_shape=(3, 32, 32), classes=10, **settings).to(device)


def batch(options):
    images = torch.rand(options.batch, 3, 32, 32, device=options.device)
    return images, torch.arange(options.batch, device=options.device) % 10


def facts(network, image):
    """Numbers that no clock is needed for."""
    with FlopCounterMode(display=False) as counter:
        answer(network, image)
    return {
        "parameters": sum(one.numel() for one in network.parameters()),
        "megaproducts": counter.get_total_flops() / 2e6,
    }


def print_peak(name, options):
    """MiB of a training step, in this process."""
    network, (images, labels) = built(name, options.device), batch(options)
    if options.device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        training_step(network, images, labels)
        print((torch.cuda.max_memory_allocated() - before) / 2**20)
        return
    training_step(network, images[:1], labels[:1])  # compiles, and loads what is needed
    network.zero_grad()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back, to be counted again
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak(torch.device("cpu"))
    training_step(network, images, labels)
    print(peak(torch.device("cpu")) - before)


def peak_of(name, options):
    """The same of a fresh process."""
    command = [sys.executable, __file__, "--peak-of", name, "--device", options.device]
    return float(subprocess.check_output([*command, "--batch", str(options.batch)], text=True))


def measured(options):
    networks = {name: built(name, options.device) for name in NETWORKS if options.only in name}
    images, labels = batch(options)
    found = {name: facts(network, images[:1]) for name, network in networks.items()}
    for metric, step in (
        ("training_milliseconds", lambda one: partial(training_step, one, images, labels)),
        ("inference_milliseconds", lambda one: partial(answer, one, images)),
    ):
        device = torch.device(options.device)
        times = in_turn([step(one) for one in networks.values()], device, options.repeats)
        for name, its in zip(networks, times, strict=True):
            found[name][metric] = statistics.median(its)
    for name in networks:
        found[name]["memory"] = peak_of(name, options)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="networks that have this in their name")
    parser.add_argument("--csv", type=Path, default=TABLE, help=f"default {TABLE}")
    parser.add_argument("--peak-of", choices=NETWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.peak_of:
        print_peak(options.peak_of, options)
        return
    name = torch.cuda.get_device_name() if options.device == "cuda" else processor()
    threads = "" if options.device == "cuda" else ", CPU time of one thread"
    run = f"{name}{threads}, batches of {options.batch}, {date.today()}"
    rows = []
    print(f"{run}; torch {torch.__version__}\n")
    print(f"| network | {' | '.join(FORMS)} |\n|---|{'---|' * len(FORMS)}")
    for network, values in measured(options).items():
        words = [f"{values[metric]:{form}}" for metric, form in FORMS.items()]
        print(f"| {network} | {' | '.join(words)} |", flush=True)
        for metric in FORMS:
            n = options.repeats if "milliseconds" in metric else 1
            value = round(values[metric], 4)
            rows.append((run, "base", 1, "32 x 32 pixels", network, metric, value, n))
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
