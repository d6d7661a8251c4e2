"""Evaluations that a test writes itself, found by their names as all others are."""

import textwrap
from pathlib import Path

import pytest

HEAD = """\
import os, signal
import torch
from isotrope.settings import Settings

REVISION = 1
NEEDS = set()
SPLIT = "test"


class Params(Settings):
    every: int = 1


"""


class ToyEvaluations:
    """The evaluations of a test, among the plug-ins of a user's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, text: str) -> None:
        """Add an evaluation: constants and ``evaluate``, the rest stands above it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.py").write_text(HEAD + textwrap.dedent(text))


@pytest.fixture
def toy_evaluations(tmp_path: Path) -> ToyEvaluations:
    """The project's folder is that of the test, see the fixture ``toys``."""
    return ToyEvaluations(tmp_path / "plugins" / "evaluation")
