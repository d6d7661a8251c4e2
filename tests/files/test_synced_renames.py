"""What is written whole outlasts a power failure: file, then name, then the folder of the name."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from isotrope.files import arrays, disk
from isotrope.packs import resume, store


def save_seed(path):
    summary = {"seed": 7, "training_digest": "aa", "status": "done"}
    store.save(path, {"w": torch.ones(2)}, [], summary)


def go_back(path):
    resume.save(path, {"step": 1}, "aa")
    resume.save(path, {"step": 2}, "aa")
    resume.go_back(path)


WRITERS = {
    "a file": lambda path: disk.write_whole(path, "text"),
    "arrays": lambda path: arrays.write_arrays(path, [("a", np.ones(2))]),
    "a resume file": lambda path: resume.save(path, {"step": 1}, "aa"),
    "a resume file put back": go_back,
    "a finished seed": save_seed,
}


@pytest.fixture
def done(monkeypatch):
    """What is renamed and synced, in its order."""
    events = []
    fsync = os.fsync

    def synced(handle):
        there = os.fstat(handle)
        events.append(("synced", (there.st_dev, there.st_ino)))
        fsync(handle)

    def noted(rename):
        def renamed(path, target):
            there = path.stat()
            result = rename(path, target)
            events.append(("renamed", (there.st_dev, there.st_ino), Path(target)))
            return result

        return renamed

    monkeypatch.setattr(os, "fsync", synced)
    for name in ("replace", "rename"):
        monkeypatch.setattr(Path, name, noted(getattr(Path, name)))
    return events


@pytest.mark.parametrize("kind", WRITERS)
def test_the_folder_is_synced_after_a_file_got_its_name(tmp_path, done, kind):
    path = tmp_path / "deep" / "goal"

    WRITERS[kind](path)

    assert path.exists()
    last = max(place for place, event in enumerate(done) if event[0] == "renamed")
    assert done[last][2] == path
    folder = path.parent.stat()
    assert ("synced", (folder.st_dev, folder.st_ino)) in done[last + 1 :]


@pytest.mark.parametrize("kind", sorted(set(WRITERS) - {"a resume file put back"}))
def test_what_gets_a_name_was_synced_before(tmp_path, done, kind):
    path = tmp_path / "deep" / "goal"

    WRITERS[kind](path)

    (renamed,) = (place for place, event in enumerate(done) if event[-1] == path)
    assert ("synced", done[renamed][1]) in done[:renamed]
