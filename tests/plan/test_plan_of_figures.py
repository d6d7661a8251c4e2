"""Which figures and arrays Snakemake is asked for, and what they need."""

from dataclasses import replace
from pathlib import Path

from made_up_index import (
    DEMO,
    OTHER,
    OWN,
    PACKS,
    RUNS_HEADER,
    made_up_index,
    pack,
    point,
    run,
)

from isotrope import paths, registry
from isotrope.plan import index_file, sources
from isotrope.plan.figures import StudyFigures
from isotrope.plan.index import DatasetEntry, EvaluationEntry, Index
from isotrope.plan.targets import Plan


def svgs(plan, *figures):
    """Those of some figures that are asked for."""
    wanted = {f"{figure}.svg" for figure in figures}
    return [path for path in plan.figures() if path.rpartition("/")[2] in wanted]


def test_a_figure_of_a_study_that_lacks_its_table_is_named_and_left_out(indexed, monkeypatch):
    base = point(evaluations={"accuracy": EvaluationEntry("accuracy", "f" * 16, "stir/emoji")})
    runs = {OWN: run(OWN, base=base)}
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: Index(runs, made_up_index().datasets)
    )
    plan = Plan({})

    assert svgs(plan, "accuracy", "scale_generalization") == ["out/figures/scale/accuracy.svg"]
    assert (
        "out/figures/scale/scale_generalization is left out: no table scale_generalization in "
        "out/tables/scale"
    ) in plan.figures_left_out()


def test_a_study_has_every_general_figure_whose_tables_it_has_and_none_is_missed(
    indexed, monkeypatch
):
    runs = {OTHER: made_up_index().runs[OTHER]}
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: Index(runs, made_up_index().datasets)
    )
    plan = Plan({})

    held = {Path(path).stem for path in plan.tables()}
    found = StudyFigures("rotation")
    drawn = {name for name in registry.names("figures/general") if held >= {*found.tables(name)}}
    assert {"accuracy", "training_time"} <= drawn
    assert {Path(path).stem for path in plan.figures()} == drawn
    assert plan.figures_left_out() == []


