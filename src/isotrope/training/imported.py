"""Weights that were trained elsewhere, as a finished seed of a run.

The seed is evaluated like any other and may be what another run starts from; ``origin`` in
``run.json`` and in the tables is ``imported``. It has no epochs.
"""

import hashlib
from pathlib import Path

from isotrope import devices
from isotrope.errors import UserError
from isotrope.packs import store
from isotrope.params import modelling
from isotrope.processes import provenance
from isotrope.training import seeding
from isotrope.training.initial_weights import read_weights, take_over
from isotrope.training.outputs import shape_of
from isotrope.training.task import TrainingTask

ORIGIN = "imported"


def import_seed(task: TrainingTask, seed: int, file: Path) -> Path:
    """Put the weights of a file into the store as a finished seed; return its folder.

    Args:
        task: the pack that the seed belongs to.
        seed: its number.
        file: safetensors, or what ``torch.save`` wrote of weights alone.

    Raises:
        UserError: if the seed is finished already, the weights do not fit, or a file cannot be
            read or written.
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
    now = provenance.now()
    summary = {
        "seed": seed,
        "status": "done",
        "origin": ORIGIN,
        "imported_from": {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
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
