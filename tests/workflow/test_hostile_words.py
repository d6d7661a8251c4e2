"""Whatever a folder is called and whatever is written in a selection: words stay words."""

import pytest
from workflow_project import fresh, jobs

FOLDER = '-it\'s a "test" $(touch x) `touch x`; touch x # \\ é\n[a] *? %s ~ &<b>'
LABEL = "<b>\\$(touch x)</b> & | \\input{x} {run} %s"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A finished project in a folder with a name that a shell would misread, and what was said."""
    project = fresh(tmp_path_factory.mktemp("hostile") / FOLDER)
    sweep = "sweep: {model.channels: [4]}\nselect: {seeds: 1}\nevaluations:"
    sweep = f"label: '{LABEL}'\n{sweep}"
    project.add("tiny/stripes/one", **{"seeds: 1-2": "seeds: 1", "evaluations:": sweep})
    return project, project.make("all", "out/tracking/tensorboard.json")


def obeyed(project):
    """Files that a shell made because it took a word for a command."""
    return [path for path in project.folder.rglob("x") if path.is_file()]


def test_every_rule_works_in_a_folder_with_a_name_that_a_shell_would_misread(hostile):
    project, said = hostile
    rules = ("build_dataset", "train", "choose", "evaluate", "collect", "summarize", "draw_figure")
    assert {*rules, "write_report", "track"} <= set(jobs(said))
    for file in ("out/report.html", "out/tables/scale/runs.csv", "out/tracking/tensorboard.json"):
        assert project.path(file).stat().st_size, file
    assert obeyed(project) == []


def test_a_pattern_of_runs_reaches_every_rule_as_it_was_written(hostile):
    project, _ = hostile
    pattern = "tiny/stripes/on[e$(touch x)'\"]"
    targets = ("report", "out/tracking/tensorboard.json", "--forcerun", "write_report", "track")

    made = project.make(*targets, "--config", f"runs={pattern}")

    assert jobs(made) == {"write_report": 1, "track": 1, "report": 1}
    assert obeyed(project) == []
    with_comma = project.snakemake("report", "--config", "runs=tiny/stripes/on[e,$(touch x)]")
    assert with_comma.returncode == 2
    assert "no param-file is called" in with_comma.stdout
    assert obeyed(project) == []


@pytest.mark.parametrize(
    "file",
    [
        "out/runs/tiny/stripes/one/base/seeds-1-2\n/run.json",
        "out/runs/tiny/stripes/one\n/base/seeds-1-2/run.json",
        "out/runs/tiny/stripes/one/base\n/seeds-1-2/run.json",
        "out/tables/scale\n/runs.csv",
        "out/tables/scale/runs\n.csv",
        "out/figures/scale/accuracy\n.svg",
        "out/data/stripes\n/default.manifest.json",
        "out/data/stripes/default\n.manifest.json",
        "out/tracking/mlflow\n.json",
        "out/tables/$(touch x)/runs.csv",
        "out/figures/scale/a;touch x.svg",
    ],
)
def test_no_rule_makes_a_file_whose_name_holds_more_than_a_name(hostile, file):
    project, _ = hostile
    refused = project.snakemake("-n", file)
    assert refused.returncode != 0
    assert "nothing makes a file of that name" in refused.stdout
