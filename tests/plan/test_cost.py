"""What is left to do is counted, and reckoned from rates that were measured."""

import json
import shutil
from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, OWN, PUBLISHED, made_up_index, point, run

from isotrope import paths
from isotrope.packs import summary
from isotrope.plan import cost as costs
from isotrope.plan import rates as reckoning
from isotrope.plan.cost import Cost, costs_of, in_words, measured_rates, total
from isotrope.plan.index import EvaluationEntry, Index, JobEntry, SelectEntry
from isotrope.plan.rates import HERE_CPU, HERE_GPU, evaluation_rates
from isotrope.plan.rates import PUBLISHED as FROM_PAPER
from isotrope.plan.targets import MANY, Plan

COLUMNS = "study,table,model,dataset,setting,metric,value,spread,n,source\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def publish(*rows):
    paths.PUBLISHED.mkdir(parents=True, exist_ok=True)
    lines = [f"scale,training,{row},x,seconds_per_epoch_mean,{s},,50,paper\n" for row, s in rows]
    paths.published("scale").write_text(COLUMNS + "".join(lines))


def made(name, *files, seeds="1-25"):
    folder = paths.pack_folder(name, "base", seeds)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).touch()


def test_jobs_and_trainings_that_are_left_are_counted(here):
    index = made_up_index()
    (one,) = costs_of(index, [OWN]).values()
    assert (one.runs, one.jobs, one.trainings, one.unknown) == (1, 2 + 2, 26, 26)
    assert one.limit == pytest.approx(2 * 0.5 + 2 * 0.5)

    made(OWN, summary.WEIGHTS)
    (one,) = costs_of(index, [OWN]).values()
    assert (one.jobs, one.trainings) == (1 + 2, 1)
    made(OWN, summary.RESULTS)
    (one,) = costs_of(index, [OWN]).values()
    assert (one.jobs, one.trainings) == (1 + 1, 1)

    for seeds in ("1-25", "26-50"):
        made(OWN, summary.WEIGHTS, summary.RESULTS, seeds=seeds)
    (one,) = costs_of(index, [OWN]).values()
    assert in_words(one) == "nothing is left to train or evaluate"


def test_the_limit_is_what_all_jobs_may_take_on_all_their_gpus(here):
    index = made_up_index()
    for gpus, factor in ((0, 1), (1, 1), (3, 3)):
        more = {"minutes": 90, "evaluation_minutes": 12, "gpu": gpus}
        index.runs[OWN] = replace(index.runs[OWN], **more)
        (one,) = costs_of(index, [OWN]).values()
        assert one.limit == pytest.approx(factor * (2 * 1.5 + 2 * 0.2))
    made(OWN, summary.WEIGHTS)
    (one,) = costs_of(index, [OWN]).values()
    assert one.limit == pytest.approx(3 * (1.5 + 2 * 0.2))


def test_packs_that_were_trained_otherwise_are_left_to_train_and_evaluate(here):
    index = made_up_index()
    digest = index.digests(OWN)["base"]
    for seeds in ("1-25", "26-50"):
        made(OWN, summary.WEIGHTS, summary.RESULTS, seeds=seeds)
        known = paths.pack_folder(OWN, "base", seeds) / summary.RUN
        text = json.dumps({"training_digest": digest if seeds == "1-25" else "0" * len(digest)})
        known.write_text(text)

    (one,) = costs_of(index, [OWN]).values()

    assert (one.jobs, one.trainings) == (1 + 1, 1)


def evaluated(name, *stores):
    for table, digest in stores:
        (paths.evaluations(name, "base") / f"{table}-{digest}").mkdir(parents=True)


SAME = (("accuracy", "b" * 16), ("scale_generalization", "c" * 16))  # as the index has them


def test_evaluations_that_would_be_computed_otherwise_now_are_left(here):
    index = made_up_index()
    for seeds in ("1-25", "26-50"):
        made(OWN, summary.WEIGHTS, summary.RESULTS, seeds=seeds)
    evaluated(OWN, *SAME)
    (one,) = costs_of(index, [OWN]).values()
    assert (one.jobs, one.evaluations) == (0, 0)

    paths.evaluations(OWN, "base").joinpath(f"accuracy-{'b' * 16}").rename(
        paths.evaluations(OWN, "base") / f"accuracy-{'0' * 16}"
    )
    (one,) = costs_of(index, [OWN]).values()
    assert (one.jobs, one.evaluations, one.trainings) == (2, 2, 0)


