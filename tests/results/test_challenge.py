"""The numbers of a challenge: means, their errors and differences; and which run is a baseline."""

import math
from dataclasses import replace

import pandas
import pytest
from made_up_index import point, run
from scipy import stats

from isotrope import registry
from isotrope.errors import UserError
from isotrope.params.param_file import read_run
from isotrope.plan.index import EvaluationEntry, Index
from isotrope.results.challenge import (
    Published,
    Scores,
    _scores,
    baseline_of,
    check_baseline,
    differing_images,
    report,
)
from isotrope.studies.scattering import challenge

SUBSET = "dataset.subset_seed"
OURS = Scores("test accuracy", {11: 0.40, 12: 0.44, 13: 0.39, 14: 0.47})
THEIRS = Scores("test accuracy", {14: 0.41, 11: 0.38, 12: 0.41, 20: 0.9})
TO_BEAT = Published("theirs", 0.436, 0.0275, 10)


def test_a_paired_difference_is_student_s_on_the_subsets_that_both_have():
    found, count = OURS.minus(THEIRS)
    known = stats.ttest_rel([0.40, 0.44, 0.47], [0.38, 0.41, 0.41])
    interval = known.confidence_interval(0.95)
    assert count == 3
    assert found.value == pytest.approx(0.11 / 3)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_a_difference_to_a_published_mean_has_welch_s_interval():
    found = OURS.minus_published(TO_BEAT)
    known = stats.ttest_ind(list(OURS.values.values()), published_sample(), equal_var=False)
    interval = known.confidence_interval(0.95)
    assert found.value == pytest.approx(0.425 - 0.436)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def published_sample():
    """Ten numbers with the mean and the standard deviation of ``TO_BEAT``."""
    step = TO_BEAT.deviation * math.sqrt(9 / 10)
    return [TO_BEAT.mean + sign * step for sign in (-1, 1)] * 5


def test_two_subsets_give_no_interval_and_none_no_difference():
    few = Scores("few", {11: 0.5, 12: 0.6})
    assert few.minus(THEIRS)[0].value == pytest.approx(0.155)
    assert math.isnan(few.minus(THEIRS)[0].low)
    assert math.isnan(few.minus_published(TO_BEAT).high)
    assert few.minus(Scores("other", {99: 0.1}))[1] == 0


def test_the_report_says_every_number_once():
    together = Scores("ensemble of 3", dict.fromkeys(OURS.values, 0.5))
    lines = list(report([OURS, together], TO_BEAT, ("cnn/x/y", THEIRS)))
    assert lines[:5] == [
        "subset      test accuracy  ensemble of 3  cnn/x/y",
        "11                  40.00          50.00    38.00",
        "12                  44.00          50.00    41.00",
        "13                  39.00          50.00",
        "14                  47.00          50.00    41.00",
    ]
    error = 100 * OURS.error
    assert f"test accuracy: 42.50 ± {error:.2f} (standard error), 4 subsets" in lines
    assert lines[7].startswith("  minus 43.60 ± 0.87, theirs: -1.10 (95 % interval -")
    assert lines[8].startswith("  minus cnn/x/y on the same 3 subsets: +3.67 (95 % interval -")
    assert "ensemble of 3: 50.00 ± 0.00 (standard error), 4 subsets" in lines
    alone = list(report([Scores("one", {1: 0.25})], None, None))
    assert alone == ["subset      one", "1           25.00", "", "one: 25.00, 1 subsets"]


def rows(*values, **columns):
    table = pandas.DataFrame(values, columns=["point", "seed", "metric", "value"])
    return table.assign(**columns)


def test_seeds_with_images_of_their_own_are_a_number_each():
    table = rows(
        ("base", 11, "accuracy", 0.3), ("base", 12, "accuracy", 0.5), ("base", 11, "loss", 9.0)
    )
    (found,) = _scores({"accuracy": table}, {"base": None}, 2)
    assert (found.what, found.values) == ("test accuracy", {11: 0.3, 12: 0.5})


def test_seeds_that_share_their_images_are_one_number_and_an_ensemble_another():
    single = rows(
        *(("s=11", 1, "accuracy", 0.3), ("s=11", 2, "accuracy", 0.4)),
        *(("s=12", 1, "accuracy", 0.5), ("s=12", 2, "accuracy", 0.7)),
    )
    together = rows(
        *(("s=11", None, "accuracy", 0.45), ("s=12", None, "accuracy", 0.65)),
        *(("s=11", None, "accuracy", 0.46), ("s=12", None, "accuracy", 0.66)),
        ("s=12", None, "members", 2.0),
        views=["image", "image", "image_and_mirror", "image_and_mirror", "image"],
    )
    tables = {"accuracy": single, "seed_ensemble": together}
    alone, plain, mirrored = _scores(tables, {"s=11": 11, "s=12": 12}, 2)
    assert alone.values == pytest.approx({11: 0.35, 12: 0.6})
    assert (plain.what, plain.values) == ("ensemble of 2", {11: 0.45, 12: 0.65})
    assert mirrored.what == "ensemble of 2, mirror images too"
    assert mirrored.values == {11: 0.46, 12: 0.66}