def test_a_figure_of_a_benchmarks_table_is_drawn_where_the_table_lies(indexed):
    figure = Path("plugins/figures/scale/layer_costs_drawn.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TITLE = "t"\nTABLES = ("layer_costs",)\nCAPTION = "c"\n')
    (paths.OUT / "runs").mkdir(parents=True)
    assert not any("layer_costs" in path for path in Plan({}).figures())
    assert not any("layer_costs" in sentence for sentence in Plan({}).figures_left_out())

    table = paths.table_folder("scale") / "layer_costs.csv"
    table.parent.mkdir(parents=True)
    table.touch()
    assert svgs(Plan({}), "layer_costs_drawn") == ["out/figures/scale/layer_costs_drawn.svg"]
    assert not any("layer_costs.csv" in path for path in Plan({}).tables())


def test_figures_come_with_tables_caption_and_published_numbers(indexed):
    plan = Plan({})

    assert plan.tables_of_figure("scale-demo", "accuracy") == [
        "out/tables/scale-demo/runs.csv",
        "out/tables/scale-demo/accuracy.csv",
    ]
    paths.PUBLISHED.mkdir(parents=True)
    paths.published("scale").touch()
    assert plan.published_numbers("scale-demo") == ["workflow/published/scale.csv"]
    assert plan.published_numbers("rotation") == []
    assert plan.caption("scale-demo", "accuracy")


def test_figures_of_images_need_the_data_sets_of_their_group_unless_tables_are_copied(indexed):
    plan = Plan({})

    assert svgs(plan, "tasks") == [
        *("out/figures/scale-demo/tasks.svg", "out/figures/scale/tasks.svg"),
    ]
    assert plan.tables_of_figure("scale", "tasks") == [
        "out/tables/scale/runs.csv",
        "out/tables/scale/examples.npz",
    ]
    assert plan.manifests_of_group("scale") == ["out/data/stir/emoji.manifest.json"]


def test_examples_are_of_the_data_sets_of_their_group_and_not_of_the_studys_demo(indexed):
    known = made_up_index()
    known.datasets["digits/small"] = DatasetEntry("digits", "small", {}, "9" * 16, [])
    known.runs[DEMO] = run(DEMO, series="demo", base=point("digits/small"))
    index_file.write(known, {})
    plan = Plan({})
    assert plan.manifests_of_group("scale") == ["out/data/stir/emoji.manifest.json"]
    assert plan.manifests_of_group("scale-demo") == ["out/data/digits/small.manifest.json"]


def test_a_figure_is_asked_for_with_all_its_files_so_that_none_is_missed(indexed):
    asked = Plan({}).figures()
    for group in ("scale-demo", "scale", "rotation"):
        named = [path for path in asked if f"{group}/training_time." in path]
        assert [Path(path).suffix for path in named] == [".svg", ".pdf", ".csv", ".tex"]


def with_arrays(**_):
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
    figure = Path("plugins/figures/scale/kernels_seen.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TABLES = ("runs", "kernels")\nARRAYS = ("kernels",)\n')
    assert svgs(Plan({}), "kernels_seen") == []
    monkeypatch.setattr(index_file, "current", with_arrays)
    plan = Plan({"series": "own"})
    assert svgs(plan, "kernels_seen") == ["out/figures/scale/kernels_seen.svg"]
    assert plan.tables_of_figure("scale", "kernels_seen") == [
        f"out/tables/scale/{file}" for file in ("runs.csv", "kernels.csv", "kernels.npz")
    ]

    tables = indexed / "out" / "tables" / "scale"
    tables.mkdir(parents=True)
    for name in ("runs.csv", "kernels.csv"):
        (tables / name).write_text(RUNS_HEADER)
    copied = Plan({})
    assert copied.tables_are_sources
    assert svgs(copied, "kernels_seen") == copied.arrays() == []
    assert (
        "out/figures/scale/kernels_seen is left out: no table kernels.npz in out/tables/scale"
    ) in copied.figures_left_out()
    (tables / "kernels.npz").touch()
    copied = Plan({})
    assert copied.arrays() == ["out/tables/scale/kernels.npz"]
    assert svgs(copied, "kernels_seen") == ["out/figures/scale/kernels_seen.svg"]


def test_an_animation_is_asked_for_as_a_gif_with_its_numbers(indexed):
    figure = Path("plugins/figures/general/growing.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TABLES = ("runs",)\nANIMATION = True\nCAPTION = "It grows."\n')

    asked = [path for path in Plan({}).figures() if "growing" in path]

    assert asked == [
        f"out/figures/{group}/growing{ending}"
        for group in ("scale-demo", "scale", "rotation")
        for ending in (".gif", ".frames.csv")
    ]


def test_what_draws_a_figure_is_found_in_the_sources(indexed):
    its = Plan({}).sources_of_figure("scale-demo", "equivariance_corrected")

    inside = {path.rpartition("/isotrope/")[2] for path in its}
    assert its[0].endswith("src/isotrope/figures/scale/equivariance_corrected.py")
    assert {
        *("figures/scale/_equivariance.py", "studies/scale/cells.py", "results/drawing.py"),
        *("results/series.py", "results/style.py", "results/statistics.py", "files/disk.py"),
    } <= inside
    assert not any(path.startswith(("training/", "models/", "commands/")) for path in inside)
    general = Plan({}).sources_of_figure("rotation", "accuracy")
    assert not any("isotrope/studies" in path or "figures/scale" in path for path in general)


def test_a_figure_that_cannot_be_read_is_left_out_with_its_line_and_no_other(indexed):
    figure = Path("plugins/figures/general/broken.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TABLES = ("runs",\n')
    figure.with_stem("silent").write_text("x = 1\n")
    plan = Plan({"series": "own", "studies": "rotation"})

    assert plan.figures()
    assert plan.figures_left_out() == [
        "out/figures/rotation/broken is left out: plugins/figures/general/broken.py:1: cannot be "
        "read: SyntaxError: '(' was never closed",
        "out/figures/rotation/silent is left out: plugins/figures/general/silent.py: it must "
        "assign a literal to TABLES",
    ]


def test_what_was_read_of_figures_is_read_again_only_where_it_changed(indexed, monkeypatch):
    figure = Path("plugins/figures/general/own.py")
    figure.parent.mkdir(parents=True)
    figure.write_text('TABLES = ("runs",)\n')
    parsed = []
    read = sources._parsed
    monkeypatch.setattr(
        sources, "_parsed", lambda path, stamp: parsed.append(path) or read(path, stamp)
    )

    first = Plan({}).figures()
    assert any(path.endswith("general/own.py") for path in parsed)
    parsed.clear()
    assert Plan({}).figures() == first
    assert parsed == []
    figure.write_text('TABLES = ("runs",)\nANIMATION = True\n')
    assert "out/figures/scale/own.gif" in Plan({}).figures()
    assert [Path(path).name for path in parsed] == ["own.py"]
    paths.MODULES.write_text("{")
    assert "out/figures/scale/own.gif" in Plan({}).figures()


def test_a_plan_needs_no_place_to_remember_what_it_read(indexed):
    paths.MODULES.parent.mkdir(exist_ok=True)
    paths.MODULES.mkdir()
    assert Plan({}).figures()


def test_a_users_figure_is_drawn_by_what_it_imports_of_the_project(indexed):
    folder = Path("plugins/figures/mine")
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(
        'TABLES = ("runs",)\n'
        "from plugins.figures.mine import _helper\n"
        "def draw(tables):\n    import isotrope.results.style\n"
    )
    (folder / "_helper.py").write_text("import pandas\nfrom plugins.figures.mine._other import x\n")
    (folder / "_other.py").write_text("x = 1\n")
    (folder / "_unused.py").write_text("x = 1\n")

    own, *rest = Plan({}).sources_of_figure("mine", "own")

    assert own == "plugins/figures/mine/own.py"
    assert [path for path in rest if path.startswith("plugins")] == [
        *("plugins/figures/mine/_helper.py", "plugins/figures/mine/_other.py"),
    ]
    assert any(path.endswith("results/style.py") for path in rest)


def test_what_draws_a_figure_is_named_relative_to_the_project_it_lies_in(indexed, monkeypatch):
    monkeypatch.chdir(registry.PACKAGE.parents[1])
    its = StudyFigures("scale").drawn_by("accuracy")
    assert its[0] == "src/isotrope/figures/general/accuracy.py"
    assert all(path.startswith("src/isotrope/") for path in its)
    assert len(set(its)) == len(its)


def test_a_figure_of_a_study_replaces_the_general_one_of_its_name(indexed):
    asked = Plan({}).figures()
    assert asked.count("out/figures/scale/training_time.svg") == 1
    assert "table 2 of the paper" in Plan({}).caption("scale", "training_time")
    assert "table 2 of the paper" not in Plan({}).caption("rotation", "training_time")
