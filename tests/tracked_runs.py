"""Toy runs that are trained and evaluated, and in an index, for the tests of tracking."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from made_up_index import made_up_index, point, run
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from test_evaluating import evaluate, evaluation, task_for
from toy_runs import ToyModelParams, toy_task, toy_training, train

from isotrope import paths
from isotrope.plan.index import EvaluationEntry, Index
from isotrope.tracking import mlflow_store, track

NAME = "toy/toy/plain"
FIRST, SECOND = "0" * 16, "1" * 16
SCALES = (3, 4, 5, 6)  # pixels, of the toy images
PARAMETERS = {"model.name": "toy", "dataset.name": "toy", "training.epochs": 4, "model.bias": True}


class Project:
    """One run whose seeds 1 and 2 are trained; what it asks for can be changed."""

    def __init__(self) -> None:
        manifest = paths.manifest("stir", "emoji")
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps({"files": []}))
        self.runs = {NAME: run(NAME, seeds=(1, 2), seeds_per_job=2)}
        self.train()

    def train(self, digest: str = FIRST, place: str = "base", **changes: Any) -> None:
        """Train the seeds as a param-file of that digest asks; not evaluated yet."""
        self.task = toy_task(
            training_digest=digest, point=place, training=toy_training(epochs=2), **changes
        )
        train(self.task)
        self.digest, self.evaluations = digest, {}
        self._ask()

    def evaluate(self, *names: str, digest: str = "d" * 16) -> None:
        """Evaluate the seeds under these names too."""
        self.evaluations |= {
            name: EvaluationEntry(name, digest, "stir/emoji")
            for name in names or ("accuracy", "scale_generalization")
        }
        wanted = [evaluation(name, digest=one.digest) for name, one in self.evaluations.items()]
        evaluate(task_for(self.task, *wanted, selected=self.task.selected))
        self._ask()

    def _ask(self) -> None:
        entry = point(digest=self.digest, evaluations=dict(self.evaluations), parameters=PARAMETERS)
        self.runs[NAME] = replace(self.runs[NAME], points={self.task.point: entry})

    def change(self, **changes: Any) -> None:
        self.runs[NAME] = replace(self.runs[NAME], **changes)

    def index(self) -> Index:
        return Index(self.runs, made_up_index().datasets)

    @property
    def pack(self) -> Path:
        return self.task.folder


def tracked(tracker: str = "mlflow", **options: Any) -> str:
    """Track everything; how many seeds were new, brought up to date and so on."""
    first, *_ = track.track(tracker, **options)
    return first.removeprefix("seeds: ")


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{mlflow_store.DATABASE.absolute()}")


def mlflow_runs(view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
    """All MLflow runs, by seed and training digest."""
    found = client()
    numbers = [one.experiment_id for one in found.search_experiments(view_type=ViewType.ALL)]
    key = ("seed", "training_digest")
    return sorted(
        found.search_runs(numbers, run_view_type=view),
        key=lambda one: [one.data.tags[name] for name in key],
    )


def history(run: Run, metric: str) -> dict[int, float]:
    """The values of a metric by step; each step once."""
    found = client().get_metric_history(run.info.run_id, metric)
    assert len({one.step for one in found}) == len(found), "a step has two values"
    return {one.step: one.value for one in found}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


DIVERGING = ToyModelParams(explode=2)
