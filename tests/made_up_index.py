"""An index by hand: two studies, a demo, and a run whose data only some users have."""

from dataclasses import replace

from isotrope.plan.index import DatasetEntry, EvaluationEntry, Index, PointEntry, RunEntry

DEMO, OWN, PUBLISHED, LOCAL, OTHER = (
    "standard/stir_emoji/demo",
    "standard/stir_emoji/mine",
    "standard/stir_emoji/mid2rest",
    "standard/stir_aerial/mid2rest",
    "turned/digits/mine",
)
PACKS = ("1-25", "26-50")  # of OWN and PUBLISHED
RUNS_HEADER = "run,point,seed,best_validation_accuracy\n"


def pack(run, seeds, file="weights.safetensors"):
    return f"out/runs/{run}/base/seeds-{seeds}/{file}"


def point(dataset="stir/emoji", digest="a" * 16, **changes):
    evaluations = {
        "accuracy": EvaluationEntry("accuracy", "b" * 16, dataset),
        "scale_generalization": EvaluationEntry("scale_generalization", "c" * 16, dataset),
    }
    entry = PointEntry(digest, dataset, evaluations, {"training.epochs": 2, "model.name": "x"})
    return replace(entry, **changes)


def run(name, series="own", study="scale", seeds=(1, 2, 3), seeds_per_job=25, **points):
    model, dataset, _ = name.split("/")
    source = "local" if "aerial" in dataset else "embedded"
    return RunEntry(
        study=study,
        series=series,
        label="Plain",
        source=source,
        model=model,
        dataset=dataset,
        seeds=list(seeds),
        gpu=0,
        cpus=1,
        minutes=30,
        megabytes=2000,
        seeds_per_job=seeds_per_job,
        points=points
        or {"base": point("stir/aerial-local" if source == "local" else "stir/emoji")},
    )


def made_up_index():
    datasets = {
        "stir/emoji": DatasetEntry(
            "stir", "emoji", {"task": "emoji", "source": "embedded"}, "d" * 16, []
        ),
        "stir/aerial-local": DatasetEntry(
            "stir",
            "aerial-local",
            {"task": "aerial", "source": "local"},
            "e" * 16,
            ["stir/aerial.npz"],
        ),
    }
    only_accuracy = {"accuracy": EvaluationEntry("accuracy", "f" * 16, "stir/emoji")}
    runs = {
        DEMO: run(DEMO, series="demo"),
        OWN: run(OWN, seeds=range(1, 27)),
        PUBLISHED: run(PUBLISHED, series="published", seeds=range(1, 51)),
        LOCAL: run(LOCAL),
        OTHER: run(OTHER, study="rotation", base=point(evaluations=only_accuracy)),
    }
    return Index(runs, datasets)
