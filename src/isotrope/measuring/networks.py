"""Trained networks, as evaluations and Python users see them: read from the folder of a pack."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isotrope import devices, registry
from isotrope.datasets.images import to_unit
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.settings import Settings
from isotrope.training.outputs import RUN, WEIGHTS
from isotrope.training.store import parse_weights

_AGAIN = "delete it and run `snakemake runs`: finished seeds are taken from the store"


class Networks:
    """Several seeds of one model, ready to be tested.

    Iteration yields ``(seed, network)`` in the order of ``seeds``.

    Args:
        networks: the network of each seed, on ``device``; they are set to evaluation mode.
        device: where they compute.

    Attributes:
        seeds: the seeds in order.
        device: where the networks are.
    """

    def __init__(self, networks: Mapping[int, nn.Module], device: torch.device) -> None:
        self._networks = {seed: network.eval() for seed, network in networks.items()}
        self.seeds = list(self._networks)
        self.device = device

    @classmethod
    def open(
        cls, folder: Path | str, device: torch.device, seeds: Sequence[int] | None = None
    ) -> "Networks":
        """Read the networks of a pack.

        Args:
            folder: the pack's folder, with ``weights.safetensors`` and ``run.json``.
            device: where the networks shall compute.
            seeds: which seeds, all if left out.

        Raises:
            UserError: if a file is absent, truncated, altered or of another model than the one
                that the code has now, or a seed is not in the pack.
        """
        folder = Path(folder)
        run = read_run(folder)
        held = [int(one["seed"]) for one in run["seeds"]]
        wanted = held if seeds is None else list(seeds)
        if absent := [seed for seed in wanted if seed not in held]:
            raise UserError(
                f"{folder} holds no seed {', '.join(map(str, absent))}; "
                f"it holds {', '.join(map(str, held))}"
            )
        path = folder / WEIGHTS
        content = disk.read_checked(path, run["files"][WEIGHTS], _AGAIN)
        stacked = parse_weights(content, path, _AGAIN)
        template = _build(folder, run)
        networks = {}
        for seed in wanted:
            network, place = deepcopy(template), held.index(seed)
            weights = {name: values[place] for name, values in stacked.items()}
            try:
                network.load_state_dict(weights)
            except RuntimeError as error:
                raise UserError(
                    f"{path} does not fit the model {run['model']['name']} as it is now "
                    f"({str(error).splitlines()[0]}); run `snakemake runs` to retrain"
                ) from error
            networks[seed] = network.to(device)
        return cls(networks, device)

    def __len__(self) -> int:
        return len(self._networks)

    def __iter__(self) -> Iterator[tuple[int, nn.Module]]:
        return iter(self._networks.items())

    @torch.inference_mode()
    def logits(self, images: Tensor, batch_size: int | None = None) -> Tensor:
        """What every network answers to every image.

        Args:
            images: ``(n, channels, height, width)`` uint8 in 0..255, on any device.
            batch_size: images per forward pass; left out, what suits the device.

        Returns:
            ``(seeds, n, classes)`` float32 on the CPU.

        Raises:
            ValueError: if there is no image or the images are not uint8.
        """
        if images.dtype != torch.uint8 or len(images) == 0:
            raise ValueError(
                f"need at least one image of uint8, got {len(images)} of {images.dtype}"
            )
        batches = []
        size = batch_size or devices.evaluation_batch(self.device)
        for start in range(0, len(images), size):
            batch = to_unit(images[start : start + size].to(self.device))
            batches.append(torch.stack([network(batch) for _, network in self]))
        return torch.cat(batches, dim=1).float().cpu()


def load_model(folder: Path | str, seed: int) -> nn.Module:
    """A trained network on the CPU, in evaluation mode.

    Its ``forward`` takes float images ``(batch, channels, height, width)`` in 0..1 and returns
    logits ``(batch, classes)``.

    Args:
        folder: the folder of a pack, as in ``out/runs/<run>/base/seeds-1-5``.
        seed: one of the pack's seeds.

    Raises:
        UserError: as ``Networks.open``.
    """
    ((_, network),) = Networks.open(folder, torch.device("cpu"), [seed])
    return network


def read_run(folder: Path) -> dict[str, Any]:
    """The content of a pack's ``run.json``.

    Raises:
        UserError: if it is absent, truncated or altered.
    """
    path = folder / RUN
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        needed = ("model", "image_shape", "classes", "files", "seeds", "training_digest")
        absent = [key for key in needed if key not in run]
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; run `snakemake runs` to train its seeds") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is truncated or altered ({error}); {_AGAIN}") from error
    if absent:
        raise UserError(f"{path} is truncated or altered (no {', '.join(absent)}); {_AGAIN}")
    return run


def _build(folder: Path, run: Mapping[str, Any]) -> nn.Module:
    """The pack's network with weights of no meaning; the random state is as before."""
    name, channels_height_width = run["model"]["name"], tuple(run["image_shape"])
    plugin = registry.load("models", name)
    try:
        params: Settings = plugin.Params.model_validate_json(json.dumps(run["model"]["params"]))
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = plugin.build(params, channels_height_width, run["classes"])
    except ValueError as error:
        raise UserError(
            f"{folder / RUN}: the model {name} as it is now does not take these settings "
            f"({error}); run `snakemake runs` to retrain"
        ) from error
    return network
