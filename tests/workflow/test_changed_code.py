"""Code that changed without its REVISION: nothing is made anew, and nobody can miss it."""

import csv
import shutil

from workflow_project import jobs

ONE = "tiny/stripes/one"
MODEL = "plugins/models/tiny.py"
TOLD = "2 runs hold results of code that has changed since (plugins/models/tiny.py)"


def column(project):
    """The words in the column ``code`` of a table, by its name."""
    found = {}
    for table in ("runs", "accuracy"):
        with project.path(f"out/tables/scale/{table}.csv").open(newline="") as file:
            found[table] = {row["code"] for row in csv.DictReader(file)}
    return found


def test_changed_code_is_said_everywhere_until_it_is_kept_and_trains_nothing(project):
    assert column(project) == {"runs": {"same"}, "accuracy": {"same"}}
    project.edit(MODEL, "def forward(", "# a comment\n    def forward(")
    said = project.make("-n", "tables")
    assert jobs(said) == {}
    assert "results of code" not in said

    project.edit(MODEL, "self.conv(images)", "self.conv(images * 1.0)")
    said = project.make("tables", "out/tables/scale/summary.html")
    assert TOLD in said
    assert "isotrope keep RUN --why" in said
    assert jobs(said) == {"collect": 2, "summarize": 1, "tables": 1}
    assert "results of code" not in project.make("--unlock"), "nothing was planned"
    assert column(project) == {"runs": {"changed"}, "accuracy": {"changed"}}
    assert "2 changed" in project.path("out/tables/scale/summary.html").read_text()
    status = project.run("isotrope", "status").stdout
    assert "results made with other code (plugins/models/tiny.py)" in status

    kept = project.run("isotrope", "keep", "tiny/*/*", "--why", "times one is the same")
    assert kept.returncode == 0, kept.stdout
    assert f"kept {ONE}, base, seeds 1-2" in kept.stdout
    said = project.make("tables")
    assert "results of code" not in said
    assert column(project) == {"runs": {"kept"}, "accuracy": {"kept"}}
    assert project.planned("tables") == {}

    project.edit(MODEL, "images * 1.0", "images * 2.0")
    project.edit(f"param-files/{ONE}.yaml", "epochs: 2", "epochs: 3")
    *_, why, code, ways_on, cost = project.make("-n", "tables").splitlines()  # is read last
    assert why.startswith(f"to train {ONE} again: trained with training.epochs 2, now 3")
    assert cost.startswith("to train and to evaluate: ")
    assert code.startswith("1 run holds results of code that has changed since (plugins/models")
    assert "raised" in ways_on


def test_a_job_says_what_changed_since_it_was_planned_and_records_what_it_ran(project):
    project.edit(MODEL, "self.conv(images)", "self.conv(images * 1.0)")
    shutil.rmtree(project.path(f"out/runs/{ONE}"))
    done = project.run("isotrope", "train", f"param-files/{ONE}.yaml", ISOTROPE_PLANNED="1")
    assert done.returncode == 0, done.stdout
    assert f"{MODEL} has changed since this job was planned" in done.stdout
    said = project.make("-n", "tables")
    assert "1 run holds results of code that has changed since" in said, "the other one"
    assert "tiny/stripes/two" in said

    done = project.run("isotrope", "keep", ONE, "--why", "no need")
    assert done.returncode == 0
    assert "nothing to keep" in done.stdout
    done = project.run("isotrope", "keep", "tiny/stripes/two", "--why", " ")
    assert done.returncode == 2
    assert "--why: say in a few words" in done.stdout
