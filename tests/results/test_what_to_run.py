"""What is said where a study has no tables: what to run, and only what can work."""

import csv
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, OWN, PUBLISHED, made_up_index, point, run

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.tables import PUBLISHED_COLUMNS
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.results.comparable import comparable_runs
from isotrope.results.compare import compare
from isotrope.results.what_to_run import check_tables

BOUNDS = {"dataset.task": "emoji", "dataset.scenario": "mid2rest"}
SHORT = "ensemble/stir_emoji/mid2rest"


def of_emoji(name, **changes):
    return replace(run(name, **changes, base=point(parameters=BOUNDS)), dataset="stir")


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A demo, a run of one's own and two published ones, whose accuracies were published."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    runs = {
        DEMO: of_emoji(DEMO, series="demo"),
        OWN: of_emoji(OWN),
        PUBLISHED: of_emoji(PUBLISHED, series="published", seeds=range(1, 51)),
        SHORT: of_emoji(SHORT, series="published"),
    }
    index = Index(runs, made_up_index().datasets)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)
    paths.PUBLISHED.mkdir(parents=True)
    publish("standard", "ensemble")
    return index


def publish(*models, dataset="stir/emoji"):
    with paths.published("scale").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, PUBLISHED_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for model in models:
            row = {"study": "scale", "table": "accuracy", "metric": "accuracy", "value": 0.4}
            row |= {"model": model, "dataset": dataset, "setting": "scenario=mid2rest"}
            writer.writerow({**row, "source": "the paper"})


def said(function, *words):
    with pytest.raises(UserError) as error:
        function(*words)
    return error.value.sentences


def test_runs_are_comparable_by_model_data_set_settings_and_table(known):
    assert comparable_runs("scale", known) == [DEMO, OWN, PUBLISHED, SHORT]
    publish("ensemble")
    assert comparable_runs("scale", known) == [SHORT]
    publish("standard", "ensemble", dataset="stir/mnist")
    assert comparable_runs("scale", known) == []
    publish("ensemble")
    untested = replace(known.runs[SHORT].points["base"], evaluations={})
    known.runs[SHORT] = replace(known.runs[SHORT], points={"base": untested})
    assert comparable_runs("scale", known) == []


def test_without_tables_the_demo_own_runs_and_the_shortest_published_run_are_offered(known):
    assert said(compare, "scale") == (
        "out/tables/scale/runs.csv is not there: no run of scale has been made here yet",
        "the demo takes minutes: `snakemake --config studies=scale series=demo`, then "
        "`isotrope compare scale-demo`",
        "your own runs: `snakemake --config studies=scale series=own`, then "
        "`isotrope compare scale`",
        f"a published run, 3 trainings: `snakemake --config runs={SHORT}`, then "
        "`isotrope compare scale`",
    )
    assert said(compare, "scale-demo")[1].startswith("the demo takes minutes: ")


def test_a_demo_that_is_there_needs_no_run(known):
    folder = paths.table_folder("scale-demo")
    folder.mkdir(parents=True)
    (folder / "runs.csv").touch()
    assert said(compare, "scale")[1] == "of the demo, which is there: `isotrope compare scale-demo`"


def test_what_has_nothing_published_beside_it_is_not_offered(known):
    publish("ensemble")
    _, two, three = said(compare, "scale")
    assert two == "the demo of scale does not serve: nothing was published of its data"
    assert three.startswith("a published run, 3 trainings: ")
    local = run(LOCAL, series="published", base=point("stir/aerial-local", parameters=BOUNDS))
    known.runs[LOCAL] = replace(local, dataset="stir")
    del known.runs[SHORT], known.runs[OWN], known.runs[PUBLISHED]
    publish("standard")
    assert said(compare, "scale")[2] == (
        f"published runs wait for what is not here, {LOCAL} for stir/aerial.npz: docs/data.md"
    )


def test_other_commands_say_it_with_their_own_words_and_need_no_published_numbers(known):
    paths.published("scale").unlink()
    sentences = said(check_tables, "scale", lambda group: f"isotrope export x --group {group}")
    assert sentences[1].endswith("series=demo`, then `isotrope export x --group scale-demo`")
    assert sentences[3].endswith(", then `isotrope export x --group scale`")


def test_a_group_that_is_none_is_named(known):
    def then(group):
        return group

    (sentence,) = said(check_tables, "demo", then)
    assert sentence == "each study has a demo of its own; name one: scale-demo"
    assert said(check_tables, "scal", then)[0].endswith("'scal'; did you mean 'scale'?")
    (sentence,) = said(compare, "demo")
    assert sentence == "each study has a demo of its own; name one: scale-demo"
    paths.table_folder("scale").mkdir(parents=True)
    (paths.table_folder("scale") / "runs.csv").touch()
    check_tables("scale", then)