def test_a_stale_table_of_its_own_job_leaves_the_shared_ones_alone(here):
    alone = EvaluationEntry(
        "scale_generalization", "c" * 16, "stir/emoji", job=JobEntry(0, 1, 5, 1)
    )
    evaluations = {**point().evaluations, "scale_generalization": alone}
    index = Index({OWN: run(OWN, base=point(evaluations=evaluations))}, made_up_index().datasets)
    made(OWN, summary.WEIGHTS, summary.RESULTS, "results-scale_generalization.csv")
    evaluated(OWN, SAME[0], ("scale_generalization", "0" * 16))

    (one,) = costs_of(index, [OWN]).values()

    assert (one.evaluations, one.unmeasured, one.limit) == (1, 1, pytest.approx(5 / 60))
    paths.results(OWN, "base", "1-25").unlink()
    (one,) = costs_of(index, [OWN]).values()
    assert one.evaluations == 2


def test_evaluations_take_as_long_as_those_of_the_same_tables_took_here(here, monkeypatch):
    index = made_up_index()
    seeds = {seed: {"device": "cpu"} for seed in (1, 2, 3)}
    known = summary.Summary(paths.OUT, "a" * 16, seeds, {})
    monkeypatch.setattr(summary, "glance", lambda folder: known)
    monkeypatch.setattr(costs, "measured_rates", dict)
    made(DEMO, summary.WEIGHTS, summary.RESULTS)
    evaluated(DEMO, *SAME)
    times = paths.pack_folder(DEMO, "base", "1-25") / "evaluate.benchmark.tsv"
    times.write_text("s\th:m:s\n36.0\t0:00:36\n")
    tables = ("accuracy", "scale_generalization")
    assert evaluation_rates(index) == {("standard", "stir_emoji", tables, HERE_CPU): 12.0}
    made("a/run/gone")  # its param-file is gone, and its folder is read before
    gone = paths.pack_folder("a/run/gone", "base", "1-25") / times.name
    gone.write_text(times.read_text())
    assert evaluation_rates(index) == {("standard", "stir_emoji", tables, HERE_CPU): 12.0}

    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {HERE_CPU: pytest.approx(26 * 12 / 3600)}
    assert (one.unknown, one.unmeasured) == (26, 0)
    times.write_text("s\nnothing\n")
    assert evaluation_rates(index) == {}


@pytest.mark.parametrize("of_run", [False, True])
def test_an_evaluation_with_a_job_of_its_own_takes_as_long_as_it_took_here(
    here, monkeypatch, of_run
):
    own = EvaluationEntry(
        "scale_generalization", "c" * 16, "stir/emoji", job=JobEntry(0, 1, 5, 1), of_run=of_run
    )
    evaluations = {**point().evaluations, "scale_generalization": own}
    entries = {name: run(name, base=point(evaluations=evaluations)) for name in (OWN, DEMO)}
    index = Index(entries, made_up_index().datasets)
    seeds = {seed: {"device": "cpu"} for seed in (1, 2, 3)}
    known = summary.Summary(paths.OUT, "a" * 16, seeds, {})
    monkeypatch.setattr(summary, "glance", lambda folder: known)
    monkeypatch.setattr(costs, "measured_rates", dict)
    made(DEMO, summary.WEIGHTS, summary.RESULTS)
    evaluated(DEMO, SAME[0], ("scale_generalization", "c" * 16))
    pack = paths.pack_folder(DEMO, "base", "1-25")
    times = (pack.parent if of_run else pack) / "evaluate-scale_generalization.benchmark.tsv"
    times.write_text("s\th:m:s\n36.0\t0:00:36\n")
    for other in ("aaa/stir/gone", "zzz/stir/gone"):  # runs without a param-file now
        pack = paths.pack_folder(other, "base", "1-25")
        pack.mkdir(parents=True)
        shutil.copy(times, pack.parent if of_run else pack)
    made(DEMO, seeds="1-2")  # as it was before a seed was added
    key = ("standard", "stir_emoji", ("scale_generalization",), HERE_CPU)
    assert evaluation_rates(index) == {key: 12.0}

    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {HERE_CPU: pytest.approx(3 * 12 / 3600)}
    assert one.unmeasured == 1, "the job of the other one, which was never measured"
    stores = paths.evaluations(DEMO, "base")
    (stores / f"scale_generalization-{'c' * 16}").rename(
        stores / f"scale_generalization-{'0' * 16}"
    )
    assert evaluation_rates(index) == {}, "what is stale was measured otherwise"
    if not of_run:
        made(OWN, summary.WEIGHTS, summary.RESULTS)
        evaluated(OWN, SAME[0], ("scale_generalization", "c" * 16))
        shutil.copy(times, paths.pack_folder(OWN, "base", "1-25"))
        assert evaluation_rates(index) == {key: 12.0}, "stale ones say nothing of others"


