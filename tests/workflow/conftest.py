"""Projects for the tests of the workflow: one finished, one empty."""

import shutil

import pytest
from workflow_project import Project, fresh


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory):
    """Two runs of two seeds, trained, evaluated, in tables and figures. Not to be changed."""
    project = fresh(tmp_path_factory.mktemp("finished"))
    project.add("tiny/stripes/one")
    project.add("tiny/stripes/two", channels=6)
    project.make("tables", "out/figures/scale/accuracy.svg")
    return project


@pytest.fixture
def project(finished_project, tmp_path):
    """A copy of the finished project, times of files included, that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(finished_project.folder, folder, symlinks=True)
    return Project(folder)


@pytest.fixture
def empty_project(tmp_path):
    """A copy of the project without param-files and results."""
    return fresh(tmp_path / "project")
