"""What all tests share: one thread each, nothing written beside the sources, cases that repeat."""

import os
import sys
from pathlib import Path

# Before torch is imported; the programs that tests start inherit it.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
sys.dont_write_bytecode = True

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("isotrope", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("isotrope")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-fingerprints",
        action="store_true",
        help="store the fingerprints of new models and of those whose REVISION rose",
    )


def pytest_collection_finish() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture
def param_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the param-files of a project are looked for that a test writes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "param-files"
