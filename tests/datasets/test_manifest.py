import json
import os
import re

import pytest
from altered_files import DEEP, altered

from isotrope.datasets import manifest
from isotrope.datasets.manifest import (
    DataFile,
    Manifest,
    describe,
    read_manifest,
    verify,
    write_manifest,
)
from isotrope.digests import local_sums
from isotrope.errors import UserError
from isotrope.files.json_files import CHECKSUM


@pytest.fixture
def listed(tmp_path):
    """A file, its entry, and the path of the manifest that would list it."""
    path = tmp_path / "a.npz"
    path.write_bytes(bytes(range(200)))
    return path, describe(path, tmp_path), tmp_path / "a.manifest.json"


def test_a_file_is_listed_with_its_size_and_checksum(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "empty").touch()
    entry = describe(tmp_path / "part" / "empty", tmp_path)
    assert entry == DataFile(
        path="part/empty",
        root="folder",
        size=0,
        sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    )


def test_a_file_from_elsewhere_cannot_be_listed(listed, tmp_path, monkeypatch):
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    with pytest.raises(ValueError, match=r"in its folder or under \$ISOTROPE_DATA, not at"):
        describe(listed[0], tmp_path / "folder")


def test_the_users_file_is_found_wherever_the_variable_points(listed, tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    entry = describe(listed[0], tmp_path / "folder")
    assert (entry.root, entry.path) == ("ISOTROPE_DATA", "a.npz")
    verify(entry, tmp_path / "folder" / "a.manifest.json")


def test_an_unchanged_file_passes(listed):
    _, entry, goal = listed
    verify(entry, goal)


def test_a_file_is_read_once_per_process_unless_it_changes(listed, monkeypatch):
    path, entry, goal = listed
    read, real = [], manifest._sha256
    monkeypatch.setattr(manifest, "_sha256", lambda path: read.append(path) or real(path))
    for _ in range(3):
        verify(entry, goal)
    assert len(read) == 1
    os.utime(path, (1, 1))
    verify(entry, goal)
    assert len(read) == 2


def test_a_missing_file_is_named_with_the_command_that_rebuilds_it(listed):
    path, entry, goal = listed
    path.unlink()
    with pytest.raises(UserError, match=rf"{path}: no such file.* `snakemake --force {goal}`"):
        verify(entry, goal)


@pytest.mark.parametrize("size", [0, 100, 199, 201])
def test_a_file_of_another_size_is_named_with_both_sizes(listed, size):
    path, entry, goal = listed
    os.truncate(path, size)
    message = rf"a\.npz: cut short or replaced: it has {size} bytes .* lists 200; .*{goal}"
    with pytest.raises(UserError, match=message):
        verify(entry, goal)


@pytest.mark.parametrize("at", [0, 99, 199])
def test_an_altered_byte_is_found_even_after_a_good_reading(listed, at):
    path, entry, goal = listed
    verify(entry, goal)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, (2, 2))  # a clock may tick too slowly for a test
    message = rf"a\.npz: altered: its sha256 begins .{{16}} where .* lists {entry.sha256[:16]}; run"
    with pytest.raises(UserError, match=message):
        verify(entry, goal)


def test_a_manifest_is_read_back_as_it_was_written(listed):
    _, entry, goal = listed
    written = Manifest(
        dataset="stir",
        settings={"task": "emoji", "size": 3},
        revision=1,
        digest="d",
        files=[entry],
        image_shape=(1, 64, 64),
        classes=36,
        images={"train": 3},
        versions={"numpy": "2"},
    )
    goal.write_text(written.model_dump_json())
    assert read_manifest(goal) == written


def test_an_absent_manifest_says_how_to_build_the_data_set(tmp_path):
    path = tmp_path / "stir" / "emoji.manifest.json"
    said = (
        f"{path}: the data set is not built; run `snakemake {path}`, "
        "or `isotrope build stir --key emoji`"
    )
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        read_manifest(path)


@pytest.mark.parametrize("text", ["", '{"dataset": "st', '{"dataset": "stir"}', "[]", "\0"])
def test_a_manifest_that_is_not_whole_names_the_command(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"not a whole manifest .* `snakemake --force {path}`"):
        read_manifest(path)


@pytest.fixture
def written(listed):
    """A manifest on disk, and its content."""
    _, entry, goal = listed
    more = {"image_shape": (1, 64, 64), "classes": 36, "images": {"train": 3}, "versions": {}}
    write_manifest(
        Manifest(dataset="stir", settings={}, revision=1, digest="d", files=[entry], **more), goal
    )
    return goal, json.loads(goal.read_text())


def test_nothing_of_an_altered_manifest_is_used(written):
    goal, content = written
    assert read_manifest(goal).classes == 36
    for number in range(150):
        changed, what = altered(content, number)
        if what == f"('{CHECKSUM}',) is gone":
            continue
        goal.write_text(json.dumps(changed))
        for read in (read_manifest, local_sums):
            with pytest.raises(UserError, match="not a whole manifest"):
                read(goal)


@pytest.mark.parametrize("text", [DEEP, "[]", "3", "", '{"files": 1e999}'])
def test_what_is_no_manifest_is_a_sentence(written, text):
    goal, _ = written
    goal.write_text(text)
    for read in (read_manifest, local_sums):
        with pytest.raises(UserError, match=r"a\.manifest\.json: not a whole manifest"):
            read(goal)
    goal.unlink()
    goal.mkdir()
    with pytest.raises(UserError, match=r"is not built"):
        read_manifest(goal)
    with pytest.raises(UserError, match="not a whole manifest"):
        local_sums(goal)


def test_an_older_manifest_without_a_checksum_lists_the_files_beside_it(written):
    goal, content = written
    del content[CHECKSUM]
    goal.write_text(json.dumps(content))
    assert [file.path for file in read_manifest(goal).files] == ["a.npz"]

    goal.write_text(json.dumps({**content, "files": []}))
    with pytest.raises(UserError, match=r"does not list a\.npz beside it; run `snakemake --force"):
        read_manifest(goal)
    (goal.parent / "a.npz").unlink()
    assert read_manifest(goal).files == [], "a data set without files of its own"


def test_a_folder_in_the_place_of_a_file_is_named(listed):
    path, entry, goal = listed
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"a\.npz: is no file; run"):
        verify(entry, goal)
