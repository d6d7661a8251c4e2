"""What is asked of Snakemake, and what that needs, from an index made by hand."""

import subprocess
import sys
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, OTHER, OWN, PUBLISHED, made_up_index, point, run

from isotrope import index, paths, registry
from isotrope.errors import UserError
from isotrope.index import EvaluationEntry, Index, SelectEntry
from isotrope.plan import Plan

FIGURES = {"accuracy": "scale", "scale_generalization": "scale"}
RUNS_HEADER = "run,point,seed,best_validation_accuracy\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    index.write(made_up_index(), {})
    monkeypatch.setattr(index, "current", index.as_written)
    return tmp_path


def pack(run, seeds, file="weights.safetensors"):
    return f"out/runs/{run}/base/seeds-{seeds}/{file}"


def test_nothing_asked_for_means_demo_and_own_runs_whose_data_are_there(folder):
    plan = Plan({})

    assert plan.packs("weights.safetensors") == [
        pack(DEMO, "1-25"),
        pack(OWN, "1-25"),
        pack(OWN, "26-50"),
        pack(OTHER, "1-25"),
    ]
    assert plan.datasets() == ["out/data/stir/emoji.manifest.json", "out/data/stir/emoji.png"]


def test_a_demo_has_tables_and_figures_of_its_own_and_a_study_has_its(folder):
    plan = Plan({})

    groups = {"demo": ["runs", "accuracy", "scale_generalization"]}
    groups |= {"scale": groups["demo"], "rotation": ["runs", "accuracy"]}
    assert plan.tables() == [f"out/tables/{g}/{t}.csv" for g in groups for t in groups[g]]
    assert plan.figures(FIGURES) == [
        f"out/figures/{group}/{figure}.svg" for group in ("demo", "scale") for figure in FIGURES
    ]
    assert plan.figures_left_out(FIGURES) == []
    assert plan.report(FIGURES) == ["out/report.html"]
    assert plan.selection_as_config() == "series=demo,own"


def test_a_table_is_collected_from_the_runs_that_have_rows_in_it(folder):
    plan = Plan({"studies": "scale", "series": "own,published"})

    expected = [pack(name, seeds, "results.csv") for name in (OWN, PUBLISHED) for seeds in PACKS]
    assert plan.inputs_of_table("scale", "accuracy") == expected
    with pytest.raises(UserError, match=r"out/tables/demo/runs\.csv: no run that is asked for"):
        plan.inputs_of_table("demo", "runs")
    with pytest.raises(UserError, match=r"\(studies=scale series=own,published\) has rows"):
        plan.inputs_of_table("scale", "accurcy")


PACKS = ("1-25", "26-50")


def test_a_figure_without_its_table_is_named_and_left_out(folder, monkeypatch):
    runs = {OTHER: made_up_index().runs[OTHER]}
    monkeypatch.setattr(index, "current", lambda: Index(runs, made_up_index().datasets))
    plan = Plan({})
    turned = dict.fromkeys(FIGURES, "rotation")

    assert plan.figures(turned) == ["out/figures/rotation/accuracy.svg"]
    assert plan.figures_left_out(turned) == [
        "out/figures/rotation/scale_generalization.svg is left out: no table "
        "scale_generalization in out/tables/rotation"
    ]
    assert plan.report({"accuracy": "scale"}) == []


def test_runs_that_wait_for_data_are_named_once_and_left_out(folder, monkeypatch):
    waiting = [f"standard/stir_aerial/v{i}" for i in range(6)]
    runs = {DEMO: made_up_index().runs[DEMO], **{name: run(name) for name in waiting}}
    monkeypatch.setattr(index, "current", lambda: Index(runs, made_up_index().datasets))

    assert Plan({}).notes() == [
        "6 runs wait for data: stir/aerial.npz under $ISOTROPE_DATA, which is not set "
        f"(see the README, Data): {', '.join(waiting[:5])}, ..."
    ]
    assert Plan({}).packs("run.json") == [pack(DEMO, "1-25", "run.json")]
    assert Plan({"series": "demo"}).notes() == []
    monkeypatch.setenv("ISOTROPE_DATA", str(folder))
    assert "stir/aerial.npz under $ISOTROPE_DATA (see" in Plan({}).notes()[0]


