"""A project with a trained run, and an empty MLflow store, which takes seconds to make."""

import shutil

import pytest
from toy_runs import toys  # noqa: F401
from tracked_runs import Project, inside

from isotrope.plan import index_file
from isotrope.tracking import mlflow_store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The database of an empty store, made once. Not to be changed."""
    folder = tmp_path_factory.mktemp("store")
    with inside(folder), mlflow_store.opened():
        return mlflow_store.DATABASE.absolute()


@pytest.fixture
def trained(toys, monkeypatch):  # noqa: F811
    """The project, trained and evaluated for accuracy; nothing is tracked."""
    project = Project()
    project.evaluate("accuracy")
    monkeypatch.setattr(index_file, "current", lambda **_: project.index())
    return project


@pytest.fixture
def project(trained, empty_store):
    """The same beside an empty store."""
    mlflow_store.DATABASE.parent.mkdir(parents=True)
    shutil.copy2(empty_store, mlflow_store.DATABASE)
    return trained
