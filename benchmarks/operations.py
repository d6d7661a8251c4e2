"""Operations that reach the device, of a training step or a batch under test, without a GPU.

A step of the project's own engines (forward, backward, optimizer), or what networks answer to a
batch, runs in its form for a GPU, on tensors of the device "meta", which hold no numbers. Each
operation that is no view would launch a kernel or more on a GPU. What looks back at the host, or
brings something from there, would break a CUDA graph.

With ``--costs`` their multiplications and the bytes that they read and write are counted, too, and
the milliseconds that these take one after the other at the rates of an H100 (`FLOPS`, `BYTES`).
"""

import argparse
import math
from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

from isotrope import build_model, registry
from isotrope.datasets.trees import joined
from isotrope.errors import did_you_mean
from isotrope.layers import forms
from isotrope.measuring.networks import Networks
from isotrope.params.training import Training
from isotrope.training.engines import Batch
from isotrope.training.objective import Objective
from isotrope.training.single import Single
from isotrope.training.stacked import Stacked

VIEWS = (
    *("view", "permute", "transpose", "slice", "select", "expand", "squeeze", "detach", "split"),
    *("alias", "unbind", "as_strided", "diagonal", "unfold", "lift_fresh", "empty"),
    "promote_types",
)
FLOPS, BYTES = 45e12, 3e12  # of float32 and of memory on an H100, each second
LOOKS_BACK = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique")


class Operations(TorchDispatchMode):
    """Counts operations by their names.

    Attributes:
        launches: those that are no views.
        meets_the_host: those that wait for the host, or copy from it.
        flops: floating-point operations of products and convolutions.
        moved: bytes that are read and written.
    """

    def __init__(self):
        super().__init__()
        self.launches = Counter()
        self.meets_the_host = Counter()
        self.flops = Counter()
        self.moved = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        with self:  # in inference mode, what consists of others comes in one piece
            found = function.decompose(*args, **(kwargs or {}))
        if found is not NotImplemented:
            return found
        name = function.name().removeprefix("aten::").partition(".")[0]
        found = function(*args, **(kwargs or {}))
        if not is_view(name) and on_the_device(found):
            self.launches[name] += 1
            self.moved[name] += moved(args, kwargs or {}, found)
            count = flop_registry.get(function.overloadpacket)
            if count is not None:
                self.flops[name] += count(*args, **(kwargs or {}), out_val=found)
        if name in LOOKS_BACK or crosses(args, found):
            self.meets_the_host[name] += 1
        return found


def is_view(name):
    """Whether an operation of this name gives a view only."""
    writes = name.endswith(("backward", "_scatter", "_copy"))
    return not writes and (name == "t" or any(view in name for view in VIEWS))


def on_the_device(found):
    """Whether something that an operation gives is on the device."""
    return any(one.is_meta for one in tree_iter(found) if isinstance(one, torch.Tensor))


def moved(args, kwargs, found):
    """Bytes that an operation reads and writes. What is repeated is read once."""
    written = [one for one in tree_iter(found) if isinstance(one, torch.Tensor)]
    given = {key: one for key, one in kwargs.items() if key != "out"}
    read = [one for one in tree_iter((args, given)) if isinstance(one, torch.Tensor)]
    return sum(map(_size, written + read))


def _size(tensor):
    """Bytes of a tensor, without what a stride of 0 repeats."""
    sides = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.element_size() * math.prod(side for side, step in sides if step or not side)


def milliseconds(flops, moved):
    """What so many operations and bytes take, one after the other."""
    return 1000 * (flops / FLOPS + moved / BYTES)


def crosses(given, found):
    """Whether an operation copies between the host and the device."""
    if not isinstance(found, torch.Tensor):
        return False
    devices = {one.device.type for one in given if isinstance(one, torch.Tensor) and one.ndim}
    return bool(devices - {found.device.type})


def of_step(model, rows=1, batch_size=16, image_shape=(1, 64, 64), classes=36, own_images=False):
    """The operations of a training step of a model, or of a stack of ``rows`` seeds."""
    settings = {"epochs": 1, "batch_size": batch_size}
    settings["optimizer"] = {"name": "adam", "learning_rate": 1e-3}
    training = Training.model_validate(settings)
    networks = [build_model(model, image_shape, classes).to("meta") for _ in range(rows)]
    kind = registry.literal("models", model, "kind", "classification")
    objective = Objective(None, kind)
    engine = (
        Single(networks[0], training, objective)
        if rows == 1
        else Stacked(networks, training, objective)
    )
    shape = (rows, batch_size) if own_images else (batch_size,)
    batch = Batch(
        torch.empty(*shape, *image_shape, device="meta"),
        torch.empty(
            shape if kind == "classification" else (*shape, *image_shape[1:]),
            dtype=torch.int64,
            device="meta",
        ),
        noises(networks, batch_size),
    )
    with forms.like_a_gpu():
        engine.step(batch)
        with Operations() as counted:
            engine.step(batch)
    return counted


def noises(networks, batch_size):
    """What each network draws for a batch, in the form of a step; nothing if it draws nothing."""
    if not hasattr(networks[0], "draw"):
        return []
    drawn = networks[0].draw(torch.Generator(), batch_size)
    return [(joined(lambda parts: parts[0].to("meta"), [drawn]),) for _ in networks]


def of_answers(model, rows=1, batch_size=128, image_shape=(1, 64, 64), classes=36):
    """The operations with which ``rows`` networks of a model answer to a batch under test."""
    device = torch.device("meta")
    built = {seed: build_model(model, image_shape, classes).to(device) for seed in range(rows)}
    networks = Networks(built, device, alike=True)
    images = torch.empty(batch_size, *image_shape, device=device)
    with forms.like_a_gpu(), torch.inference_mode():
        networks.predictions(images, range(batch_size))
        with Operations() as counted:
            networks.predictions(images, range(batch_size))
    return counted


def print_costs(counted, rows, most):
    """What a seed costs: all in all, and the most expensive operations."""
    costs = {name: (counted.flops[name], counted.moved[name]) for name in counted.launches}
    dear = sorted(costs, key=lambda name: -milliseconds(*costs[name]))
    whole = counted.flops.total(), counted.moved.total()
    for name, (flops, size) in [("all", whole), *((name, costs[name]) for name in dear[:most])]:
        of_seed = f"{flops / rows / 1e9:.3f} GFLOP, {size / rows / 1e9:.3f} GB"
        print(f"    {of_seed}, {milliseconds(flops, size) / rows:.4f} ms: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=registry.names("models"))
    parser.add_argument(
        "--rows", type=int, nargs="*", default=[1, 25], help="seeds at once, as rows of a stack"
    )
    parser.add_argument("--tested", action="store_true", help="128 images under test, not a step")
    parser.add_argument("--names", type=int, default=0, help="the most frequent operations, too")
    parser.add_argument("--costs", action="store_true", help="GFLOP, GB and ms of each seed")
    options = parser.parse_args()
    for model in options.models:
        if model not in registry.names("models"):
            nearest = did_you_mean(model, registry.names("models"))
            parser.error(f"{model}: there is no such model{nearest}")
    print("| model | rows | launches | meets the host |\n|---|---|---|---|")
    for model in options.models:
        for rows in options.rows:
            counted = (of_answers if options.tested else of_step)(model, rows)
            back = ", ".join(counted.meets_the_host) or "-"
            print(f"| `{model}` | {rows} | {counted.launches.total()} | {back} |", flush=True)
            for name, count in counted.launches.most_common(options.names):
                print(f"    {count} {name}")
            if options.costs:
                print_costs(counted, rows, options.names)


if __name__ == "__main__":
    main()