def test_a_run_asked_for_by_name_must_have_its_data(folder):
    with pytest.raises(UserError, match=f"{LOCAL} needs stir/aerial.npz under .ISOTROPE_DATA"):
        Plan({"runs": LOCAL})
    with pytest.raises(UserError, match=f"{LOCAL} needs stir/aerial.npz"):
        Plan({}).run(LOCAL)


def test_data_that_have_come_are_used(folder, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(folder))
    (folder / "stir").mkdir()
    (folder / "stir" / "aerial.npz").touch()
    plan = Plan({"runs": LOCAL})

    assert plan.packs("run.json") == [pack(LOCAL, "1-25", "run.json")]
    assert plan.training_data(LOCAL, "base") == ["out/data/stir/aerial-local.manifest.json"]
    assert plan.notes() == []


def test_a_mistake_in_the_selection_stops_before_anything_is_planned(folder):
    with pytest.raises(UserError, match="no study is called 'scal'"):
        Plan({"studies": "scal"})


def test_a_job_takes_the_index_as_the_head_wrote_it_and_selects_nothing(folder, monkeypatch):
    monkeypatch.setattr(index, "current", lambda: pytest.fail("the index was compared"))

    plan = Plan({"studies": "unknown"}, head=False)

    assert plan.training(LOCAL, "base", "1-25") == {"digest": "a" * 16, "seeds": "1,2,3"}


def test_a_pack_is_trained_and_evaluated_for_its_digests_and_seeds(folder):
    plan = Plan({})

    assert plan.training(OWN, "base", "26-50") == {"digest": "a" * 16, "seeds": "26"}
    assert plan.evaluations(OWN, "base", "26-50") == {
        "digests": {"accuracy": "b" * 16, "scale_generalization": "c" * 16},
        "seeds": "26",
    }


def test_an_evaluation_on_other_data_needs_them_too(folder, monkeypatch):
    evaluations = dict(point("stir/aerial-local").evaluations)
    runs = {DEMO: run(DEMO, series="demo", base=point(evaluations=evaluations))}
    monkeypatch.setattr(index, "current", lambda: Index(runs, made_up_index().datasets))

    assert Plan({}).packs("run.json") == []
    index.write(index.current(), {})
    assert Plan({}, head=False).evaluation_data(DEMO, "base") == [
        f"out/data/stir/{key}.manifest.json" for key in ("emoji", "aerial-local")
    ]


SWEPT = "standard/stir_emoji/swept"


@pytest.fixture
def swept(folder, monkeypatch):
    """A run of 30 seeds, ten a job, of two points; one is chosen by seeds 1-2 and 11."""
    points = {"rate=1": point(), "rate=2": point(digest="e" * 16)}
    entry = run(SWEPT, series="demo", seeds=range(1, 31), seeds_per_job=10, **points)
    rule = SelectEntry("validation_accuracy", "median", [1, 2, 11], "last")
    runs = {SWEPT: replace(entry, select=rule)}
    monkeypatch.setattr(index, "current", lambda: Index(runs, made_up_index().datasets))
    return Plan({})


def test_the_chosen_point_is_asked_for_and_waits_for_its_candidates(swept):
    packs = ("1-10", "11-20", "21-30")
    folders = [f"out/runs/{SWEPT}/selected/seeds-{pack}" for pack in packs]
    assert swept.packs("results.csv") == [f"{folder}/results.csv" for folder in folders]
    assert swept.choice(SWEPT, "selected") == [f"out/runs/{SWEPT}/choice.json"]
    assert swept.choice(SWEPT, "rate=1") == []
    assert swept.candidates(SWEPT) == [
        f"out/runs/{SWEPT}/{name}/seeds-{pack}/run.json"
        for name in ("rate=1", "rate=2")
        for pack in packs[:2]
    ]


