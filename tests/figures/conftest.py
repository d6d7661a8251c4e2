"""Made-up tables on disk, and the published numbers that come with the project."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas
import pytest
from made_up_tables import write_tables

from isotrope.files.tables import PUBLISHED_COLUMNS, read_table


@pytest.fixture
def make_tables(tmp_path: Path) -> Callable[..., Path]:
    """Writes the tables of some models and scenarios, and returns their folder."""
    return partial(write_tables, tmp_path / "tables")


@pytest.fixture(scope="session")
def published_csv() -> Path:
    return Path(__file__).parents[2] / "workflow" / "published" / "scale.csv"


@pytest.fixture(scope="session")
def published(published_csv: Path) -> pandas.DataFrame:
    return read_table(published_csv, PUBLISHED_COLUMNS)


@pytest.fixture(scope="session")
def described_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tables of described figures are, each written when it is first needed."""
    return tmp_path_factory.mktemp("described")
