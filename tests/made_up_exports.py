"""Tables of the scale study whose numbers tell where they come from, to be exported."""

import numpy as np
import pandas

from isotrope import paths
from isotrope.files.tables import RUN_COLUMNS

SCALES = range(17, 65)
CELLS = [  # task, model, scenario, learning rate, seeds
    ("mnist", "standard", "small2large", 0.01, (1, 2)),
    ("emoji", "standard", "mid2rest", 0.001, (1, 2, 10)),
    ("emoji", "slice_pool", "mid2rest", 0.001, (1, 2)),
]
RESIZING = {"pixel_pool", "slice_pool", "energy_pool", "conv3d"}  # kernels, by some interpolation
DIVERGED = ("emoji", "standard", "mid2rest", 2)
TESTED = {
    "small2large": range(33, 65),
    "mid2rest": [*range(17, 33), *range(49, 65)],
    "large2small": range(17, 49),
    "all2all": SCALES,
}


def right(task, model, seed, scale):
    """Which share of the images is recognised."""
    return (scale * len(model) + 7 * seed + len(task)) % 37 / 36


def tables(folder=None, series="published", cells=CELLS):
    """The tables of the study ``scale`` with these cells."""
    folder = folder or paths.table_folder("scale")
    folder.mkdir(parents=True)
    runs, accuracies, by_scale = [], [], []
    for task, model, scenario, rate, seeds in cells:
        name, point = f"{model}/stir_{task}/{scenario}", f"learning_rate={rate}"
        for seed in seeds:
            diverged = (task, model, scenario, seed) == DIVERGED
            key = {"run": name, "point": point, "seed": seed}
            row = dict.fromkeys(RUN_COLUMNS, "") | key
            row |= {"study": "scale", "series": series, "model": model, "dataset": "stir"}
            row |= {"status": "diverged" if diverged else "done", "training_digest": "d" * 16}
            row |= {"best_validation_accuracy": "" if diverged else 0.5 + seed / 100}
            row |= {"seconds_per_epoch_last": 1.5, "seconds_per_epoch_mean": 1.75, "epochs": 20}
            row |= {"dataset.task": task, "dataset.scenario": scenario}
            row |= {"training.optimizer.learning_rate": rate, "model.kernel_size": 7}
            row |= {"model.interpolation": "bicubic" if model in RESIZING else ""}
            runs.append(row)
            if diverged:
                continue
            values = {scale: right(task, model, seed, scale) for scale in SCALES}
            mean = np.mean([values[scale] for scale in TESTED[scenario]])
            accuracies.append(key | {"metric": "accuracy", "value": mean, "n": 1152})
            by_scale += [
                key | {"scale": scale, "metric": "accuracy", "value": value, "n": 36}
                for scale, value in values.items()
            ]
    for name, rows in (
        ("runs", runs),
        ("accuracy", accuracies),
        ("scale_generalization", by_scale),
    ):
        pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return folder