def test_candidates_have_the_seeds_of_the_choice_and_the_chosen_point_has_all(swept):
    assert swept.training(SWEPT, "rate=2", "1-10") == {"digest": "e" * 16, "seeds": "1,2"}
    assert swept.training(SWEPT, "rate=2", "11-20")["seeds"] == "11"
    both = f"{'a' * 16} or {'e' * 16}"
    seeds = ",".join(map(str, range(11, 21)))
    assert swept.training(SWEPT, "selected", "11-20") == {"digest": both, "seeds": seeds}
    digests = swept.evaluations(SWEPT, "selected", "11-20")["digests"]
    assert digests["accuracy"] == f"{'b' * 16} or {'b' * 16}"
    for name, pack in (("rate=2", "21-30"), ("selected", "31-40"), ("base", "1-10")):
        with pytest.raises(UserError, match=f"has no (pack seeds-{pack}|point 'base')"):
            swept.training(SWEPT, name, pack)


def test_a_choice_depends_on_its_rule_and_candidates(swept):
    before = swept.rule_of_choice(SWEPT)
    assert "e" * 16 in before["candidates"]
    assert "[1, 2, 11]" in before["select"]
    others = Plan({}, head=False)  # reads the index on disk
    with pytest.raises(UserError, match="has no `select`: all points are evaluated"):
        others.candidates(DEMO)


def test_the_table_of_selections_is_collected_from_choices(swept):
    assert "out/tables/demo/selection.csv" in swept.tables()
    assert swept.inputs_of_table("demo", "selection") == [f"out/runs/{SWEPT}/choice.json"]
    assert "results.csv" in swept.inputs_of_table("demo", "runs")[0]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda plan: plan.dataset("stir/emojis"), "no param-file uses such a data set; did you"),
        (lambda plan: plan.run(OWN + "s"), f"no such param-file; did you mean '{OWN}'"),
        (lambda plan: plan.points(OWN, "bas"), "has no point 'bas'; did you mean 'base'?"),
        (lambda plan: plan.training(OWN, "base", "1-24"), "has no pack seeds-1-24; did you mean"),
        (lambda plan: plan.evaluations(OWN, "base", "x"), "has no pack seeds-x; choose from 1-25"),
        (lambda plan: plan.tables_of_figure("demo", "acuracy"), "no figure is called 'acuracy'"),
        (lambda plan: plan.published(FIGURES, "mine"), 'add the line "mine": "<study>" to FIG'),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(folder, ask, said):
    with pytest.raises(UserError) as error:
        ask(Plan({}))

    assert said in str(error.value)


def test_figures_come_with_tables_caption_and_published_numbers(folder):
    plan = Plan({})

    assert plan.tables_of_figure("demo", "accuracy") == [
        "out/tables/demo/runs.csv",
        "out/tables/demo/accuracy.csv",
    ]
    assert plan.published(FIGURES, "accuracy") == "workflow/published/scale.csv"
    assert plan.caption("accuracy")


@pytest.fixture
def copied(folder, monkeypatch):
    """A fresh clone with the tables of another machine and nothing else under ``out``."""
    paths.INDEX.unlink()
    monkeypatch.setattr(index, "current", lambda: pytest.fail("param-files were checked"))
    for group, tables in (("scale", ("runs", "accuracy")), ("rotation", ("runs",))):
        for table in tables:
            path = paths.table_folder(group) / f"{table}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(RUNS_HEADER + f"{OWN},base,1,0.5\n")
    for name in (OWN, PUBLISHED):
        path = paths.PARAM_FILES / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("anything")
    return folder


def test_copied_tables_are_sources_of_the_figures_they_hold(copied):
    plan = Plan({})

    assert plan.tables_are_sources
    assert plan.tables() == [
        "out/tables/rotation/runs.csv",
        "out/tables/scale/accuracy.csv",
        "out/tables/scale/runs.csv",
    ]
    assert plan.figures(FIGURES) == ["out/figures/scale/accuracy.svg"]
    assert plan.figures_left_out(FIGURES) == [
        "out/figures/scale/scale_generalization.svg is left out: no table scale_generalization "
        "in out/tables/scale"
    ]
    assert plan.notes() == [
        "out/runs is absent: the tables in out/tables are taken as they are; "
        "`snakemake runs` trains",
        f"{PUBLISHED} is in no table",
    ]


