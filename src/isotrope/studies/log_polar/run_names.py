"""How the log-polar author named run folders and networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

JOBS = {"deep_lp": "Deep_LP_train", "single_lp": "Single_LP_train", "lp_resnet": "LP_ResNet_train"}
CLASSES = {"deep_lp": "DeepLP", "single_lp": "SingleLP", "lp_resnet": "LPResNet"}


def folder_of(run: Mapping[str, Any], folder: Path) -> Path:
    """Where the files of a seed lie.

    Args:
        run: its row of ``runs.csv``.
        folder: of all runs.
    """
    model, dataset, variant = str(run["run"]).split("/")
    name = variant if run["point"] == "base" else f"{variant}_{run['point']}"
    job = JOBS.get(model, f"{model}_train")
    return folder / job / dataset / name / f"{name}_{run['seed']:.0f}"


def class_name(model: str) -> str:
    """The name of a network's file: the class as the original had it, or the model's own name."""
    return CLASSES.get(model, "".join(word.capitalize() for word in model.split("_")))
