"""Everything that a plan asks for, of an index made by hand."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up_index import DEMO, LOCAL, OTHER, OWN, PUBLISHED, made_up_index, pack, point, run

from isotrope import paths
from isotrope.errors import UserError
from isotrope.plan import index_file, needs, targets
from isotrope.plan.index import EvaluationEntry, Index, JobEntry, SelectEntry
from isotrope.plan.targets import MANY, Plan

SWEPT = "standard/stir_emoji/swept"
ALONE = EvaluationEntry("accuracy", "1" * 16, "stir/emoji", JobEntry(1, 4, 240, 4000))
OF_RUN = EvaluationEntry(
    "seed_ensemble", "2" * 16, "stir/emoji", JobEntry(0, 1, 30, 2000), of_run=True
)
ARRAYS = EvaluationEntry("index_correlation", "3" * 16, "stir/emoji")


@pytest.fixture
def plan(indexed, monkeypatch):
    """A demo, a run of two points of which one is chosen, and one of two packs."""
    known = made_up_index()
    more = {"attack": ALONE, "spread": OF_RUN, "kernels": ARRAYS}
    monitor = {**point().parameters, "training.monitor.every": 5}
    known.runs[OWN] = run(
        OWN,
        seeds=range(1, 27),
        base=point(evaluations={**point().evaluations, **more}, parameters=monitor),
    )
    points = {"x=1": point(digest="4" * 16), "x=2": point(digest="5" * 16)}
    select = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    known.runs[SWEPT] = replace(run(SWEPT, **points), select=select, label="Swept")
    kept = {name: known.runs[name] for name in (DEMO, OWN, SWEPT, LOCAL)}
    whole = Index(kept, known.datasets)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: whole)
    return Plan({})


CHOSEN = f"out/runs/{SWEPT}/selected/seeds-1-25"
RESULTS = [
    pack(DEMO, "1-25", "results.csv"),
    *(pack(OWN, seeds, "results.csv") for seeds in ("1-25", "26-50")),
    *(pack(OWN, seeds, "results-attack.csv") for seeds in ("1-25", "26-50")),
    f"out/runs/{OWN}/base/results-spread.csv",
    f"{CHOSEN}/results.csv",
]


def test_every_file_that_collective_targets_ask_for(plan):
    tables = ["runs", "accuracy", "attack", "kernels", "scale_generalization", "spread"]
    assert plan.weights() == [
        pack(DEMO, "1-25"),
        *(pack(OWN, seeds) for seeds in ("1-25", "26-50")),
        f"{CHOSEN}/weights.safetensors",
    ]
    assert plan.results() == RESULTS
    assert plan.datasets() == ["out/data/stir/emoji.manifest.json", "out/data/stir/emoji.png"]
    demo = [
        f"out/tables/scale-demo/{name}.csv" for name in ("runs", "accuracy", "scale_generalization")
    ]
    scale = [f"out/tables/scale/{name}.csv" for name in (*tables, "selection")]
    assert plan.tables() == [*demo, *scale]
    assert plan.tables_of_group("scale") == scale
    assert plan.tables_of_group("scale-demo") == demo
    assert plan.arrays() == ["out/tables/scale/kernels.npz", "out/tables/scale/recordings.npz"]
    assert plan.summaries() == [
        f"out/tables/{group}/summary.html" for group in ("scale-demo", "scale")
    ]
    assert plan.report() == ["out/report.html"]
    assert plan.tracking() == ["out/tracking/mlflow.json"]
    assert plan.figures_to_track("mlflow") == plan.figures() != []
    assert plan.figures_to_track("tensorboard") == []
    assert plan.outputs_gone() == plan.training_gone() == plan.rows_gone() == []


def test_a_run_whose_evaluations_all_have_jobs_of_their_own_has_rows_of_its_packs(plan):
    plan.index.runs[OWN].points["base"] = point(evaluations={"attack": ALONE})
    asked = set(RESULTS) - {RESULTS[5]}
    assert set(plan.results()) == asked


def test_every_answer_of_a_plan_to_the_rules_of_a_run_with_a_choice(plan):
    either = f"{'4' * 16} or {'5' * 16}"
    assert plan.training(SWEPT, "selected", "1-25") == {"digest": either, "seeds": "1,2,3"}
    assert plan.training(SWEPT, "x=2", "1-25") == {"digest": "5" * 16, "seeds": "1,2"}
    digests = {"accuracy": "b" * 16, "scale_generalization": "c" * 16}
    both = {name: f"{digest} or {digest}" for name, digest in digests.items()}
    assert plan.evaluations(SWEPT, "selected", "1-25") == {"digests": both, "seeds": "1,2,3"}
    assert plan.evaluations(SWEPT, "x=1", "1-25") == {"digests": digests, "seeds": "1,2"}
    assert plan.choice(SWEPT, "selected") == [f"out/runs/{SWEPT}/choice.json"]
    assert plan.choice(SWEPT, "x=1") == plan.choice(OWN, "base") == []
    points = [f"out/runs/{SWEPT}/{point}/seeds-1-25/run.json" for point in ("x=1", "x=2")]
    assert plan.candidates(SWEPT) == points
    assert plan.rule_of_choice(SWEPT) == {
        "select": str(plan.index.runs[SWEPT].select),
        "candidates": str({"x=1": "4" * 16, "x=2": "5" * 16}),
    }
    with pytest.raises(UserError, match=rf"choice\.json: {OWN} has no `select`: all points are"):
        plan.candidates(OWN)
    with pytest.raises(UserError, match="has no point 'x=3'; did you mean 'x=2' or 'x=1'"):
        plan.points(SWEPT, "x=3")
    with pytest.raises(UserError, match="has no point 'selectet'; did you mean 'selected'"):
        plan.points(SWEPT, "selectet")
    assert plan.networks_of_point(SWEPT, "selected") == [
        f"{CHOSEN}/{name}" for name in ("weights.safetensors", "run.json")
    ]
    assert plan.training_data(SWEPT, "selected") == ["out/data/stir/emoji.manifest.json"]
    assert plan.start(SWEPT, "selected", "1-25") == []
    assert plan.networks_against(SWEPT, "selected") == []


def test_every_answer_of_a_plan_to_the_rules_of_a_run_with_jobs_of_its_own(plan):
    manifest = ["out/data/stir/emoji.manifest.json"]
    assert plan.evaluation_data(OWN, "base") == plan.evaluation_data(OWN, "base", "attack")
    assert plan.evaluation_data(OWN, "base") == manifest
    shared = {"accuracy": "b" * 16, "scale_generalization": "c" * 16, "kernels": "3" * 16}
    assert plan.evaluations(OWN, "base", "26-50") == {"digests": shared, "seeds": "26"}
    alone = {"digests": {"attack": "1" * 16}, "seeds": "26"}
    assert plan.evaluations(OWN, "base", "26-50", "attack") == alone
    assert plan.evaluation_of_run(OWN, "base", "spread") == {"digests": {"spread": "2" * 16}}
    attack, spread, plain = (OWN, "base", "attack"), (OWN, "base", "spread"), (OWN,)
    of_job = [(plan.gpus(*one), plan.cpus(*one)) for one in (plain, attack, spread)]
    assert of_job == [(0, 1), (1, 4), (0, 1)]
    minutes = [plan.minutes_of_evaluation(*one) for one in (plain, attack, spread)]
    assert [plan.minutes(OWN), *minutes] == [30, 30, 240, 30]
    memory = [plan.memory(OWN, attempt, "base", "attack") for attempt in (1, 2, 3)]
    assert [*memory, plan.memory(OWN, 2)] == [4000, 8000, 12000, 4000]
    for table in ("accuracy", "nothing"):
        with pytest.raises(UserError, match=f"has no evaluation '{table}' with a job of its own"):
            plan.gpus(OWN, "base", table)


def test_outputs_that_were_set_back_have_their_jobs_planned(plan):
    results, of_run = Path(RESULTS[3]), Path(RESULTS[5])
    plan.set_back = frozenset({results, of_run, Path(pack(OWN, "26-50", "run.json"))})
    said = {"output": targets.SET_BACK}
    assert plan.evaluations(OWN, "base", "1-25", "attack").items() >= said.items()
    assert plan.evaluation_of_run(OWN, "base", "spread").items() >= said.items()
    assert plan.training(OWN, "base", "26-50").items() >= said.items()
    for other in (
        plan.evaluations(OWN, "base", "26-50", "attack"),
        plan.evaluations(OWN, "base", "1-25"),
        plan.training(OWN, "base", "1-25"),
    ):
        assert "output" not in other


def test_a_table_is_collected_from_the_files_of_its_own_runs(plan):
    asked = {table: plan.inputs_of_table("scale", table) for table in ("runs", "selection")}
    assert asked == {
        "runs": [RESULTS[1], RESULTS[2], RESULTS[6]],
        "selection": [f"out/runs/{SWEPT}/choice.json"],
    }
    assert plan.inputs_of_table("scale", "attack") == RESULTS[3:5]
    assert plan.inputs_of_table("scale", "spread") == RESULTS[5:6]
    packs = [pack(OWN, seeds, "run.json") for seeds in ("1-25", "26-50")]
    assert plan.inputs_of_table("scale", "recordings") == packs
    assert plan.inputs_of_table("scale", "histories") == [*packs, f"{CHOSEN}/run.json"]
    assert plan.inputs_of_table("scale-demo", "runs") == RESULTS[:1]


def test_what_is_gone_is_asked_for_by_what_it_is_needed_for(plan, monkeypatch):
    names = ("weights.safetensors", "history.csv", "run.json", "results.csv")
    gone = [pack(OWN, "1-25", name) for name in names]
    monkeypatch.setattr(targets, "outputs_gone", lambda name, entry: gone if name == OWN else [])
    assert plan.outputs_gone() == gone
    assert plan.training_gone() == gone[:3]
    assert plan.rows_gone() == gone[2:]


def test_labels_are_of_the_table_of_runs_alone(plan):
    assert plan.labels("scale", "runs") == f"{OWN}: own, Plain; {SWEPT}: own, Swept"
    assert plan.labels("scale", "accuracy") == ""
    assert plan.labels_asked_for() == "; ".join(
        [f"{DEMO}: scale, demo, Plain", f"{OWN}: scale, own, Plain", f"{SWEPT}: scale, own, Swept"]
    )


def test_many_jobs_are_said_with_what_they_cost(plan, monkeypatch):
    assert plan.cost_notes() == []
    index = plan.index
    monkeypatch.setattr(targets, "in_words", lambda cost: f"{cost.jobs} jobs")
    for packs, jobs, said in (
        (MANY - 1, MANY, []),
        (MANY, MANY - 1, []),
        (MANY, MANY, [f"this asks for {MANY} jobs; `isotrope cost` says it by study"]),
    ):
        index.runs.clear()
        index.runs[OWN] = run(OWN, seeds=range(1, packs + 1), seeds_per_job=1)
        monkeypatch.setattr(targets, "costs_of", lambda index, names: {1: "the costs"})
        monkeypatch.setattr(targets, "total", lambda costs, jobs=jobs: SimpleNamespace(jobs=jobs))
        assert Plan({}).cost_notes() == said


def test_results_of_tables_that_were_copied_are_not_lost_to_a_first_run(plan):
    table = paths.table_folder("scale") / "runs.csv"
    table.parent.mkdir(parents=True)
    lines = [f"{name},base,1" for name in (OWN, PUBLISHED, LOCAL, "not/here/now")]
    table.write_text("\n".join(["run,point,seed", *lines]) + "\n")
    Path("out/runs").mkdir(parents=True)
    with pytest.raises(UserError) as error:
        plan.inputs_of_table("scale", "accuracy")
    assert str(error.value).startswith(
        f"out/tables/scale/runs.csv holds results of {LOCAL} that are not in out/runs, and"
    )
    Path("out/runs", LOCAL).mkdir(parents=True)
    assert plan.inputs_of_table("scale", "runs")


def test_outputs_that_were_set_back_are_removed_or_said_in_a_dry_run(plan, monkeypatch):
    path, asked = Path("out/x"), []
    monkeypatch.setattr(
        targets, "all_set_back", lambda names, codes: asked.append(list(names)) or [path]
    )
    monkeypatch.setattr(targets, "remove_set_back", lambda found: [f"removed {found}"])
    assert plan.mend_set_back(dry=False) == [f"removed {[path]}"]
    assert plan.set_back == frozenset()
    (said,) = plan.mend_set_back(dry=True)
    assert said == f"out/x is {targets.SET_BACK}; `snakemake` puts it together anew"
    assert plan.set_back == {path}
    assert asked == [[DEMO, OWN, SWEPT]] * 2


def test_without_a_table_or_a_figure_there_is_no_report(plan, monkeypatch):
    monkeypatch.setattr(Plan, "figures", lambda self: [])
    assert plan.report() == []
    monkeypatch.undo()
    monkeypatch.setattr(Plan, "tables", lambda self: [])
    monkeypatch.setattr(Plan, "figures", lambda self: ["a figure"])
    assert Plan.report(plan) == []


def test_runs_of_another_study_share_no_group_with_these(indexed):
    plan = Plan({"runs": OTHER})
    assert plan.tables() == ["out/tables/rotation/runs.csv", "out/tables/rotation/accuracy.csv"]
    assert plan.selection_text() == f"""'runs=["{OTHER}"]'"""
    with pytest.raises(UserError, match=rf"\(runs={OTHER}\) has rows in it; ask for others with"):
        plan.inputs_of_table("rotation", "selection")


def test_files_that_are_waited_for_are_said_with_where_they_belong(monkeypatch):
    mine = ["stir/a.npz", "b.pt"]
    fetched = [f"{paths.DOWNLOADS}/{name}" for name in ("mnist/x.gz", "mnist/y.gz", "svhn/z")]
    sums = (
        "the checksum of x.gz, y.gz (run `isotrope pin mnist`) and "
        "the checksum of z (run `isotrope pin svhn`)"
    )
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    there = "stir/a.npz, b.pt under $ISOTROPE_DATA, which is not set (see docs/data.md)"
    assert needs.under_local_root(mine) == there
    assert needs.under_local_root(fetched) == sums
    monkeypatch.setenv("ISOTROPE_DATA", "/data")
    there = there.replace(", which is not set", "")
    assert needs.under_local_root([*fetched, *mine]) == f"{there} and {sums}"
