"""What a run folder of Deep Log-Polar Networks holds besides results: settings and weights.

``.pt`` files hold tensors alone, by our names of them: ``torch.load(path, weights_only=True)`` and
``isotrope import-weights`` read them, and no code of theirs is run.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.disk import write_whole
from isotrope.packs import store, summary
from isotrope.packs.finding import pack_of
from isotrope.packs.store import FinishedSeed
from isotrope.packs.summary import HISTORY, KEPT_WEIGHT
from isotrope.studies.log_polar.original_models import original_network
from isotrope.studies.log_polar.run_names import JOBS, class_name, folder_of
from isotrope.training.monitoring import EPOCH

STATISTICS = {  # a column of a history, and what the original called it
    "train_loss": "train_loss",
    "train_accuracy": "train_acc",
    "validation_loss": "val_loss",
    "validation_accuracy": "val_acc",
}
Entry = dict[str, Any]


def export_trained(
    runs: Iterable[Mapping[str, Any]], folder: Path, parts: Collection[str]
) -> Iterator[Path]:
    """Write settings or weights of seeds that were trained here.

    Args:
        runs: their rows of ``runs.csv``.
        folder: where the run folders are.
        parts: some of ``export_run_folders.PARTS``.

    Raises:
        UserError: if a seed is not at hand, or kept no weights of its epochs.
    """
    for run in runs:
        where, name = folder_of(run, folder), class_name(str(run["model"]))
        if "config" in parts:
            path = where / "train_config.yaml"
            write_whole(path, yaml.safe_dump(_config(run, where), sort_keys=False))
            yield path
        if not {"weights", "checkpoints"} & set(parts):
            continue
        seed = _trained(run)
        if "weights" in parts:
            yield _write(where / f"{name}.pt", seed.weights)
        if "checkpoints" in parts:
            yield from _checkpoints(run, seed, where / "checkpoints", name)


def _trained(run: Mapping[str, Any]) -> FinishedSeed:
    """A seed of the store."""
    name, point, digest = (str(run[key]) for key in ("run", "point", "training_digest"))
    seed = int(run["seed"])
    folder = paths.finished_seed(name, point, seed, digest)
    if not folder.is_dir():
        raise _absent(name, seed)
    return store.load(folder, seed, digest)


def _absent(run: str, seed: int) -> UserError:
    return UserError(f"{run}: seed {seed} is not at hand; run `snakemake runs` to train it")


def _write(path: Path, weights: Mapping[str, Tensor]) -> Path:
    content = io.BytesIO()
    torch.save(dict(weights), content)
    write_whole(path, content.getvalue())
    return path


def _checkpoints(
    run: Mapping[str, Any], seed: FinishedSeed, folder: Path, name: str
) -> Iterator[Path]:
    kept = {
        key.removeprefix(KEPT_WEIGHT): values
        for key, values in seed.recordings.items()
        if key.startswith(KEPT_WEIGHT)
    }
    if not kept:
        raise UserError(
            f"{run['run']}: kept no weights while it trained; add "
            "`monitor: {weights: ['*']}` to its training and run it again"
        )
    for place, epoch in enumerate(seed.recordings[EPOCH].tolist()):
        if epoch:
            weights = {key: torch.from_numpy(values)[place].clone() for key, values in kept.items()}
            yield _write(folder / f"{name}_epoch{epoch}.pt", weights)


def _config(run: Mapping[str, Any], where: Path) -> Entry:
    """The content of ``train_config.yaml``."""
    name, digest, seed = str(run["run"]), str(run["training_digest"]), int(run["seed"])
    pack = pack_of(name, digest, seed)
    if pack is None:
        raise _absent(name, seed)
    known = summary.read(pack)
    said, network = known.seeds[seed], known.part("model")
    training = dict(known.content["settings"]["training"])
    optimizer = training["optimizer"]
    model: Entry = {"type": network["name"], **network["params"]}
    if network["name"] in JOBS:
        channels, classes = known.content["image_shape"][0], known.content["classes"]
        model = original_network(network["name"], network["params"], channels, classes)
    model |= {"classname": class_name(network["name"])}
    if run.get("parameters") is not None:
        model["num_params"] = int(run["parameters"])
    data = known.content["dataset"]
    arguments = {"lr": optimizer["learning_rate"], "weight_decay": optimizer["weight_decay"]}
    return {
        "model": model,
        "optimizer": {"type": optimizer["name"], "params": arguments},
        "num_epochs": training["epochs"],
        "batch_size": training["batch_size"],
        "train_data_dir": {"type": data["name"], "kwargs": {**data["params"], "train": True}},
        "val_data_dir": {"type": data["name"], "kwargs": {**data["params"], "train": False}},
        "collate": "batch",
        "out_dir": where.parent.as_posix(),
        "param": where.name,
        "device": str(said["device"]),
        "execution": {
            "epochs_completed": int(said["epochs"]),
            "local_start": said["started"],
            "local_stop": said["finished"],
            "program_exit": "SUCCESS",
            "stats": _last_epoch(pack, seed),
        },
    }


def _last_epoch(pack: Path, seed: int) -> dict[str, float]:
    """Losses and accuracies of the last epoch of a seed."""
    text = regular.read_text(pack / HISTORY)
    rows = [row for row in csv.DictReader(io.StringIO(text)) if int(row["seed"]) == seed]
    return {theirs: float(rows[-1][ours]) for ours, theirs in STATISTICS.items()} if rows else {}
