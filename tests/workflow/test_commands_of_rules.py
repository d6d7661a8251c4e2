"""What every rule runs, word by word, and what it asks for: as Snakemake plans a toy project."""

import json
import shlex
from pathlib import Path

import pytest
from workflow_project import fresh

RUN, FILE = "tiny/stripes/one", "param-files/tiny/stripes/one.yaml"
SPREAD = """\
from isotrope.settings import Settings

REVISION = 1
NEEDS = set()
SPLIT = "test"
SCOPE = "run"
ARRAYS = True


class Params(Settings):
    pass


def evaluate(networks, data, params):
    return [], {}
"""
MOVING = """\
TITLE = "Moving"
CAPTION = "It moves."
TABLES = ("runs",)
ANIMATION = True
"""
SETTINGS = """\
sweep: {model.channels: [4, 5]}
select: {seeds: 1}
evaluations:
  - accuracy
  - {name: confidence, as: long, resources: {gpu: 1, cpus: 3, runtime: 61m, memory: 500MB}}
  - {name: spread, resources: {gpu: 0, cpus: 5, memory: 0.7GB}}
resources: {gpu: 2, cpus: 4, runtime: 100s, evaluation_runtime: 0.3h, memory: 1.5GB, \
seeds_per_job: 2}
"""
OURS = f"out/runs/{RUN}"
IMAGES = "train-images-idx3-ubyte.gz"
TARGETS = ["all", "out/tracking/mlflow.json", f"out/downloads/mnist/{IMAGES}"]
TARGETS += ["out/tables/scale/examples.npz"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """What is run before each command, and the jobs by the name of their log."""
    project = fresh(tmp_path_factory.mktemp("rules") / "project")
    for kind, name, text in (("evaluation", "spread", SPREAD), ("figures/scale", "moving", MOVING)):
        path = project.path(f"plugins/{kind}/{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project.add("tiny/stripes/one")
    text = project.path(FILE).read_text()
    project.path(FILE).write_text(text[: text.index("evaluations:")] + SETTINGS)
    program = Path(__file__).with_name("planned_jobs.py")
    done = project.run("python", str(program), "planned.json", *TARGETS)
    assert done.returncode == 0, done.stdout
    found = json.loads(project.path("planned.json").read_text())
    jobs = {}
    for job in found["jobs"]:
        (log,) = job["log"]
        assert log not in jobs, "two jobs write one log"
        jobs[log] = job
    return found["before"], jobs


def asks(gpu, memory, minutes):
    """The resources of a first, second and third attempt: more memory each time."""
    return [{"gpu": gpu, "mem_mb": i * memory, "runtime": minutes} for i in (1, 2, 3)]


NOTHING = [{}] * 3
FIXED = {minutes: [{"mem_mb": 4000, "runtime": minutes}] * 3 for minutes in (30, 60)}
TRAINS, EVALUATES = asks(2, 1500, 2), asks(2, 1500, 18)
PACK = f"{OURS}/selected/seeds-1-2"
CANDIDATE = f"{OURS}/channels=4/seeds-1-2"
ON_A_NODE = {  # by log: rule, command, threads, resources
    f"{PACK}/train.log": (
        "train",
        f"exec isotrope train {FILE} --point selected --pack 1-2",
        4,
        TRAINS,
    ),
    f"{CANDIDATE}/train.log": (
        "train",
        f"exec isotrope train {FILE} --point channels=4 --pack 1-2",
        4,
        TRAINS,
    ),
    f"{PACK}/evaluate.log": (
        "evaluate",
        f"isotrope evaluate {FILE} --point selected --pack 1-2 --no-own-jobs",
        4,
        EVALUATES,
    ),
    f"{PACK}/evaluate-long.log": (
        "evaluate_alone",
        f"isotrope evaluate {FILE} --point selected --pack 1-2 --table long",
        3,
        asks(1, 500, 61),
    ),
    f"{OURS}/selected/evaluate-spread.log": (
        "evaluate_run",
        f"isotrope evaluate {FILE} --point selected --table spread",
        5,
        asks(0, 700, 18),
    ),
    "out/data/stripes/size=12.log": (
        "build_dataset",
        "isotrope build stripes --key size=12",
        1,
        FIXED[60],
    ),
    "out/tables/scale/examples.log": (
        "sample_datasets",
        "isotrope sample scale out/data/stripes/size=12.manifest.json",
        1,
        FIXED[30],
    ),
}
BESIDE_SNAKEMAKE = {  # by log: rule, command
    f"out/downloads/mnist/{IMAGES}.log": ("download", f"isotrope download mnist {IMAGES}"),
    f"{OURS}/choose.log": ("choose", f"isotrope choose {FILE}"),
    "out/tables/scale/long.log": ("collect", "isotrope collect scale --table long"),
    "out/tables/scale/spread.arrays.log": (
        "collect_arrays",
        "isotrope collect scale --table spread --arrays",
    ),
    "out/tables/scale/summary.log": ("summarize", "isotrope summarize scale"),
    "out/figures/scale/accuracy.log": ("draw_figure", "isotrope draw accuracy --group scale"),
    "out/figures/scale/moving.log": ("draw_animation", "isotrope draw moving --group scale"),
    "out/figures/scale/accuracy.tex.log": (
        "typeset_figure",
        "isotrope typeset accuracy --group scale",
    ),
    "out/report.log": ("write_report", "isotrope report"),
    "out/tracking/mlflow.log": (
        "track",
        """isotrope track mlflow --config "'series=[\\"demo\\", \\"own\\"]'" """,
    ),
}


@pytest.mark.parametrize("log", ON_A_NODE)
def test_a_job_of_a_node_runs_its_command_with_what_its_param_file_asks_for(plan, log):
    rule, command, threads, attempts = ON_A_NODE[log]
    job = plan[1][log]
    assert job["rule"] == rule
    assert shlex.split(job["command"]) == [*shlex.split(command), ">", log, "2>&1"]
    assert (job["threads"], job["local"]) == (threads, False)
    assert job["attempts"] == attempts


@pytest.mark.parametrize("log", BESIDE_SNAKEMAKE)
def test_a_job_beside_snakemake_runs_its_command_on_one_core(plan, log):
    rule, command = BESIDE_SNAKEMAKE[log]
    job = plan[1][log]
    assert job["rule"] == rule
    assert shlex.split(job["command"]) == [*shlex.split(command), ">", log, "2>&1"]
    assert (job["threads"], job["local"], job["attempts"]) == (1, True, NOTHING)


def test_every_rule_that_runs_a_program_is_among_them(plan):
    known = {rule for rule, *_ in (*ON_A_NODE.values(), *BESIDE_SNAKEMAKE.values())}
    text = "".join(
        path.read_text() for path in (Path(__file__).parents[2] / "workflow/rules").glob("*.smk")
    )
    assert len(known) == text.count("shell:\n")
    assert {job["rule"] for job in plan[1].values()} == known


def test_candidates_train_one_job_each_and_are_not_evaluated(plan):
    _, jobs = plan
    trained = {log for log, job in jobs.items() if job["rule"] == "train"}
    points = ("channels=4", "channels=5", "selected")
    assert trained == {f"{OURS}/{point}/seeds-1-2/train.log" for point in points}
    evaluated = [log for log, job in jobs.items() if job["rule"].startswith("evaluate")]
    assert len(evaluated) == 3
    assert all("/selected/" in log for log in evaluated)


def test_every_command_is_told_that_snakemake_planned_it(plan):
    assert plan[0].split() == ["export", "ISOTROPE_PLANNED=1;"]


PARAM_FILE, DATASET = {"param_file": [FILE]}, ["out/data/stripes/size=12.manifest.json"]
WEIGHTS = {"weights": [f"{PACK}/weights.safetensors"], "summary": [f"{PACK}/run.json"]}
TESTED = {"datasets": DATASET, "against": []}
TABLES = [f"out/tables/scale/{name}.csv" for name in ("runs", "selection", "accuracy", "long")]
TABLES.append("out/tables/scale/spread.csv")
RESULTS = [f"{PACK}/results.csv", f"{PACK}/results-long.csv", f"{OURS}/selected/results-spread.csv"]
INPUTS = {  # by log: what a job waits for; of some only a part, see below
    f"{PACK}/train.log": {
        **PARAM_FILE,
        "dataset": DATASET,
        "choice": [f"{OURS}/choice.json"],
        "start": [],
    },
    f"{CANDIDATE}/train.log": {**PARAM_FILE, "dataset": DATASET, "choice": [], "start": []},
    f"{OURS}/choose.log": {
        **PARAM_FILE,
        "candidates": [f"{OURS}/channels={n}/seeds-1-2/run.json" for n in (4, 5)],
    },
    f"{PACK}/evaluate.log": {**PARAM_FILE, **WEIGHTS, **TESTED},
    f"{PACK}/evaluate-long.log": {**PARAM_FILE, **WEIGHTS, **TESTED},
    f"{OURS}/selected/evaluate-spread.log": {
        **PARAM_FILE,
        "packs": [*WEIGHTS["weights"], *WEIGHTS["summary"]],
        **TESTED,
    },
    "out/data/stripes/size=12.log": {},
    "out/tables/scale/selection.log": {"results": [f"{OURS}/choice.json"]},
    "out/tables/scale/runs.log": {"results": RESULTS[:1]},
    "out/tables/scale/long.log": {"results": RESULTS[1:2]},
    "out/tables/scale/spread.log": {"results": RESULTS[2:]},
    "out/tables/scale/spread.arrays.log": {"results": RESULTS[2:]},
    "out/tables/scale/examples.log": {"manifests": DATASET},
    "out/tables/scale/summary.log": {"tables": TABLES},
    "out/figures/scale/accuracy.log": {
        "tables": ["out/tables/scale/runs.csv", "out/tables/scale/accuracy.csv"],
        "published": ["workflow/published/scale.csv"],
    },
    "out/figures/scale/tasks.log": {
        "tables": ["out/tables/scale/runs.csv", "out/tables/scale/examples.npz"],
        "published": ["workflow/published/scale.csv"],
    },
    "out/figures/scale/moving.log": {
        "tables": ["out/tables/scale/runs.csv"],
        "published": ["workflow/published/scale.csv"],
    },
    "out/figures/scale/accuracy.tex.log": {"data": ["out/figures/scale/accuracy.csv"]},
    "out/report.log": {
        "tables": TABLES,
        "arrays": ["out/tables/scale/spread.npz"],
        "summaries": ["out/tables/scale/summary.html"],
    },
    "out/tracking/mlflow.log": {"results": RESULTS},
}
PARAMS = {  # by rule: what starts a job again when it changes; and a word of the selection
    "download": {"checksum"},
    "build_dataset": {"settings", "made_from"},
    "train": {"wanted"},
    "choose": {"choice"},
    "evaluate": {"wanted"},
    "evaluate_alone": {"wanted"},
    "evaluate_run": {"wanted"},
    "draw_figure": {"caption"},
    "draw_animation": {"caption"},
    "track": {"selection", "labels"},
}


MESSAGES = {  # by log
    f"{PACK}/train.log": f"Training {RUN}, selected, seeds 1,2",
    f"{CANDIDATE}/train.log": f"Training {RUN}, channels=4, seeds 1",
    f"{PACK}/evaluate.log": f"Evaluating {RUN}, selected, seeds 1,2",
    f"{PACK}/evaluate-long.log": f"Evaluating long of {RUN}, selected, seeds 1,2",
    f"{OURS}/selected/evaluate-spread.log": f"Evaluating spread of {RUN}, selected, all seeds",
    f"{OURS}/choose.log": f"Choosing the point of {RUN}",
    "out/data/stripes/size=12.log": "Building the data set stripes, size=12",
    "out/tables/scale/long.log": "Collecting the table long of scale",
    "out/figures/scale/accuracy.log": "Drawing accuracy of scale",
    "out/tracking/mlflow.log": "Writing results for mlflow",
}
GROUP, TABLE, FIGURE = ({name: f"{{{name}}}"} for name in ("group", "table", "figure"))
SHOWN = {  # by rule: in the report of Snakemake, under which category and labels
    "build_dataset": ["dataset.rst", "Data sets", {"data set": "{dataset} {key}"}],
    "collect": ["table.rst", "Tables", GROUP | TABLE],
    "summarize": ["summary.rst", "Results and settings", GROUP],
    "draw_figure": ["figure.rst", "Figures", GROUP | FIGURE],
    "draw_animation": ["figure.rst", "Figures", GROUP | FIGURE],
}
PICTURES = {"build_dataset": ".png", "draw_figure": ".svg", "draw_animation": ".gif"}
TIMED = {"build_dataset", "train", "evaluate", "evaluate_alone", "evaluate_run"}


def test_a_job_says_what_it_does_and_for_which_seeds(plan):
    assert {log: plan[1][log]["message"] for log in MESSAGES} == MESSAGES
    assert all(job["message"] for job in plan[1].values())


def test_the_time_of_what_takes_long_is_kept_beside_its_log(plan):
    for log, job in plan[1].items():
        timed = log.removesuffix(".log") + ".benchmark.tsv" if job["rule"] in TIMED else ""
        assert job["benchmark"] == timed


def test_pictures_tables_and_summaries_are_in_the_report_with_their_labels(plan):
    for job in plan[1].values():
        assert list(job["report"].values()) == [SHOWN[key] for key in [job["rule"]] if key in SHOWN]
        suffix = PICTURES.get(job["rule"], "")
        assert all(file.endswith(suffix) for file in job["report"])


@pytest.mark.parametrize("log", INPUTS)
def test_a_job_waits_for_what_it_reads(plan, log):
    found = dict(plan[1][log]["inputs"])
    if log.startswith("out/figures/"):
        figure = Path(log).name.split(".")[0]
        sources = found.pop("drawn_by")
        assert Path(sources[0]).stem == figure
        assert "src/isotrope/results/style.py" in sources
    if log in ("out/report.log", "out/tracking/mlflow.log"):
        figures = found.pop("figures")
        made = {f"accuracy{suffix}" for suffix in (".svg", ".pdf", ".csv", ".tex")}
        made |= {"moving.gif", "moving.frames.csv"}
        assert {f"out/figures/scale/{name}" for name in made} <= set(figures)
    assert found == INPUTS[log]


def test_a_job_starts_again_when_what_it_is_asked_for_changes(plan):
    for log, job in plan[1].items():
        labels = {"labels"} if log == "out/tables/scale/runs.log" else set()
        assert set(job["params"]) == PARAMS.get(job["rule"], labels), log


def test_an_empty_file_is_no_output_but_for_a_picture_and_a_download(plan):
    may_be_empty = {file for job in plan[1].values() for file in job["maybe_empty"]}
    assert may_be_empty == {"out/data/stripes/size=12.png", f"out/downloads/mnist/{IMAGES}"}


def test_what_a_job_is_asked_for_says_with_what_and_for_which_seeds(plan):
    said = {
        f"{OURS}/choose.log": ("choice", ["statistic", "channels=4", "channels=5"]),
        f"{PACK}/train.log": ("wanted", ["digest", "'seeds': '1,2'"]),
        f"{PACK}/evaluate.log": ("wanted", ["accuracy", "'seeds': '1,2'"]),
        f"{PACK}/evaluate-long.log": ("wanted", ["long", "'seeds': '1,2'"]),
        f"{OURS}/selected/evaluate-spread.log": ("wanted", ["spread"]),
        "out/data/stripes/size=12.log": ("settings", ["12"]),
        "out/tables/scale/runs.log": ("labels", [RUN]),
        "out/tracking/mlflow.log": ("labels", [RUN]),
        "out/figures/scale/moving.log": ("caption", ["It moves."]),
    }
    for log, (name, words) in said.items():
        found = plan[1][log]["params"][name]
        assert [word for word in words if word not in found] == [], (log, found)
