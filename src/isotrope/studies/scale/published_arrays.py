"""The arrays of the published form, computed from weights and data: errors and chosen kernels.

``eval/<run_id>/errors.npz`` holds ``stage1`` and ``stage2``, the published equivariance errors
``(classes, instances, 6 pairs of scales)`` float64; ``eval/<run_id>/indices.npz`` holds ``pool1``
and ``pool2``, the scales that the pools chose, counted from 0, for every test image (by scale, then
class, then instance), uint8: ``(images, channels)``, or ``(images, channels, height, width)`` of
pools that choose at each pixel.

Differs from the published files: errors are written for every model with stages and every data set;
indices for the best run of each cell (data, model, evaluation, by test accuracy, the first of
equals in ``clean.csv``), which is the one that the published scripts look for.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
from numpy.lib.format import open_memmap
from torch import nn

from isotrope import devices, registry
from isotrope.datasets import loading
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import index_correlation, scale_equivariance
from isotrope.files import disk, regular
from isotrope.files.arrays import write_arrays
from isotrope.measuring.networks import Networks
from isotrope.packs import summary
from isotrope.packs.finding import pack_of
from isotrope.studies.scale.published_rows import exported_runs

_CELL = ["params.data", "params.model", "params.evaluation"]


def _errors(rows: pandas.DataFrame, folder: Path, device: torch.device) -> Iterator[Path]:
    """Write the errors of every run whose model has stages."""
    for run_id, network, data in _networks(rows, scale_equivariance.NEEDS, device):
        errors = scale_equivariance.published_errors(
            network, data, scale_equivariance.PAIRS, device
        )
        classes = len(torch.unique(data.labels))
        arrays = {
            stage: values.reshape(classes, -1, values.shape[-1]).numpy()
            for stage, values in errors.items()
        }
        path = folder / "eval" / run_id / "errors.npz"
        write_arrays(path, arrays.items())
        yield path


def _indices(rows: pandas.DataFrame, folder: Path, device: torch.device) -> Iterator[Path]:
    """Write the indices of the best run of each cell whose model has pools.

    They go through files, so that no more than a batch of them is in memory.
    """
    best = rows.loc[rows.groupby(_CELL, sort=False)["metrics.test_acc"].idxmax()]
    for run_id, network, data in _networks(best, index_correlation.NEEDS, device):
        path = folder / "eval" / run_id / "indices.npz"
        with disk.named_errors(path, "written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".indices.", dir=path.parent) as scratch:
                _write_indices(Path(scratch), network, data, device).replace(path)
        yield path


def _write_indices(scratch: Path, network: nn.Module, data: Images, device: torch.device) -> Path:
    """Write the file of indices into a folder of its own."""
    maps: dict[str, np.memmap[Any, np.dtype[np.uint8]]] = {}
    for images, indices, _ in index_correlation.pool_indices(network, data.images, device):
        for pool, chosen in indices.items():
            if pool not in maps:
                shape = (len(data), *chosen.shape[1:])
                maps[pool] = open_memmap(scratch / f"{pool}.npy", "w+", np.uint8, shape)
            maps[pool][images] = chosen.to(torch.uint8).cpu().numpy()
    path = scratch / "indices.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for pool, its in sorted(maps.items()):
            its.flush()
            member = zipfile.ZipInfo(f"{pool}.npy")  # dated 1980, whenever it was made
            member.compress_type = zipfile.ZIP_DEFLATED
            source = scratch / member.filename
            with (
                regular.open_bytes(source) as read,
                archive.open(member, "w", force_zip64=True) as written,
            ):
                shutil.copyfileobj(read, written)
    return path


def _networks(
    rows: pandas.DataFrame, parts: set[str], device: torch.device
) -> Iterator[tuple[str, nn.Module, Images]]:
    """The runs whose models have the parts: number, network and test images of all scales."""
    loaded: dict[str, Images] = {}
    for row in rows.to_dict("records"):
        if not parts <= set(registry.literal("models", row["params.model"], "PARTS")):
            continue
        run, seed = str(row["run"]), int(row["seed"])
        pack = pack_of(run, str(row["training_digest"]), seed)
        if pack is None:
            raise UserError(
                f"out/runs/{run}: the weights of seed {seed} are not there as the table has them; "
                "run `snakemake runs`, or export the tables alone"
            )
        said = summary.read(pack).part("dataset")
        source = {key: said["params"][key] for key in ("task", "source")}
        key = json.dumps([said["name"], source])
        if key not in loaded:  # scenarios share the images of all scales
            loaded.clear()
            plugin = registry.load("data", said["name"])
            params = plugin.Params.model_validate_json(json.dumps(said["params"]))
            loaded[key] = loading.load_split(said["name"], params, "all_scales").whole()
        ((_, network),) = Networks.open(pack, device, [seed])
        yield str(row["run_id"]), network, loaded[key]


def export_arrays(
    group: str, folder: Path, parts: Collection[str], device: devices.DeviceName, threads: int
) -> Iterator[Path]:
    """Write what is asked for, with arithmetic that gives the same numbers each time.

    Args:
        group: the study or its demo.
        folder: where ``eval`` is made.
        parts: ``errors`` of every run whose model has stages, ``indices`` of the best run of each
            cell whose model has pools.
        device: where the networks compute.
        threads: CPU threads of one operation.

    Yields:
        Each file when it is written.

    Raises:
        UserError: as ``export``, or if weights or data are absent or damaged.
    """
    rows, place = exported_runs(group), devices.choose(device)
    with devices.arithmetic(place, threads):
        if "errors" in parts:
            yield from _errors(rows, folder, place)
        if "indices" in parts:
            yield from _indices(rows, folder, place)
