"""What is asked of Snakemake, and what that needs, from an index made by hand."""

import pytest
from made_up_index import (
    DEMO,
    LOCAL,
    OTHER,
    OWN,
    PACKS,
    PUBLISHED,
    made_up_index,
    pack,
    point,
    run,
)

from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.plan.targets import Plan


def test_nothing_asked_for_means_demo_and_own_runs_whose_data_are_there(indexed):
    plan = Plan({})

    assert plan.packs("weights.safetensors") == [
        pack(DEMO, "1-25"),
        pack(OWN, "1-25"),
        pack(OWN, "26-50"),
        pack(OTHER, "1-25"),
    ]
    assert plan.datasets() == ["out/data/stir/emoji.manifest.json", "out/data/stir/emoji.png"]


def test_a_demo_has_tables_and_figures_of_its_own_and_a_study_has_its(indexed):
    plan = Plan({})

    groups = {"scale-demo": ["runs", "accuracy", "scale_generalization"]}
    groups |= {"scale": groups["scale-demo"], "rotation": ["runs", "accuracy"]}
    assert plan.tables() == [f"out/tables/{g}/{t}.csv" for g in groups for t in groups[g]]
    figures = plan.figures()
    for group in groups:
        assert f"out/figures/{group}/accuracy.svg" in figures
        whole = f"out/figures/{group}/scale_generalization.svg"
        assert (whole in figures) == (group != "rotation")
    assert plan.report() == ["out/report.html"]
    assert plan.selection_text() == """'series=["demo", "own"]'"""


def test_what_is_tracked_are_the_runs_asked_for_with_their_labels(indexed):
    assert Plan({}).tracking() == ["out/tracking/mlflow.json"]
    assert Plan({"series": "extra"}).tracking() == []
    assert Plan({"runs": f"{OWN},{DEMO}"}).labels_asked_for() == (
        f"{OWN}: scale, own, Plain; {DEMO}: scale, demo, Plain"
    )


def test_a_table_is_collected_from_the_runs_that_have_rows_in_it(indexed):
    plan = Plan({"studies": "scale", "series": "own,published"})

    expected = [pack(name, seeds, "results.csv") for name in (OWN, PUBLISHED) for seeds in PACKS]
    assert plan.inputs_of_table("scale", "accuracy") == expected
    with pytest.raises(UserError, match=r"out/tables/scale-demo/runs\.csv: no run that is asked"):
        plan.inputs_of_table("scale-demo", "runs")
    with pytest.raises(UserError, match=r"\(studies=scale series=own,published\) has rows"):
        plan.inputs_of_table("scale", "accurcy")


def test_runs_that_wait_for_data_are_named_once_and_left_out(indexed, monkeypatch):
    waiting = [f"standard/stir_aerial/v{i}" for i in range(6)]
    runs = {DEMO: made_up_index().runs[DEMO], **{name: run(name) for name in waiting}}
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: Index(runs, made_up_index().datasets)
    )

    assert Plan({}).notes() == [
        "6 runs wait for data: stir/aerial.npz under $ISOTROPE_DATA, which is not set "
        f"(see docs/data.md): {', '.join(waiting[:5])}, ..."
    ]
    assert Plan({}).packs("run.json") == [pack(DEMO, "1-25", "run.json")]
    assert Plan({"series": "demo"}).notes() == []
    monkeypatch.setenv("ISOTROPE_DATA", str(indexed))
    assert "stir/aerial.npz under $ISOTROPE_DATA (see" in Plan({}).notes()[0]


def test_a_run_asked_for_by_name_must_have_its_data(indexed):
    with pytest.raises(UserError, match=f"{LOCAL} waits for data: stir/aerial.npz under .ISOTR"):
        Plan({"runs": LOCAL})
    with pytest.raises(UserError, match=f"{LOCAL} waits for data: stir/aerial.npz"):
        Plan({}).run(LOCAL)


def test_data_that_have_come_are_used(indexed, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(indexed))
    (indexed / "stir").mkdir()
    (indexed / "stir" / "aerial.npz").touch()
    plan = Plan({"runs": LOCAL})

    assert plan.packs("run.json") == [pack(LOCAL, "1-25", "run.json")]
    assert plan.training_data(LOCAL, "base") == ["out/data/stir/aerial-local.manifest.json"]
    assert plan.notes() == []


def test_a_mistake_in_the_selection_stops_before_anything_is_planned(indexed):
    with pytest.raises(UserError, match="no study is called 'scal'"):
        Plan({"studies": "scal"})


def test_a_job_takes_the_index_as_the_head_wrote_it_and_selects_nothing(indexed, monkeypatch):
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: pytest.fail("the index was compared")
    )

    plan = Plan({"studies": "unknown"}, head=False)

    assert plan.training(LOCAL, "base", "1-25") == {"digest": "a" * 16, "seeds": "1,2,3"}


def test_a_pack_is_trained_and_evaluated_for_its_digests_and_seeds(indexed):
    plan = Plan({})

    assert plan.training(OWN, "base", "26-50") == {"digest": "a" * 16, "seeds": "26"}
    assert plan.evaluations(OWN, "base", "26-50") == {
        "digests": {"accuracy": "b" * 16, "scale_generalization": "c" * 16},
        "seeds": "26",
    }


def test_an_evaluation_on_other_data_needs_them_too(indexed, monkeypatch):
    evaluations = dict(point("stir/aerial-local").evaluations)
    runs = {DEMO: run(DEMO, series="demo", base=point(evaluations=evaluations))}
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: Index(runs, made_up_index().datasets)
    )

    assert Plan({}).packs("run.json") == []
    index_file.write(index_file.current(), {})
    assert Plan({}, head=False).evaluation_data(DEMO, "base") == [
        f"out/data/stir/{key}.manifest.json" for key in ("emoji", "aerial-local")
    ]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda plan: plan.dataset("stir/emojis"), "no param-file uses such a data set; did you"),
        (lambda plan: plan.run(OWN + "s"), f"no such param-file; did you mean '{OWN}'"),
        (lambda plan: plan.points(OWN, "bas"), "has no point 'bas'; did you mean 'base'?"),
        (lambda plan: plan.training(OWN, "base", "1-24"), "has no pack seeds-1-24; did you mean"),
        (lambda plan: plan.evaluations(OWN, "base", "x"), "has no pack seeds-x; choose from 1-25"),
        (
            lambda plan: plan.tables_of_figure("scale-demo", "acuracy"),
            "no figure of the study scale is called 'acuracy'; did you mean 'accuracy'",
        ),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(indexed, ask, said):
    with pytest.raises(UserError) as error:
        ask(Plan({}))

    assert said in str(error.value)


def test_what_status_shows_is_what_was_asked_for_waiting_or_not(indexed):
    plan = Plan({"series": "own"})
    assert plan.asks_for([]) == plan.asks_for({"figures", "out/report.html"}) == [OWN, LOCAL, OTHER]
    assert plan.asks_for({"out/report.html"}) == []