def test_studies_and_series_have_a_line_each_and_waiting_runs_are_not_counted(here):
    found = costs_of(made_up_index(), [DEMO, OWN, LOCAL], waiting=[LOCAL])
    assert list(found) == [("scale", "demo"), ("scale", "own")]
    own = found["scale", "own"]
    assert (own.runs, own.waiting, own.trainings) == (2, 1, 26)
    assert total(found.values()).trainings == 26 + 3


def test_a_sum_has_the_hours_of_each_source():
    first, second = Cost(jobs=1, limit=2.0), Cost(jobs=3, unknown=1, limit=0.5)
    first.reckon(1.5, "here")
    first.reckon(4.0, "published")
    second.reckon(0.25, "here")
    assert total([first, second]) == Cost(
        jobs=4, unknown=1, limit=2.5, hours={"here": 1.75, "published": 4.0}
    )


def test_the_seeds_of_a_choice_are_trained_once(here):
    select = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    chosen = run(OWN, seeds=range(1, 6), a=point(), b=point(digest="b" * 16))
    index = Index({OWN: replace(chosen, select=select)}, made_up_index().datasets)
    (one,) = costs_of(index, [OWN]).values()
    assert one.trainings == index.runs[OWN].seeds_to_train == 2 + 5
    assert one.jobs == 3 + 1  # two candidates, the chosen one, its evaluation


def test_hours_are_seeds_times_epochs_times_seconds_of_the_nearest_rate(here, monkeypatch):
    index = made_up_index()  # two epochs
    publish(("standard,stir_emoji", 36.0), ("standard,other", 1.0), ("disco,stir_emoji", 1.0))
    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {FROM_PAPER: pytest.approx(26 * 2 * 36 / 3600)}
    assert in_words(one) == (
        "4 jobs (2 evaluate), 26 trainings; estimated at most 0.5 hours (published, of the "
        "authors' machine); nothing was measured here yet to estimate 2 evaluations; by their time "
        "limits at most 2 hours"
    )

    rates = {("standard", "stir_emoji", HERE_CPU): 72.0, ("standard", "stir_emoji", HERE_GPU): 9.0}
    monkeypatch.setattr(costs, "measured_rates", lambda: rates)
    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {HERE_CPU: pytest.approx(26 * 2 * 72 / 3600)}
    index.runs[OWN] = replace(index.runs[OWN], gpu=1)
    monkeypatch.setattr(reckoning, "gpus_within_reach", lambda: True)
    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {HERE_GPU: pytest.approx(26 * 2 * 9 / 3600)}
    assert not one.unknown
    del rates["standard", "stir_emoji", HERE_GPU]
    (one,) = costs_of(index, [OWN]).values()
    assert one.hours.keys() == {FROM_PAPER}, "a GPU is not as fast as the CPU that was measured"
    monkeypatch.setattr(reckoning, "gpus_within_reach", lambda: False)
    (one,) = costs_of(index, [OWN]).values()
    assert one.hours == {HERE_CPU: pytest.approx(26 * 2 * 72 / 3600)}, "it will train on the CPU"


