"""The GPU-hours of the published scale study, reckoned from measured rates, run by run.

Runs, their seeds and packs are those of the param-files of the series ``published``: 176 runs,
5,500 seeds, which took the authors 1,997 A100-hours; 880 trainings at the learning rates that were
not chosen come on top, there and here.

Epochs: the authors published the hours of all seeds of a model and the seconds of an epoch, not the
epochs; one divided by the other is their mean, a little too large, since those hours hold
validation, tests and starts, too. Single seeds scatter about that mean as the 25 seeds of
``ensemble`` do in ``results/scale/runs.csv``, so that a pack ends later than its mean seed does and
computes rows of seeds that have ended: a stack is made smaller when half of it has ended.

Rates: seconds of a step and of a validation image for one seed and for 25 at once, in
``results/gpu.json``; a stack of other size lies on the line through both. In colour a step takes
longer, by as much as it took the authors.

Not in the sum: starts of programs, choosing the learning rate, and evaluations.
"""

import argparse
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RATES = ROOT / "benchmarks" / "results" / "gpu.json"
BEFORE = ROOT / "benchmarks" / "before" / "h100.json"
COMMAND = "make test-gpu"
BATCH, MOST = 16, 200  # images of a step, epochs
AT_ONCE = 25  # seeds
RATED = ("step", "test_image")
TEST_BEFORE = 1 / 3  # of a step's time for as many images: a forward pass; it was not measured

# Of all seeds of a model, from the start and end times in the authors' result files.
A100_HOURS = {
    "standard": 10,
    "spatial_transform": 16,
    "ensemble": 20,
    "xu": 24,
    "kanazawa": 31,
    "hermite": 14,
    "disco": 14,
    "pixel_pool": 498,
    "slice_pool": 552,
    "energy_pool": 527,
    "conv3d": 291,
}
MODELS = tuple(A100_HOURS)
IMAGES = {"emoji": 36, "mnist": 500, "trafficsign": 400, "aerial": 225}  # of each size, in a split
SIZES = {"small2large": 16, "mid2rest": 16, "large2small": 16, "all2all": 48}


