"""What the numerics of a param-file cost: each setting against the default, in one process.

The default is float32 without TF32, with deterministic algorithms, not compiled. A case is an epoch
as in ``packs.py``, of one seed or of a stack, measured in turns with the default's; the fastest of
each count. What compiling takes comes before, and is shown beside. On a CPU the time is that of the
process, on a GPU that of the clock.
"""

import argparse
import platform
import subprocess
import sys
import time
from datetime import date

import torch
from packs import epoch_seconds, training_of
from scaled_conv import processor

from isotrope import devices

SETTINGS = {
    "deterministic: false": {"deterministic": False},
    "precision: tf32": {"precision": "tf32"},
    "precision: bfloat16": {"precision": "bfloat16"},
    "compile: true": {"compile": True},
}
HERE = {"cpu": [name for name in SETTINGS if "tf32" not in name], "cuda": list(SETTINGS)}
SIZES = {"cpu": (1, 5), "cuda": (1, 25)}


def spent(model, seeds, device, changes):
    """Seconds of an epoch, the losses of its last step, and the seconds that its first one took."""
    way = "stacked" if len(seeds) > 1 else "in turn"
    training = training_of(model, seeds, device, way, **changes)
    numerics = training.training
    with devices.arithmetic(device, 1, numerics.precision, numerics.deterministic):
        begin = time.perf_counter()
        training.try_out(1)
        devices.synchronize(device)
        first = time.perf_counter() - begin
        training = training_of(model, seeds, device, way, **changes)  # try_out has trained it
        return *epoch_seconds(training, device), first


def compare(model, size, setting, device, turns):
    """A row of the table."""
    seeds, best, errors, first = list(range(1, size + 1)), {}, [], 0.0
    for turn in range(turns):
        losses = {}
        for name, changes in (("default", {}), (setting, SETTINGS[setting])):
            seconds, losses[name], begun = spent(model, seeds, device, changes)
            best[name] = min(seconds, best.get(name, seconds))
            if not turn and changes:
                first = begun
        pairs = zip(losses[setting], losses["default"], strict=True)
        errors += [abs(one - other) / abs(other) for one, other in pairs]
    default, changed = best["default"], best[setting]
    return (
        f"| `{model}` | {size} | `{setting}` | {size / changed:.3f} | {size / default:.3f} | "
        f"{default / changed:.2f} | {first:.1f} | {max(errors):.0e} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=SIZES, default="cpu")
    parser.add_argument("--models", nargs="+", default=["standard", "ensemble", "hermite"])
    parser.add_argument("--sizes", nargs="+", type=int, help="seeds that train at once")
    parser.add_argument(
        "--settings", nargs="+", choices=SETTINGS, help="all that apply if left out"
    )
    parser.add_argument("--turns", type=int, default=3, help="how often each side is measured")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    device = devices.choose(asked.device)
    if asked.case:
        model, size, setting = asked.case
        print(compare(model, int(size), setting, device, asked.turns))
        return
    host = devices.describe(device) if device.type == "cuda" else processor()
    print(f"{date.today()}, {host}, torch {torch.__version__}, Python {platform.python_version()}")
    print("\n| model | seeds | setting | seed-epochs/s | default | ratio | first step, s | loss |")
    print("|---|---|---|---|---|---|---|---|")
    for model in asked.models:
        for size in asked.sizes or SIZES[device.type]:
            for setting in asked.settings or HERE[device.type]:
                words = ("--case", model, str(size), setting, "--turns", str(asked.turns))
                command = [sys.executable, __file__, *words, "--device", asked.device]
                done = subprocess.run(command, capture_output=True, text=True)  # caches of its own
                if done.returncode:
                    sys.exit(done.stderr)
                print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
