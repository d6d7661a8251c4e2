"""Trained seeds that come with the project, in ``workflow/trained``.

A training job takes a seed from there if its training digest is the one that is asked for, so that
long trainings can be looked at without waiting for them. Its ``origin`` in ``run.json`` and in the
tables is ``shipped``. With ``ISOTROPE_SHIPPED=0`` in the environment everything is trained here.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from isotrope import paths
from isotrope.errors import UserError
from isotrope.packs import store
from isotrope.training.task import TrainingTask

VARIABLE = "ISOTROPE_SHIPPED"
ORIGIN = "shipped"


def take(task: TrainingTask, log: Callable[[str], None]) -> None:
    """Put what is shipped of a pack's seeds into the store, or drop it from there if not wanted.

    Raises:
        UserError: if a shipped seed is damaged, or cannot be written.
    """
    unwanted = os.environ.get(VARIABLE) == "0"
    for seed in task.seeds:
        stored, source = task.stored(seed), _source(task, seed)
        if unwanted and _is_shipped(stored):
            shutil.rmtree(stored)
            tested = paths.point_folder(task.run, task.point) / ".evaluations"
            for path in tested.glob(f"*/{seed}.*"):
                path.unlink()
            log(f"seed {seed} was shipped and is trained anew, as {VARIABLE}=0 says")
        elif not unwanted and source.is_dir() and not store.holds(stored):
            remedy = f"restore it with `git checkout {source}`, or set {VARIABLE}=0 to train it"
            found = store.load(source, seed, task.training_digest, remedy)
            store.keep(stored, replace(found, summary={**found.summary, "origin": ORIGIN}))
            log(f"seed {seed} is shipped, in {source}; to train it here, set {VARIABLE}=0")


def ship(task: TrainingTask, seed: int) -> Path:
    """Copy a trained seed to ``workflow/trained``, in the place of an older one; return its folder.

    Raises:
        UserError: if the seed is not trained, or damaged, or cannot be written.
    """
    stored, goal = task.stored(seed), _source(task, seed)
    if not store.holds(stored):
        raise UserError(f"{stored} is not there: train seed {seed} of {task.run} first")
    found = store.load(stored, seed, task.training_digest)
    own = {key: value for key, value in found.summary.items() if key != "origin"}
    shutil.rmtree(goal, ignore_errors=True)  # the store keeps what is there; git has the older one
    store.keep(goal, replace(found, summary=own))
    return goal


def _source(task: TrainingTask, seed: int) -> Path:
    return paths.shipped_seed(task.run, seed, task.training_digest)


def _is_shipped(stored: Path) -> bool:
    return store.origin(stored) == ORIGIN