def test_gpus_are_those_of_this_machine_or_of_a_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert reckoning.gpus_within_reach()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not reckoning.gpus_within_reach()
    slurm = tmp_path / "slurm"
    slurm.mkdir()
    (slurm / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(slurm))
    assert reckoning.gpus_within_reach()


def test_folders_of_programs_are_searched_once_for_all_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    searched: list[str] = []
    monkeypatch.setattr(reckoning.shutil, "which", lambda name, path: searched.append(path))
    gpu = replace(run(PUBLISHED), gpu=1)
    for _ in range(3):
        assert reckoning.rate_of_training(gpu, {}) is None
        assert reckoning.rate_of_evaluation(gpu, ["accuracy"], {}) is None
    assert searched == [str(tmp_path)]


def test_planned_jobs_cost_what_they_train_and_evaluate(indexed, monkeypatch):
    plan = Plan({"runs": OWN})
    words = {"run": OWN, "point": "base", "pack": "1-25"}
    jobs = [("collect", {"group": "scale", "table": "runs"}), ("train", words)]
    assert plan.cost_of_planned(jobs[:1]) == []
    (said,) = plan.cost_of_planned([*jobs, ("evaluate", words)])
    never = "nothing was measured here yet to estimate 25 trainings and 1 evaluation"
    assert said == (
        f"to train and to evaluate: 2 jobs (1 evaluate), 25 trainings; {never}; by their time "
        "limits at most 1 hours"
    )
    rates = {("standard", "stir_emoji", HERE_CPU): 72.0}
    monkeypatch.setattr(costs, "measured_rates", lambda: rates)
    (said,) = plan.cost_of_planned(jobs)
    assert "; estimated at most 1.0 hours (measured here on a CPU); " in said


def test_published_rates_are_those_of_the_same_task(here):
    publish(("standard,stir/emoji", 2.0), ("standard,stir/emoji", 4.0), ("standard,stir/mnist", 9))
    of_emoji = point(parameters={"training.epochs": 1, "dataset.task": "emoji"})
    entry = replace(run(OWN, seeds=[1], base=of_emoji), dataset="stir")
    (one,) = costs_of(Index({OWN: entry}, {}), [OWN]).values()
    assert one.hours == {FROM_PAPER: pytest.approx(3 / 3600)}


def test_rates_are_medians_of_what_was_measured_here(here, monkeypatch):
    content = {"model": {"name": "standard"}, "dataset": {"name": "stir"}}
    seeds = {
        1: {"seconds_per_epoch_mean": 1.0, "device": "cpu"},
        2: {"seconds_per_epoch_mean": 5.0, "device": "cpu"},
        3: {"seconds_per_epoch_mean": 2.0, "device": "cpu"},
        4: {"seconds_per_epoch_mean": 0.1, "device": "NVIDIA"},
        5: {"seconds_per_epoch_mean": None, "device": "cpu"},  # imported
    }
    made(OWN, summary.RUN)
    known = summary.Summary(paths.OUT, "a" * 16, seeds, content)
    monkeypatch.setattr(summary, "glance", lambda folder: known)
    assert measured_rates() == {
        ("standard", "stir", HERE_CPU): 2.0,
        ("standard", "stir", HERE_GPU): 0.1,
    }
    monkeypatch.setattr(summary, "glance", lambda folder: None)
    assert measured_rates() == {}


def test_many_jobs_are_said_before_they_start_and_few_are_not(indexed):
    plan = Plan({"runs": PUBLISHED})
    assert plan.cost_notes() == []
    many = replace(plan.index.runs[PUBLISHED], seeds=list(range(1, 51)), seeds_per_job=1)
    plan.index.runs[PUBLISHED] = many
    (said,) = plan.cost_notes()
    assert many.seeds_per_job * 50 >= MANY
    never = "nothing was measured here yet to estimate 50 trainings and 50 evaluations"
    assert said.startswith(f"this asks for 100 jobs (50 evaluate), 50 trainings; {never}; by")
    assert said.endswith("; `isotrope cost` says it by study")
