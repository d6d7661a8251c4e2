"""The networks of a pack's folder: built as its ``run.json`` says, with the weights beside it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy
import torch
from torch import Tensor, nn

from isotrope import registry
from isotrope.datasets import loading
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.packs import summary
from isotrope.packs.store import parse_weights
from isotrope.packs.summary import AGAIN, RUN, WEIGHTS, Summary
from isotrope.params import modelling
from isotrope.params.blocks import Plugin

Initial = Callable[[int], nn.Module]
Subsets = Callable[[Sequence[int]], Mapping[int, Tensor] | None]


class Pack(NamedTuple):
    """What a pack's folder tells of its networks.

    Args:
        networks: the network of each seed.
        model: their model.
        initial: gives the network of any seed with the weights that a training draws for it, on the
            CPU.
        subsets: gives for some seeds the indices of their training images, see
            `isotrope.datasets.loading.subsets`.
    """

    networks: dict[int, nn.Module]
    model: Plugin
    initial: Initial
    subsets: Subsets


def read_networks(folder: Path, device: torch.device, seeds: Sequence[int] | None = None) -> Pack:
    """Read the networks of a pack.

    Args:
        folder: the pack's folder, with ``weights.safetensors`` and ``run.json``.
        device: where the networks shall compute.
        seeds: which seeds, all if left out.

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
    model = _model(folder, run)
    template = _build(folder, run, model)
    networks = {}
    for seed in wanted:
        network, place = deepcopy(template), held.index(seed)
        weights = {name: values[place] for name, values in stacked.items()}
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise UserError(
                f"{path} does not fit the model {model.name} as it is now "
                f"({str(error).splitlines()[0]}); run `snakemake runs` to retrain"
            ) from error
        networks[seed] = network.to(device)
    return Pack(
        networks,
        model,
        lambda seed: _build(folder, run, model, seed),
        lambda seeds: _subsets(folder, run, seeds),
    )


def _subsets(folder: Path, run: Summary, seeds: Sequence[int]) -> Mapping[int, Tensor] | None:
    """Which training images the seeds saw, by the settings that the pack was trained with.

    Raises:
        UserError: if the training data set is not there, or does not take these settings any more.
    """
    name, params = run.part("dataset")["name"], run.part("dataset")["params"]
    plugin = registry.load("data", name)
    if not hasattr(plugin, "subset"):
        return None
    try:
        settings = plugin.Params.model_validate_json(json.dumps(params))
    except ValueError as error:
        raise UserError(
            f"{folder / RUN}: the data set {name} as it is now does not take these settings "
            f"({error}); run `snakemake runs` to retrain"
        ) from error
    labels = loading.load_split(name, settings, "train").labels
    return loading.subsets(name, settings, labels, seeds)


def _model(folder: Path, run: Summary) -> Plugin:
    """The pack's model and its settings."""
    name, params = run.part("model")["name"], run.part("model")["params"]
    settings = modelling.settings_of(name)
    try:
        return Plugin(name, settings.model_validate_json(json.dumps(params)))
    except ValueError as error:
        raise _outdated(folder, name, error) from error


def _build(folder: Path, run: Summary, model: Plugin, seed: int = 0) -> nn.Module:
    """The pack's network with the initial weights of a seed; the random state is as before."""
    shape = tuple(run.part("image_shape"))
    try:
        with _drawing_for(seed):
            return modelling.build(model.name, model.params, shape, run.part("classes"))
    except ValueError as error:
        raise _outdated(folder, model.name, error) from error


@contextmanager
def _drawing_for(seed: int) -> Iterator[None]:
    """Draw as a training of the seed begins to, from torch on the CPU and from numpy."""
    before = numpy.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # that of the CPU alone
            numpy.random.seed(seed)
            yield
    finally:
        numpy.random.set_state(before)


def _outdated(folder: Path, model: str, error: ValueError) -> UserError:
    return UserError(
        f"{folder / RUN}: the model {model} as it is now does not take these settings "
        f"({error}); run `snakemake runs` to retrain"
    )
