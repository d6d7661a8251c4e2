"""`isotrope evaluate FILE.py:FUNCTION --like RUN` beside Snakemake."""

MINE = """\
from torch import nn


def network(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(144, classes))
"""


def test_a_data_set_that_it_builds_is_not_built_again(empty_project):
    empty_project.add("tiny/stripes/one")
    empty_project.path("mine.py").write_text(MINE)

    done = empty_project.run("isotrope", "evaluate", "mine.py:network", "--like", "stripes")

    assert done.returncode == 0, done.stdout
    assert "built out/data/stripes/size=12.manifest.json" in done.stdout
    assert empty_project.planned("datasets") == {}
    empty_project.edit("plugins/data/stripes.py", "REVISION = 1", "REVISION = 2")
    assert empty_project.planned("datasets")["build_dataset"] == 1
