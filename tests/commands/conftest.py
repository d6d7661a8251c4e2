"""A finished project that the tests of commands may spoil."""

import shutil

import pytest
from finished_project import make, restore


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory):
    """A finished project, not to be changed, and a folder of its own for copies of it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ISOTROPE_DATA", raising=False)
        patch.chdir(folder)
        make(folder)
    copy = tmp_path_factory.mktemp("spoilt") / "project"
    shutil.copytree(folder, copy)
    return copy, folder


@pytest.fixture
def project(finished_project, monkeypatch):
    """A copy of it in which this process is, and where it was copied from: see ``restore``."""
    copy, folder = finished_project
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    monkeypatch.chdir(copy)
    restore(copy, folder)
    return copy, folder