def known_runs():
    """Two runs on the same images, one on others, and one whose seeds share an image set."""
    images = {"dataset.name": "digits", "dataset.samples": 100, SUBSET: None}
    accuracy = {"accuracy": EvaluationEntry("accuracy", "b" * 16, "stir/emoji")}

    def made(name, **parameters):
        base = point(evaluations=accuracy, parameters={**images, **parameters})
        return {f"{name}/digits/x": run(f"{name}/digits/x", base=base)}

    return Index(
        {
            **made("mine", **{"model.name": "mine", SUBSET: 7}),
            **made("other", **{"model.name": "plain", "dataset.samples": 500}),
            **made("right", **{"model.name": "plain"}),
        },
        {},
    )


def test_a_baseline_is_found_by_what_it_has_and_trains_on_the_same_images():
    known = known_runs()
    wanted = {"model.name": "plain"}
    assert baseline_of(known, "mine/digits/x", wanted, SUBSET) == "right/digits/x"
    assert baseline_of(known, "right/digits/x", wanted, SUBSET) is None
    assert baseline_of(known, "mine/digits/x", {"model.name": "none"}, SUBSET) is None
    later = replace(known.runs["right/digits/x"], series="published")
    both = Index({**known.runs, "zoo/digits/x": later}, {})
    assert baseline_of(both, "mine/digits/x", wanted, SUBSET) == "zoo/digits/x"
    sweeping = replace(
        known.runs["right/digits/x"], points={name: point() for name in ("a=1", "a=2")}
    )
    runs = {**known.runs, "right/digits/x": sweeping}
    assert baseline_of(Index(runs, {}), "mine/digits/x", wanted, SUBSET) is None


def test_a_baseline_on_other_images_is_refused_with_what_is_other():
    known = known_runs()
    check_baseline(known, "mine/digits/x", "right/digits/x", SUBSET)
    with pytest.raises(UserError, match=r"other images: dataset.samples 500, not 100"):
        check_baseline(known, "mine/digits/x", "other/digits/x", SUBSET)
    with pytest.raises(UserError, match=r"no such run; did you mean 'right/digits/x'"):
        check_baseline(known, "mine/digits/x", "rigt/digits/x", SUBSET)
    assert differing_images(
        {"dataset.name": "a", "dataset.x": 1}, {"dataset.name": "b"}, SUBSET
    ) == ["dataset.name"]


@pytest.mark.parametrize("samples", challenge.SAMPLES)
def test_the_param_file_of_a_model_is_right_and_has_a_number_to_beat(samples, tmp_path):
    path = tmp_path / f"{challenge.place('standard', samples)}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(challenge.param_file("standard", samples), encoding="utf-8")

    made = read_run(path, tmp_path)

    assert made.envelope.seeds[0] == 207715039
    assert len(made.envelope.seeds) == 10
    images = {"dataset.name": "cifar10", "dataset.pool": "published", "dataset.samples": samples}
    found = challenge.published(images)
    expected = {100: (43.60, 0.87), 500: (63.13, 0.29), 1000: (70.14, 0.26)}[samples]
    assert (100 * found.mean, 100 * found.error) == pytest.approx(expected, abs=0.005)
    assert found.count == 10


def test_an_editor_is_told_of_the_schema_that_knows_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = registry.users_folder("models") / "mine.py"
    mine.parent.mkdir(parents=True)
    mine.touch()
    lines = {name: challenge.param_file(name, 100).split("\n")[0] for name in ("mine", "standard")}
    assert lines["mine"].endswith("$schema=../../../out/param-file.schema.json")
    assert lines["standard"].endswith("$schema=../../../workflow/schemas/param-file.schema.json")


def test_the_baseline_is_trained_as_long_as_published_for_as_many_images():
    images = {"dataset.name": "cifar10", "dataset.samples": 500}
    wanted = challenge.baseline(images)
    assert (wanted["model.name"], wanted["training.epochs"]) == ("scattering_linear", 1000)
    textures = challenge.baseline({"dataset.name": "textures3", "dataset.samples": 500})
    assert "training.epochs" not in textures


@pytest.mark.parametrize(
    "changed", [{"dataset.name": "digits8"}, {"dataset.pool": "rest"}, {"dataset.samples": 200}]
)
def test_nothing_published_stands_beside_other_images(changed):
    images = {"dataset.name": "cifar10", "dataset.pool": "published", "dataset.samples": 100}
    assert challenge.published(images | changed) is None
