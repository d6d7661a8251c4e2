"""Packs are found by what they were trained with, and by a seed that they hold."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from isotrope.packs import finding, summary

RUN = "a/b/c"
KNOWN = {  # by folder: training digest, seeds
    "base/seeds-1-2": ("old", [1, 2]),
    "rate=0.1/seeds-1-2": ("new", [1]),
    "selected/seeds-1-2": ("new", [1, 2]),
    "selected/seeds-3-4": ("new", [3]),
}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {}
    for name, (digest, seeds) in KNOWN.items():
        folder = Path("out/runs", RUN, name)
        folder.mkdir(parents=True)
        (folder / "run.json").touch()
        said = {seed: {"seed": seed} for seed in seeds}
        known[folder] = SimpleNamespace(training_digest=digest, seeds=said)
    monkeypatch.setattr(summary, "read", known.get)
    return Path("out/runs", RUN)


@pytest.mark.parametrize("backwards", [False, True])
def test_only_packs_of_the_same_training_are_found(runs, backwards, monkeypatch):
    listed = sorted(runs.glob("*/seeds-*/run.json"), reverse=backwards)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(listed))
    found = finding.packs_trained_so(RUN, "new")
    names = [folder.relative_to(runs).as_posix() for folder, _ in found]
    assert names == ["rate=0.1/seeds-1-2", "selected/seeds-1-2", "selected/seeds-3-4"]
    assert [list(seeds) for _, seeds in found] == [[1], [1, 2], [3]]
    assert finding.packs_trained_so(RUN, "newer") == []


@pytest.mark.parametrize(
    ("digest", "seed", "name"),
    [
        ("new", 1, "rate=0.1/seeds-1-2"),
        ("new", 2, "selected/seeds-1-2"),
        ("new", 3, "selected/seeds-3-4"),
        ("old", 2, "base/seeds-1-2"),
        ("old", 3, None),
        ("newer", 1, None),
    ],
)
def test_a_seed_is_found_in_the_pack_that_holds_it(runs, digest, seed, name):
    assert finding.pack_of(RUN, digest, seed) == (None if name is None else runs / name)
