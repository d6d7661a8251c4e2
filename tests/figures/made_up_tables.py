"""Tables and arrays as `isotrope collect` writes them, from made-up results."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas
from made_up_sweeps import HEADERS, sweep_rows

from isotrope.results.drawing import read_tables
from isotrope.results.series import Tables

SCALES = range(17, 65)
STATUS = {("standard", 2): "diverged", ("ensemble", 3): "collapsed"}
PAIRS = ((64, 49), (49, 64), (48, 33), (33, 48), (32, 17), (17, 32))
CHANNELS = {"pool1": 16, "pool2": 32}
MAPPED = (17, 33, 48, 64)  # sizes with a map of chosen kernel sizes
ALL = ("small2large", "mid2rest", "large2small", "all2all")
TASKS = ("emoji", "mnist", "trafficsign", "aerial")
MODELS = (
    *("standard", "spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco"),
    *("pixel_pool", "slice_pool", "energy_pool", "conv3d"),
)
HAND_MADE = ("standard", "kanazawa", "pixel_pool", "slice_pool")  # with a table of equivariance

Key = tuple[str, str, str, int]  # model, task, scenario, seed


def accuracy(model: str, seed: int, scale: int) -> float:
    """0.9 and a little more at 40 pixels and less elsewhere; 1/36 for the collapsed seed."""
    if STATUS.get((model, seed)) == "collapsed":
        return 1 / 36
    return 0.9 - abs(scale - 40) / (100 + len(model)) + seed / 100


def error(form: str, stage: str, pair: tuple[int, int], seed: int) -> float:
    """Of another size for every pair, so that a mean over the wrong ones shows."""
    of_pair = {"published": 0.4, "corrected": 0.1}[form] * (1 + PAIRS.index(pair)) ** 2
    return of_pair / 10 + seed / 50 + (stage == "stage1") / 100


def correlation(channel: int, seed: int) -> float:
    """Falls from channel to channel, with every third channel on the other side of 0."""
    return (0.95 - channel / 40 - seed / 200) * (-0.5 if channel % 3 == 2 else 1)


def kernel_sizes(channels: int, seed: int) -> np.ndarray:
    """Chosen kernel sizes in pixels, ``(scales, channels)``: rising where r does."""
    steps = np.arange(48)[:, None] / 47 * 12
    slopes = np.array([correlation(channel, seed) for channel in range(channels)])
    return np.clip(7 + 2 * np.round(6 + (steps - 6) * slopes), 7, 57).astype(np.int64)


def kernel_maps(channels: int) -> np.ndarray:
    """Maps of chosen kernel sizes in pixels, ``(sizes, channels, 52, 52)``: rings of the object."""
    y, x = np.mgrid[:52, :52] - 25.5
    radius = np.hypot(x, y)
    maps = [
        [7 + 2 * np.clip(np.round(radius / (4 + size / 8 + c / 8)), 0, 25) for c in range(channels)]
        for size in MAPPED
    ]
    return np.array(maps, dtype=np.int64)


def _write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _equivariance(key: Sequence[object], seed: int) -> list[list[object]]:
    """Both forms of the errors of one seed."""
    rows: list[list[object]] = []
    for stage, pair in product(("stage1", "stage2"), PAIRS):
        for form in ("published", "corrected"):
            settings = [*key, stage, form, *pair]
            value = error(form, stage, pair, seed)
            rows.append([*settings, "error", value, 36])
            if form == "corrected":
                rows += [[*settings, "floor", 0.01, 36], [*settings, "untrained", 0.8, 36]]
    return rows


def _correlations(key: Sequence[object], seed: int) -> list[list[object]]:
    """Correlation and mean kernel size of every channel of one seed."""
    return [
        [*key, pool, channel, metric, value, 48]
        for pool, channels in CHANNELS.items()
        for channel in range(channels)
        for metric, value in (
            ("pearson_r", correlation(channel, seed)),
            ("mean_kernel_size", 7 + channel % 9),
        )
    ]


def example_images(task: str) -> dict[str, np.ndarray]:
    """Squares of some sizes, bright by object: what ``examples.npz`` holds of a task."""
    scales, colour = np.array([17, 27, 37, 47, 57, 64]), task in ("trafficsign", "aerial")
    images = np.zeros((len(scales), 3, 64, 64), dtype=np.uint8)
    for (row, size), column in product(enumerate(scales), range(3)):
        images[row, column, :size, 64 - size :] = 255 - 60 * column
    if colour:
        images = np.stack([images, images // 2, 255 - images], axis=-1)
    positions = np.stack([64 - scales, 0 * scales], axis=-1)[:, None].repeat(3, axis=1)
    return {"images": images, "scales": scales, "positions": positions, "labels": np.arange(3)}


def tables_for(
    name: str, folder: Path, published: pandas.DataFrame | None = None, study: str = "scale"
) -> Tables:
    """What a figure of a study is drawn from."""
    tables = read_tables(study, name, folder, None)
    return tables if published is None else replace(tables, published=published)


def write_tables(
    folder: Path,
    models: Sequence[str] = ("standard", "ensemble"),
    scenarios: Sequence[str] = ("mid2rest",),
    tasks: Sequence[str] = ("emoji",),
    labels: dict[str, str] | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    status: Mapping[tuple[str, int], str] | None = None,
    left_out: Sequence[tuple[str, str, str]] = (),
    accuracy_of: Callable[[Key, int], float] | None = None,
    traced: Sequence[str] | None = None,
    dataset: str = "stir",
    sweeps: bool = True,
) -> Path:
    """The tables of some models and scenarios.

    Args:
        folder: where they go.
        models: the last of them chooses kernels pixel by pixel, the others slice by slice.
        scenarios: of each task.
        tasks: of STIR.
        labels: by model, where it is not the model's name.
        seeds: of each cell.
        status: by model and seed, where it is not done; ``STATUS`` if left out.
        left_out: cells (model, task, scenario) without a run.
        accuracy_of: the accuracy of a seed at a scale; ``accuracy`` if left out.
        traced: the models with a table of equivariance and of kernel sizes; all if left out.
        dataset: if it is another than STIR, it has neither tasks nor scenarios nor examples.
        sweeps: whether there are the tables of turned, scaled and shifted images.
    """
    status = STATUS if status is None else status
    folder.mkdir(exist_ok=True)
    runs, at_scales, overall, errors, correlations = [], [], [], [], []
    arrays: dict[str, np.ndarray] = {}
    swept: dict[str, list[list[object]]] = {table: [] for table in HEADERS if sweeps}
    for model, task, scenario, seed in product(models, tasks, scenarios, seeds):
        if (model, task, scenario) in left_out:
            continue
        run = f"{model}/stir_{task}/{scenario}"
        key = [run, "base", seed]
        fate = status.get((model, seed), "done")
        label = (labels or {}).get(model, model)
        facts = [*key, "scale", "demo", label, "embedded", model, dataset, fate, "trained"]
        seconds = 1.5 + models.index(model)
        times = [18, 12, 0.95, seconds, seconds + 0.1, 300.0, "cpu", "1e5"]
        place = [scenario, task] if dataset == "stir" else ["", ""]
        runs.append([*facts, *times, *place, 18, 20_000 * (1 + models.index(model))])
        if fate == "diverged":
            continue
        values = [
            accuracy(model, seed, s)
            if accuracy_of is None
            else accuracy_of((model, task, scenario, seed), s)
            for s in SCALES
        ]
        overall.append([*key, "accuracy", sum(values) / 48, 1728])
        at_scales += [
            [*key, scale, "accuracy", value, 36]
            for scale, value in zip(SCALES, values, strict=True)
        ]
        for table, rows in sweep_rows(key, 0.1 + models.index(model) / 20).items():
            swept.get(table, []).extend(rows)
        if traced is None or model in traced:
            errors += _equivariance(key, seed)
            correlations += _correlations(key, seed)
            for pool, channels in CHANNELS.items():
                mapped = model == models[-1] or model == "pixel_pool"
                sizes = kernel_maps(channels) if mapped else kernel_sizes(channels, seed)
                arrays[f"{run}/base/{pool}_kernel_sizes"] = sizes
            arrays[f"{run}/base/scales"] = np.array(MAPPED if mapped else SCALES)
            arrays[f"{run}/base/seed"] = np.array(seed)
    _write(
        folder / "runs.csv",
        "run point seed study series label source model dataset status origin epochs best_epoch "
        "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb "
        "device training_digest dataset.scenario dataset.task training.epochs parameters",
        runs,
    )
    for table, its in swept.items():
        _write(folder / f"{table}.csv", f"run point seed {HEADERS[table]} metric value n", its)
    _write(folder / "accuracy.csv", "run point seed metric value n", overall)
    _write(folder / "scale_generalization.csv", "run point seed scale metric value n", at_scales)
    _write(
        folder / "scale_equivariance.csv",
        "run point seed stage form scale_from scale_to metric value n",
        errors,
    )
    _write(
        folder / "index_correlation.csv",
        "run point seed pool channel metric value n",
        correlations,
    )
    np.savez_compressed(folder / "index_correlation.npz", **arrays)  # type: ignore[arg-type]
    examples = {
        f"stir/{task}/{name}": array
        for task in (tasks if dataset == "stir" else ())
        for name, array in example_images(task).items()
    }
    np.savez_compressed(folder / "examples.npz", **examples)  # type: ignore[arg-type]
    return folder


def write_study(folder: Path, published: pandas.DataFrame, seeds: int = 5) -> Path:
    """The whole study, near the published means, with lost seeds and cells without a run."""
    means = published[published["table"].eq("scale_generalization")]
    known = means.set_index(["model", "dataset", "setting"])["value"].to_dict()
    status = {("spatial_transform", 2): "collapsed", ("energy_pool", 1): "collapsed"}

    def near(key: Key, scale: int) -> float:
        model, task, scenario, seed = key
        if status.get((model, seed)) == "collapsed":
            return 0.1
        value = known[model, f"stir/{task}", f"scenario={scenario},scale={scale}"]
        noise = math.sin(1 + 7 * seed + MODELS.index(model)) / 30
        return min(max(value + noise, 0), 1)

    return write_tables(
        folder,
        models=MODELS,
        scenarios=ALL,
        tasks=TASKS,
        seeds=range(1, seeds + 1),
        status={**status, ("conv3d", 3): "diverged"},
        left_out=[("xu", "aerial", "all2all"), ("conv3d", "mnist", "small2large")],
        accuracy_of=near,
        traced=HAND_MADE,
        sweeps=False,
    )
