"""A project's empty folder, and the demo's only pack in it."""

import pytest
from made_up_packs import MadeUpPack
from toy_runs import toys  # noqa: F401


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    return tmp_path


@pytest.fixture
def pack(folder):
    return MadeUpPack()
