"""The networks of a pack's folder: built as its ``run.json`` says, with the weights beside it."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from isotrope import registry
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.packs import summary
from isotrope.packs.store import parse_weights
from isotrope.packs.summary import AGAIN, RUN, WEIGHTS, Summary
from isotrope.params import modelling

Initial = Callable[[int], nn.Module]


def read_networks(
    folder: Path, device: torch.device, seeds: Sequence[int] | None = None
) -> tuple[dict[int, nn.Module], ModuleType, Initial]:
    """Read the networks of a pack.

    Args:
        folder: the pack's folder, with ``weights.safetensors`` and ``run.json``.
        device: where the networks shall compute.
        seeds: which seeds, all if left out.

    Returns:
        The network of each seed, the plug-in of their model, and a function that gives the network
        of any seed with the weights that a training draws for it, on the CPU.

    Raises:
        UserError: if a file is absent, truncated, altered or of another model than the one
            that the code has now, or a seed is not in the pack.
    """
    run = summary.read(folder)
    held = list(run.seeds)
    wanted = held if seeds is None else list(seeds)
    run.check_seeds(wanted)
    path = folder / WEIGHTS
    content = disk.read_checked(path, run.part("files").get(WEIGHTS), AGAIN)
    stacked = parse_weights(content, path, AGAIN)
    model = run.part("model")["name"]
    template = _build(folder, run)
    networks = {}
    for seed in wanted:
        network, place = deepcopy(template), held.index(seed)
        weights = {name: values[place] for name, values in stacked.items()}
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise UserError(
                f"{path} does not fit the model {model} as it is now "
                f"({str(error).splitlines()[0]}); run `snakemake runs` to retrain"
            ) from error
        networks[seed] = network.to(device)
    return networks, registry.load("models", model), lambda seed: _build(folder, run, seed)


def _build(folder: Path, run: Summary, seed: int = 0) -> nn.Module:
    """The pack's network with the initial weights of a seed; the random state is as before."""
    name, shape = run.part("model")["name"], tuple(run.part("image_shape"))
    settings = modelling.settings_of(name)
    try:
        params = settings.model_validate_json(json.dumps(run.part("model")["params"]))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # that of the CPU alone
            network = modelling.build(name, params, shape, run.part("classes"))
    except ValueError as error:
        raise UserError(
            f"{folder / RUN}: the model {name} as it is now does not take these settings "
            f"({error}); run `snakemake runs` to retrain"
        ) from error
    return network
