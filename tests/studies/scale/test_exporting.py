"""The published form: what is written has its columns, order and shapes, and gives our numbers."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from made_up_exports import SCALES, TESTED, right, tables

from isotrope import paths
from isotrope.errors import UserError
from isotrope.results.exporting import check_parts, form_of
from isotrope.studies.scale.export_published import export
from isotrope.studies.scale.published_rows import CLEAN_COLUMNS


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables()
    return tmp_path


def test_clean_csv_has_the_published_columns_and_order(project):
    export("scale", Path("ours"))
    clean = pandas.read_csv("ours/clean.csv")
    assert tuple(clean.columns) == CLEAN_COLUMNS
    assert clean.columns[:2].tolist() == ["run_id", "experiment_id"]
    assert clean[
        ["params.data", "params.model", "params.evaluation", "params.seed"]
    ].to_numpy().tolist() == [
        ["emoji", "slice_pool", 2, 2],
        ["emoji", "slice_pool", 2, 1],
        ["emoji", "standard", 2, 10],
        ["emoji", "standard", 2, 1],
        ["mnist", "standard", 1, 2],
        ["mnist", "standard", 1, 1],
    ], "the diverged seed is left out, the highest seed comes first"
    assert clean["params.lr"].tolist() == [0.001] * 4 + [0.01] * 2
    assert (clean["params.kernel_size"] == 7).all()
    assert (clean["status"] == "FINISHED").all()
    assert clean["metrics.best_acc"].tolist()[:2] == [52.0, 51.0], "percent"
    assert (clean["metrics.train_time"] == 1.5).all()
    assert (clean["metrics.avg_time"] == 1.75).all()
    assert clean["metrics.val_loss"].isna().all(), "what no table holds stays empty"
    assert "7.0" not in Path("ours/clean.csv").read_text()


def test_the_loss_on_the_test_images_is_that_of_the_predictions(project):
    export("scale", Path("without"))
    assert pandas.read_csv("without/clean.csv")["metrics.test_loss"].isna().all()
    rows = pandas.read_csv("out/tables/scale/accuracy.csv")
    some = rows[rows["run"].str.startswith("slice_pool/")]
    losses = some.assign(metric="loss", value=some["seed"] / 8)
    losses.to_csv("out/tables/scale/predictions.csv", index=False)

    export("scale", Path("ours"))

    clean = pandas.read_csv("ours/clean.csv")
    found = clean[["params.model", "params.seed", "metrics.test_loss"]].to_numpy().tolist()
    assert found[:2] == [["slice_pool", 2, 0.25], ["slice_pool", 1, 0.125]]
    assert clean["metrics.test_loss"][2:].isna().all()


def test_runs_have_numbers_of_their_own_that_are_always_the_same(project):
    export("scale", Path("ours"))
    export("scale", Path("again"))
    first, again = (Path(one, "clean.csv").read_bytes() for one in ("ours", "again"))
    assert first == again
    numbers = pandas.read_csv("ours/clean.csv")["run_id"]
    assert numbers.is_unique
    assert numbers.str.fullmatch("[0-9a-f]{32}").all()


def test_generalization_has_the_published_columns_and_the_order_of_clean(project):
    written = export("scale", Path("ours"))
    assert [path.name for path in written] == [
        *("clean.csv", "generalization_emoji.csv", "generalization_mnist.csv"),
    ]
    found = pandas.read_csv("ours/generalization_emoji.csv", index_col=0)
    assert list(found.columns) == ["model", "data", "eval", *(f"s{scale}" for scale in SCALES)]
    assert found.index.tolist() == [0, 1, 2, 3]
    clean = pandas.read_csv("ours/clean.csv")
    for (_, row), (_, run) in zip(found.iterrows(), clean.iterrows(), strict=False):
        assert row["s20"] == right("emoji", run["params.model"], run["params.seed"], 20), (
            "fractions"
        )


def test_the_mean_over_test_scales_is_the_test_accuracy_as_in_the_published_files(project):
    export("scale", Path("ours"))
    clean = pandas.read_csv("ours/clean.csv")
    for data, its in clean.groupby("params.data"):
        found = pandas.read_csv(f"ours/generalization_{data}.csv", index_col=0)
        scenario = {1: "small2large", 2: "mid2rest"}[its["params.evaluation"].iloc[0]]
        columns = [f"s{scale}" for scale in TESTED[scenario]]
        np.testing.assert_allclose(
            100 * found[columns].mean(axis=1), its["metrics.test_acc"], rtol=1e-12
        )


def test_the_published_rules_give_the_means_of_our_tables(project):
    export("scale", Path("ours"))
    clean = pandas.read_csv("ours/clean.csv")
    ours = pandas.read_csv("out/tables/scale/accuracy.csv")
    for (data, model), its in clean.groupby(["params.data", "params.model"]):
        rows = ours[ours["run"].str.startswith(f"{model}/stir_{data}/")]
        assert its["metrics.test_acc"].mean() == pytest.approx(
            100 * rows["value"].mean(), rel=1e-12
        )
    found = pandas.read_csv("ours/generalization_emoji.csv", index_col=0)
    by_scale = pandas.read_csv("out/tables/scale/scale_generalization.csv")
    for model, its in found.groupby("model"):
        rows = by_scale[by_scale["run"].str.startswith(f"{model}/stir_emoji/")]
        expected = rows.groupby("scale")["value"].mean()
        means = its[[f"s{scale}" for scale in SCALES]].mean()
        np.testing.assert_allclose(means, expected, rtol=1e-12)


def test_only_published_runs_on_stir_are_exported(project):
    with pytest.raises(UserError, match=r"scale-demo/runs\.csv is not there"):
        export("scale-demo", Path("ours"))
    tables(paths.table_folder("scale-demo"), series="own")
    with pytest.raises(UserError, match="no tested run of series demo on the data set stir"):
        export("scale-demo", Path("ours"))
    assert not Path("ours").exists()


def test_published_runs_on_other_data_are_left_out(project):
    path = paths.table_folder("scale") / "runs.csv"
    runs = pandas.read_csv(path)
    of_mnist = runs["run"].str.contains("/stir_mnist/")
    runs.loc[of_mnist, "dataset"] = "mnist_large_scale"
    runs.to_csv(path, index=False)
    export("scale", Path("ours"))
    assert set(pandas.read_csv("ours/clean.csv")["params.data"]) == {"emoji"}


def test_forms_and_parts_are_found_and_others_refused_with_the_nearest(project):
    module, group = form_of("published", None)
    assert (module.__name__.rpartition(".")[2], group) == ("export_published", "scale")
    assert form_of("published", "scale-demo")[1] == "scale-demo"
    with pytest.raises(UserError, match=r"--as publishd: no study has such .* 'published'"):
        form_of("publishd", None)
    with pytest.raises(UserError, match="--as published: the study rotation has no such form"):
        form_of("published", "rotation")
    check_parts(module, ["errors", "indices"])
    with pytest.raises(UserError, match="no part 'error'; did you mean 'errors'"):
        check_parts(module, ["error"])


def test_a_form_that_two_studies_have_needs_the_study_named(project):
    own = Path("plugins/studies/mine/export_published.py")
    own.parent.mkdir(parents=True)
    own.write_text("def export(group, folder):\n    return []\n")
    with pytest.raises(UserError, match="say which study with --group: mine, scale"):
        form_of("published", None)
    assert form_of("published", "mine")[0].export("mine", Path()) == []


def test_two_runs_that_would_be_the_same_are_refused(project):
    for name in ("runs", "accuracy"):
        path = paths.table_folder("scale") / f"{name}.csv"
        rows = pandas.read_csv(path)
        more = rows[rows["run"].eq("slice_pool/stir_emoji/mid2rest")]
        more = more.assign(run="slice_pool/stir_emoji/longer")
        pandas.concat((rows, more)).to_csv(path, index=False)
    with pytest.raises(
        UserError, match=r"slice_pool/stir_emoji/longer, slice_pool/.* are the same run"
    ):
        export("scale", Path("ours"))