def test_figures_of_images_need_the_data_sets_of_their_group_unless_tables_are_copied(folder):
    plan = Plan({})
    tasks = {"tasks": "scale"}

    assert plan.figures(tasks) == ["out/figures/demo/tasks.svg", "out/figures/scale/tasks.svg"]
    assert plan.tables_of_figure("scale", "tasks") == [
        "out/tables/scale/runs.csv",
        "out/tables/scale/examples.npz",
    ]
    assert plan.manifests_of_group("scale") == ["out/data/stir/emoji.manifest.json"]


def test_images_are_taken_with_copied_tables_if_they_came_along(copied):
    tasks = {"tasks": "scale"}

    assert Plan({}).figures_left_out(tasks) == [
        "out/figures/scale/tasks.svg is left out: no table examples.npz in out/tables/scale"
    ]
    paths.examples("scale").write_bytes(b"anything")
    assert Plan({}).figures(tasks) == ["out/figures/scale/tasks.svg"]


def test_a_figure_with_a_table_in_latex_is_asked_for_as_both(folder):
    assert Plan({}).figures({"training_time": "rotation"}) == [
        *("out/figures/demo/training_time.svg", "out/figures/demo/training_time.tex"),
        *("out/figures/rotation/training_time.svg", "out/figures/rotation/training_time.tex"),
    ]


def test_tables_beside_runs_are_no_sources(copied, monkeypatch):
    monkeypatch.setattr(index, "current", made_up_index)
    (paths.OUT / "runs").mkdir()

    plan = Plan({})

    assert not plan.tables_are_sources
    assert plan.inputs_of_table("demo", "runs") == [pack(DEMO, "1-25", "results.csv")]


def test_drawing_is_planned_without_torch_and_without_a_plug_in(copied):
    code = (
        "import sys; from isotrope.plan import Plan\n"
        f"plan = Plan({{}}); plan.figures({FIGURES}); plan.notes(); plan.caption('accuracy')\n"
        "plugins = [m for m in sys.modules for kind in ('models', 'data', 'evaluation')\n"
        "           if m.startswith(f'isotrope.{kind}.')]\n"
        "sys.exit(f'imported: {plugins}' if 'torch' in sys.modules or plugins else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def with_arrays():
    """The index with a run whose evaluation ``kernels`` gives arrays."""
    entry = EvaluationEntry("index_correlation", "9" * 16, "stir/emoji")
    known = made_up_index()
    base = known.runs[OWN].points["base"]
    base = replace(base, evaluations={**base.evaluations, "kernels": entry})
    return Index(
        {**known.runs, OWN: replace(known.runs[OWN], points={"base": base})}, known.datasets
    )


def test_arrays_stand_beside_the_tables_of_runs_that_give_any(folder, monkeypatch):
    assert Plan({}).arrays() == []
    monkeypatch.setattr(index, "current", with_arrays)
    plan = Plan({})
    assert plan.arrays() == ["out/tables/scale/kernels.npz"]
    assert "out/tables/scale/kernels.csv" in plan.tables()
    assert Plan({"series": "demo"}).arrays() == []
    assert plan.inputs_of_table("scale", "kernels") == [
        pack(OWN, seeds, "results.csv") for seeds in PACKS
    ]


def test_a_figure_waits_for_its_arrays_and_is_left_out_without_them(folder, monkeypatch):
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
    monkeypatch.setattr(index, "current", with_arrays)
    plan = Plan({"series": "own"})
    assert plan.figures(figures) == ["out/figures/scale/kernel_sizes.svg"]
    assert plan.tables_of_figure("scale", "kernel_sizes") == [
        f"out/tables/scale/{file}" for file in ("runs.csv", "kernels.csv", "kernels.npz")
    ]

    tables = folder / "out" / "tables" / "scale"
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
