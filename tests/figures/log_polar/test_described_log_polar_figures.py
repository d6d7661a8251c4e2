"""The figures of this folder show what they showed when somebody last looked at them."""

from pathlib import Path

import pytest
from described_cases import Case, broken_properties, cases_of, changes


@pytest.mark.parametrize("asked", cases_of("figures/log_polar"), ids="-".join)
def test_a_figure_shows_what_it_was_seen_to_show(asked: Case, described_tables: Path) -> None:
    assert changes(asked, described_tables) == []


@pytest.mark.parametrize("asked", cases_of("figures/log_polar"), ids="-".join)
def test_numbers_legend_and_axes_are_as_in_every_figure(
    asked: Case, described_tables: Path
) -> None:
    assert broken_properties(asked, described_tables) == []
