"""Which figures and arrays Snakemake is asked for, and what they need."""

from dataclasses import replace

from made_up_index import (
    FIGURES,
    OTHER,
    OWN,
    PACKS,
    RUNS_HEADER,
    made_up_index,
    pack,
)

from isotrope import registry
from isotrope.plan import index_file
from isotrope.plan.index import EvaluationEntry, Index
from isotrope.plan.targets import Plan


def test_a_figure_without_its_table_is_named_and_left_out(indexed, monkeypatch):
    runs = {OTHER: made_up_index().runs[OTHER]}
    monkeypatch.setattr(index_file, "current", lambda: Index(runs, made_up_index().datasets))
    plan = Plan({})
    turned = dict.fromkeys(FIGURES, "rotation")

    assert plan.figures(turned) == ["out/figures/rotation/accuracy.svg"]
    assert plan.figures_left_out(turned) == [
        "out/figures/rotation/scale_generalization.svg is left out: no table "
        "scale_generalization in out/tables/rotation"
    ]
    assert plan.report({"accuracy": "scale"}) == []


def test_figures_come_with_tables_caption_and_published_numbers(indexed):
    plan = Plan({})

    assert plan.tables_of_figure("demo", "accuracy") == [
        "out/tables/demo/runs.csv",
        "out/tables/demo/accuracy.csv",
    ]
    assert plan.published(FIGURES, "accuracy") == "workflow/published/scale.csv"
    assert plan.caption("accuracy")


def test_figures_of_images_need_the_data_sets_of_their_group_unless_tables_are_copied(indexed):
    plan = Plan({})
    tasks = {"tasks": "scale"}

    assert plan.figures(tasks) == ["out/figures/demo/tasks.svg", "out/figures/scale/tasks.svg"]
    assert plan.tables_of_figure("scale", "tasks") == [
        "out/tables/scale/runs.csv",
        "out/tables/scale/examples.npz",
    ]
    assert plan.manifests_of_group("scale") == ["out/data/stir/emoji.manifest.json"]


def test_a_figure_with_a_table_in_latex_is_asked_for_as_both(indexed):
    assert Plan({}).figures({"training_time": "rotation"}) == [
        *("out/figures/demo/training_time.svg", "out/figures/demo/training_time.tex"),
        *("out/figures/rotation/training_time.svg", "out/figures/rotation/training_time.tex"),
    ]


def with_arrays():
    """The index with a run whose evaluation ``kernels`` gives arrays."""
    entry = EvaluationEntry("index_correlation", "9" * 16, "stir/emoji")
    known = made_up_index()
    base = known.runs[OWN].points["base"]
    base = replace(base, evaluations={**base.evaluations, "kernels": entry})
    return Index(
        {**known.runs, OWN: replace(known.runs[OWN], points={"base": base})}, known.datasets
    )


def test_arrays_stand_beside_the_tables_of_runs_that_give_any(indexed, monkeypatch):
    assert Plan({}).arrays() == []
    monkeypatch.setattr(index_file, "current", with_arrays)
    plan = Plan({})
    assert plan.arrays() == ["out/tables/scale/kernels.npz"]
    assert "out/tables/scale/kernels.csv" in plan.tables()
    assert Plan({"series": "demo"}).arrays() == []
    assert plan.inputs_of_table("scale", "kernels") == [
        pack(OWN, seeds, "results.csv") for seeds in PACKS
    ]


def test_a_figure_waits_for_its_arrays_and_is_left_out_without_them(indexed, monkeypatch):
    needs = {"TABLES": ("runs", "kernels"), "ARRAYS": ("kernels",)}
    literal = registry.literal
    monkeypatch.setattr(
        registry,
        "literal",
        lambda kind, name, constant, default=None: (
            needs.get(constant, default)
            if kind == "figures"
            else literal(kind, name, constant, default)
        ),
    )
    figures = {"kernel_sizes": "scale"}
    assert Plan({}).figures(figures) == []
    monkeypatch.setattr(index_file, "current", with_arrays)
    plan = Plan({"series": "own"})
    assert plan.figures(figures) == ["out/figures/scale/kernel_sizes.svg"]
    assert plan.tables_of_figure("scale", "kernel_sizes") == [
        f"out/tables/scale/{file}" for file in ("runs.csv", "kernels.csv", "kernels.npz")
    ]

    tables = indexed / "out" / "tables" / "scale"
    tables.mkdir(parents=True)
    for name in ("runs.csv", "kernels.csv"):
        (tables / name).write_text(RUNS_HEADER)
    copied = Plan({})
    assert copied.tables_are_sources
    assert copied.figures(figures) == copied.arrays() == []
    assert copied.figures_left_out(figures) == [
        "out/figures/scale/kernel_sizes.svg is left out: no table kernels.npz in out/tables/scale"
    ]
    (tables / "kernels.npz").touch()
    copied = Plan({})
    assert copied.arrays() == ["out/tables/scale/kernels.npz"]
    assert copied.figures(figures) == ["out/figures/scale/kernel_sizes.svg"]
