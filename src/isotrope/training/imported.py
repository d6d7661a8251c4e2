"""Weights that were trained elsewhere, as a finished seed of a run.

The seed is evaluated like any other and may be what another run starts from; ``origin`` in
``run.json`` and in the tables is ``imported``. It has no epochs.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from isotrope import devices
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.layers.normalising import ByValues, Normalised
from isotrope.packs import store
from isotrope.params import modelling
from isotrope.processes import provenance
from isotrope.training import seeding
from isotrope.training.initial_weights import read_weights, take_over
from isotrope.training.outputs import shape_of
from isotrope.training.task import TrainingTask

ORIGIN = "imported"
NUMBERS = ("normalise.mean", "normalise.std")  # in the weights of a network that normalises


def import_seed(task: TrainingTask, seed: int, file: Path) -> Path:
    """Put the weights of a file into the store as a finished seed; return its folder.

    Args:
        task: the pack that the seed belongs to.
        seed: its number.
        file: safetensors, or what ``torch.save`` wrote of weights alone.

    Raises:
        UserError: if the seed is finished already, the weights do not fit, a file cannot be read
            or written, or ``model.normalise: dataset`` needs numbers that the file does not hold.
    """
    folder = task.stored(seed)
    if store.holds(folder):
        raise UserError(
            f"{folder}: seed {seed} of {task.run} is there already; delete the folder to import "
            "another"
        )
    weights = read_weights(file)
    shape, classes = shape_of(task)
    seeding.seed_everything(seed)  # for what the model's `adopt` leaves as it is drawn
    try:
        network = modelling.build(task.model_name, task.model_params, shape, classes)
    except ValueError as error:
        raise UserError(f"{task.run}: model {task.model_name}: {error}") from error
    take_over(network, weights, str(file))
    _normalise(network, weights, f"{task.run}: {file}")
    now = provenance.now()
    summary = {
        "seed": seed,
        "status": "done",
        "origin": ORIGIN,
        "imported_from": {
            "file": file.name,
            "sha256": hashlib.sha256(regular.read_bytes(file)).hexdigest(),
        },
        "epochs": 0,
        "best_epoch": 0,
        "best_validation_accuracy": None,
        "seconds_per_epoch_last": None,
        "seconds_per_epoch_mean": None,
        "seconds": 0.0,
        "peak_memory_mb": 0.0,
        "together": 1,
        "device": devices.describe(devices.choose("cpu")),
        "threads": task.threads,
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
        "started": now,
        "finished": now,
        "resumed": 0,
        "resumed_epochs": [],
        "training_digest": task.training_digest,
    }
    store.save(folder, network.state_dict(), [], summary)
    return folder


def _normalise(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Take the file's mean and deviation where those of the training images are wanted."""
    first = network.first if isinstance(network, Normalised) else None
    if not isinstance(first, ByValues) or not first.of_dataset:
        return
    found = [weights[name].flatten() for name in NUMBERS if name in weights]
    if [len(numbers) for numbers in found] != [len(first.mean)] * len(NUMBERS):
        raise UserError(
            f"{source} does not say by which numbers its images were normalised; give them, as in "
            "`normalise: {mean: [...], std: [...]}`"
        )
    first.take(*found)