@dataclass(frozen=True)
class Run:
    """A published run: a model on a task in a scenario.

    Args:
        model: the model.
        task: the task of STIR.
        images: training images, and as many for validation.
        seeds: how many seeds.
        pack: how many train in one job.
        candidates: trainings at the learning rates that are not chosen.
    """

    model: str
    task: str
    images: int
    seeds: int
    pack: int
    candidates: int

    @property
    def steps(self):
        """Of an epoch."""
        return -(-self.images // BATCH)


def published_runs(folder=ROOT / "param-files"):
    """The runs of the published series of the scale study."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if (said["study"], said.get("series")) != ("scale", "published"):
            continue
        task, scenario = said["dataset"]["task"], said["dataset"]["scenario"]
        rates = next(iter(said["sweep"].values()))
        found.append(
            Run(
                said["model"]["name"],
                task,
                IMAGES[task] * SIZES[scenario],
                _count(said["seeds"]),
                said["resources"]["seeds_per_job"],
                (len(rates) - 1) * _count(said["select"]["seeds"]),
            )
        )
    return found


def _count(seeds):
    """How many seeds a word such as 1-50 means."""
    first, _, last = str(seeds).partition("-")
    return int(last) - int(first) + 1


def published_seconds():
    """Seconds of an epoch of scenario mid2rest on an A100, by model and task."""
    with (ROOT / "workflow" / "published" / "scale.csv").open(newline="") as file:
        return {
            (row["model"], row["dataset"].removeprefix("stir/")): float(row["value"])
            for row in csv.DictReader(file)
            if row["metric"] == "seconds_per_epoch_mean" and row["setting"] == "scenario=mid2rest"
        }


def mean_epochs(study):
    """The mean epochs of a seed, by model, at most."""
    seconds, spent = published_seconds(), {}
    for run in study:
        longer = run.images / (IMAGES[run.task] * SIZES["mid2rest"])
        each = seconds[run.model, run.task] * longer
        spent[run.model] = spent.get(run.model, 0.0) + run.seeds * each
    return {model: min(MOST, 3600 * A100_HOURS[model] / known) for model, known in spent.items()}


def scatter():
    """The epochs of single seeds over their mean, in order."""
    path = ROOT / "benchmarks" / "results" / "scale" / "runs.csv"
    with path.open(newline="") as file:
        found = sorted(
            int(row["epochs"])
            for row in csv.DictReader(file)
            if row["run"] == "ensemble/stir_emoji/mid2rest"
        )
    return [epochs * len(found) / sum(found) for epochs in found]


def colour(model, task, seconds):
    """How much longer a step takes on a task's images than on the emoji."""
    each = {one: seconds[model, one] / (IMAGES[one] * SIZES["mid2rest"]) for one in IMAGES}
    grey = max(each["emoji"], each["mnist"])
    return max(1.0, each[task] / grey)


def widths(seeds, epochs):
    """The rows of a stack in each of its epochs, where seeds end after their epochs."""
    left, width = sorted(epochs), seeds
    done = 0
    while left:
        yield width
        done += 1
        left = [one for one in left if one > done]
        if 2 * len(left) <= width:
            width = len(left)


def hours(study, rates: Mapping[str, Mapping[str, Mapping[str, float]]]):
    """Hours of all seeds of a study, by model.

    Args:
        study: its runs.
        rates: by model and number of seeds at once, seconds of a ``step`` and of a ``test_image``.
    """
    epochs, seconds, spread = mean_epochs(study), published_seconds(), scatter()
    spent = dict.fromkeys(rates, 0.0)
    for run in study:
        stretch = colour(run.model, run.task, seconds)
        sizes = [run.pack] * (run.seeds // run.pack) + [run.seeds % run.pack]
        for size in filter(None, sizes):
            ends = [
                min(MOST, epochs[run.model] * spread[(2 * i + 1) * len(spread) // (2 * size)])
                for i in range(size)
            ]
            for width in widths(size, ends):
                step, test = (_rate(rates[run.model], width, what) for what in RATED)
                spent[run.model] += stretch * (run.steps * step + run.images * test) / 3600
    return spent


def _rate(known, width, what):
    """Seconds for a stack of that size, on the line through the smallest and largest known."""
    low, high = min(known, key=int), max(known, key=int)
    first, last = known[low][what], known[high][what]
    if low == high:
        return last
    return max(
        min(first, last), first + (last - first) * (width - int(low)) / (int(high) - int(low))
    )


def rates_before():
    """The rates of commit 460f702 on an H100; where one seed was not measured, the authors'."""
    found, seconds = {}, published_seconds()
    steps = [
        (one["model"], str(one["seeds"]), one["milliseconds"] / 1000)
        for one in json.loads(BEFORE.read_text(encoding="utf-8"))["steps"]
    ]
    measured = {(model, seeds) for model, seeds, _ in steps}
    in_epoch = IMAGES["emoji"] * SIZES["mid2rest"] / BATCH
    steps += [
        (model, "1", seconds[model, "emoji"] / in_epoch)
        for model in MODELS
        if (model, "1") not in measured
    ]
    for model, seeds, step in steps:
        rate = {"step": step, "test_image": TEST_BEFORE * step / BATCH}
        found.setdefault(model, {})[seeds] = rate
    return found


def at_once(study):
    """The same runs with 25 seeds in each job, whatever their param-files say."""
    return [replace(run, pack=AT_ONCE) for run in study]


def text(study, rates, title):
    """The sum, and each model's share: in the packs of the param-files, and in packs of 25."""
    ways = [hours(one, rates) for one in (study, at_once(study))]
    packed, together = (sum(way.values()) for way in ways)
    lines = [
        f"{title}: {packed:.1f} GPU-hours in the packs of the param-files (seeds_per_job), "
        f"{together:.1f} with {AT_ONCE} seeds in each job",
        "",
        f"| model | hours | share | with {AT_ONCE} | share |",
        "|---|---|---|---|---|",
    ]
    for model in sorted(rates, key=lambda one: -ways[0][one]):
        one, other = (way[model] for way in ways)
        lines.append(
            f"| `{model}` | {one:.2f} | {100 * one / packed:.0f} % "
            f"| {other:.2f} | {100 * other / together:.0f} % |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=Path, default=RATES, help="a gpu.json")
    asked = parser.parse_args()
    study = published_runs()
    seeds, more = sum(one.seeds for one in study), sum(one.candidates for one in study)
    published = sum(A100_HOURS.values())
    print(
        f"{len(study)} runs, {seeds:,} seeds, and {more} at rates that are not chosen; the "
        f"authors' {seeds:,} seeds took {published:,} A100-hours\n"
    )
    epochs = ", ".join(f"{model} {mean:.0f}" for model, mean in mean_epochs(study).items())
    print(f"Mean epochs, at most: {epochs}\n")
    print(text(study, rates_before(), "Commit 460f702, H100") + "\n")
    if asked.rates.is_file():
        known = json.loads(asked.rates.read_text(encoding="utf-8"))
        if set(known["rates"]) >= set(MODELS):
            title = f"Commit {(known['commit'] or 'unknown')[:7]}, {known['card']}"
            print(text(study, known["rates"], title))
        else:
            print(f"{asked.rates} has not the rates of all models: its row `study` was not run")
        return
    print(f"{asked.rates} is not there: `{COMMAND}` on a machine with a GPU makes it")


if __name__ == "__main__":
    main()
