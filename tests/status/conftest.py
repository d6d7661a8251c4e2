"""A project's empty folder, and the demo's only pack in it."""

import pytest
from made_up_packs import MadeUpPack
from toy_runs import toys  # noqa: F401

from isotrope.status.vouching import Vouching


@pytest.fixture(autouse=True)
def _made_up_results_are_vouched_for(request, monkeypatch):
    """Made-up packs hold nothing that could be compared."""
    if "vouching" not in request.fixturenames:
        monkeypatch.setattr(Vouching, "doubts", lambda self, packs: {})


@pytest.fixture
def vouching():
    """What compares results, for tests of that."""
    return Vouching()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    return tmp_path


@pytest.fixture
def pack(folder):
    return MadeUpPack()
