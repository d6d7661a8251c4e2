"""What all tests share: one thread each, nothing written beside the sources, cases that repeat."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Before torch is imported; the programs that tests start inherit it.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
sys.dont_write_bytecode = True

import fault_record  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from made_up_index import OWN, PUBLISHED, RUNS_HEADER, made_up_index  # noqa: E402

from isotrope import paths  # noqa: E402
from isotrope.plan import index_file  # noqa: E402

FROZEN = [0]
FAULTS = pytest.StashKey[list[fault_record.Fault]]()

settings.register_profile("isotrope", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("isotrope")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-fingerprints",
        action="store_true",
        help="store the fingerprints of new models and of those whose REVISION rose",
    )
    parser.addoption("--record", type=Path, help="file whose table tells which faults are survived")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes test at once; more would make the costly fixtures too often."""
    return min(len(os.sched_getaffinity(0)), 8)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Record what became of a fault as soon as it is known."""
    report = yield
    mark, table = item.get_closest_marker("faults"), item.config.option.record
    if table and mark and "fault" in mark.kwargs and (report.when == "call" or report.failed):
        found = fault_record.of_test(mark.kwargs, dict(item.user_properties), report.passed)
        item.config.stash.setdefault(FAULTS, []).append(found)
        fault_record.write(table, item.config.stash[FAULTS])
    return report


def pytest_collection_finish() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _imported_modules_are_no_garbage() -> None:
    """Spare each collection, in tests and the processes they fork, the objects of all imports."""
    if FROZEN[-1] != len(sys.modules):
        gc.collect()
        gc.freeze()
        FROZEN.append(len(sys.modules))


@pytest.fixture
def param_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the param-files of a project are looked for that a test writes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "param-files"


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that holds the made-up index, which counts as current."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    index_file.write(made_up_index(), {})
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index_file.as_written())
    return tmp_path


@pytest.fixture
def copied_tables(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh clone with the tables of another machine and nothing else under ``out``."""
    paths.INDEX.unlink()
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: pytest.fail("param-files were checked")
    )
    for group, tables in (("scale", ("runs", "accuracy")), ("rotation", ("runs",))):
        for table in tables:
            path = paths.table_folder(group) / f"{table}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(RUNS_HEADER + f"{OWN},base,1,0.5\n")
    for name in (OWN, PUBLISHED):
        path = paths.PARAM_FILES / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("anything")
    return indexed
