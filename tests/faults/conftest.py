"""How often trainings are killed: ``pytest -m faults --kills 50``."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where tests/faults is named on the command line, pytest knows the option."""
    parser.addoption("--kills", type=int, default=5, help="how often trainings are killed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the kills, which take minutes, to ``pytest -m faults tests/faults``."""
    if not config.option.markexpr:
        killing = [item for item in items if item.get_closest_marker("faults")]
        config.hook.pytest_deselected(items=killing)
        items[:] = [item for item in items if item not in killing]
