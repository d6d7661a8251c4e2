"""Finished seeds: whole, verified, and named when they are not."""

import json

import pytest
import torch

from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.packs import store
from isotrope.training.records import EpochRow

WEIGHTS = {"w": torch.arange(12.0).reshape(3, 4), "n": torch.tensor(5)}
ROWS = [EpochRow(7, 1, 1 / 3, 0.1, float("nan"), 0.25, 0.5).cells("accuracy", [])]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / ".seeds" / "7-aa"
    store.save(path, WEIGHTS, ROWS, {"seed": 7, "training_digest": "aa", "status": "done"})
    return path


def test_a_finished_seed_is_read_as_it_was_written(folder):
    found = store.load(folder, 7, "aa")

    assert found.summary["status"] == "done"
    assert all(torch.equal(found.weights[name], value) for name, value in WEIGHTS.items())
    header, row = found.history.splitlines()
    assert header.startswith("seed,epoch,train_loss,train_accuracy,validation_loss,")
    assert float(row.split(",")[2]) == 1 / 3
    assert [p.name for p in folder.parent.iterdir()] == ["7-aa"]


@pytest.mark.parametrize("name", [store.WEIGHTS, store.HISTORY])
def test_truncated_and_altered_files_are_named(folder, name):
    whole = (folder / name).read_bytes()
    altered = bytearray(whole)
    altered[-3] ^= 1
    for content, word in ((whole[:-5], "bytes, "), (bytes(altered), "its bytes are not those")):
        (folder / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is truncated or altered .*{word}") as caught:
            store.load(folder, 7, "aa")
        assert f"delete {folder}" in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        store.load(folder, 7, "aa")


def test_a_damaged_seed_json_is_named(folder):
    path = folder / store.SEED
    whole = path.read_text()
    for content in (whole[:30], "[]", json.dumps({"seed": 7})):
        path.write_text(content)
        with pytest.raises(UserError, match=r"seed\.json is truncated or altered"):
            store.load(folder, 7, "aa")


def test_bytes_that_are_no_weights_are_named_whatever_vouches_for_them(folder):
    path = folder / store.WEIGHTS
    for content in (b"", b"no weights", path.read_bytes()[:-5]):
        with pytest.raises(UserError, match=r"truncated or altered .*; train the seed anew"):
            store.parse_weights(content, path, "train the seed anew")


def test_a_seed_gets_no_name_after_the_lease_was_lost(tmp_path):
    def lost():
        raise PermissionError("another has taken over")

    folder = tmp_path / ".seeds" / "7-aa"
    summary = {"seed": 7, "training_digest": "aa", "status": "done"}
    with pytest.raises(UserError, match="taken over"), disk.guarded(lost):
        store.save(folder, WEIGHTS, ROWS, summary)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("name", [store.WEIGHTS, store.HISTORY])
def test_a_seed_is_read_again_after_it_was_written(tmp_path, monkeypatch, name):
    write = disk.write_synced

    def broken(path, content):
        write(path, content[:-1] if path.name == name else content)

    monkeypatch.setattr(disk, "write_synced", broken)
    summary = {"seed": 7, "training_digest": "aa", "status": "done"}
    with pytest.raises(UserError, match=f"{name} is truncated or altered"):
        store.save(tmp_path / "7-aa", WEIGHTS, ROWS, summary)


def test_a_seed_of_another_training_is_refused(folder):
    with pytest.raises(
        UserError, match="is of seed 7 with training digest aa, not of seed 7 with bb"
    ):
        store.load(folder, 7, "bb")


def test_a_seed_that_another_job_finished_first_is_kept(folder):
    before = (folder / store.SEED).read_bytes()
    store.save(folder, WEIGHTS, ROWS, {"seed": 7, "training_digest": "aa", "status": "other"})

    assert (folder / store.SEED).read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["7-aa"]


def test_a_folder_without_its_seed_json_is_replaced(folder):
    (folder / store.SEED).unlink()
    assert not store.holds(folder)
    store.save(folder, WEIGHTS, ROWS, {"seed": 7, "training_digest": "aa", "status": "done"})

    assert store.load(folder, 7, "aa").summary["seed"] == 7


def test_weights_that_share_memory_are_stored_apart(tmp_path):
    shared = torch.rand(4)
    weights = {"a": shared, "b": shared, "c": shared[1:]}
    store.save(tmp_path / "1-aa", weights, ROWS, {"seed": 1, "training_digest": "aa"})

    found = store.load(tmp_path / "1-aa", 1, "aa").weights
    assert all(torch.equal(found[name], value) for name, value in weights.items())
