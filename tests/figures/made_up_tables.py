"""Tables as `isotrope collect` writes them, from made-up accuracies."""

import csv
import io
from collections.abc import Sequence
from itertools import product
from pathlib import Path

SCALES = range(17, 65)
STATUS = {("standard", 2): "diverged", ("ensemble", 3): "collapsed"}


def accuracy(model: str, seed: int, scale: int) -> float:
    """0.9 and a little more at 40 pixels and less elsewhere; 1/36 for the collapsed seed."""
    if STATUS.get((model, seed)) == "collapsed":
        return 1 / 36
    return 0.9 - abs(scale - 40) / (100 + len(model)) + seed / 100


def _write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_tables(
    folder: Path,
    models: Sequence[str] = ("standard", "ensemble"),
    scenarios: Sequence[str] = ("mid2rest",),
    tasks: Sequence[str] = ("emoji",),
    labels: dict[str, str] | None = None,
) -> Path:
    """The tables of some models and scenarios, three seeds each."""
    folder.mkdir(exist_ok=True)
    runs, at_scales, overall = [], [], []
    for model, task, scenario, seed in product(models, tasks, scenarios, (1, 2, 3)):
        key = [f"{model}/stir_{task}/{scenario}", "base", seed]
        status = STATUS.get((model, seed), "done")
        label = (labels or {}).get(model, model)
        facts = [*key, "scale", "demo", label, "embedded", model, "stir", status]
        times = [18, 12, 0.95, 1.5, 1.6, 300.0, "cpu", "1e5"]
        runs.append([*facts, *times, scenario, task, 18])
        if status == "diverged":
            continue
        values = [accuracy(model, seed, scale) for scale in SCALES]
        overall.append([*key, "accuracy", sum(values) / 48, 1728])
        at_scales += [
            [*key, scale, "accuracy", value, 36]
            for scale, value in zip(SCALES, values, strict=True)
        ]
    _write(
        folder / "runs.csv",
        "run point seed study series label source model dataset status epochs best_epoch "
        "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb "
        "device training_digest dataset.scenario dataset.task training.epochs",
        runs,
    )
    _write(folder / "accuracy.csv", "run point seed metric value n", overall)
    _write(folder / "scale_generalization.csv", "run point seed scale metric value n", at_scales)
    return folder
