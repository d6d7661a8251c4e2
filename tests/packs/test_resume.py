"""Resume files: whole or passed over, and never of another training."""

import errno
import os

import pytest
import torch

from isotrope.errors import UserError
from isotrope.packs import resume


def state(step: int) -> dict[str, object]:
    return {"step": step, "weights": {"w": torch.full((3,), float(step))}, "history": [{"a": 0.5}]}


def lines_and_step(path, digest="aa"):
    lines: list[str] = []
    found = resume.load(path, digest, lines.append)
    return lines, found and found["step"]


def test_what_is_saved_is_what_is_loaded(tmp_path):
    path = tmp_path / "deep" / "3-aa.pt"
    assert lines_and_step(path) == ([], None)
    resume.save(path, state(1), "aa")
    resume.save(path, state(2), "aa")

    found = resume.load(path, "aa", pytest.fail)

    assert found["step"] == 2
    assert torch.equal(found["weights"]["w"], torch.full((3,), 2.0))
    assert sorted(p.name for p in path.parent.iterdir()) == ["3-aa.pt", "3-aa.pt.previous"]


@pytest.mark.parametrize("kept", [0, 1, 40, 100, -1])
def test_a_truncated_file_falls_back_to_the_previous_one(tmp_path, kept):
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(1), "aa")
    resume.save(path, state(2), "aa")
    path.write_bytes(path.read_bytes()[:kept])

    lines, step = lines_and_step(path)

    assert step == 1
    assert len(lines) == 1
    assert str(path) in lines[0]
    assert "truncated or altered" in lines[0]


def test_what_was_saved_on_a_gpu_is_taken_up_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(2), "aa")
    found = resume.load(path, "aa", pytest.fail)
    assert found["weights"]["w"].tolist() == [2.0, 2.0, 2.0]
    assert found["weights"]["w"].device.type == "cpu"


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_nothing_but_numbers_and_words_is_taken_up_whatever_torch_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / "3-aa.pt"
    resume.save(path, {**state(1), "more": Harm()}, "aa")

    lines, step = lines_and_step(path)

    assert step is None
    assert "truncated or altered" in lines[0]
    assert not (tmp_path / "harmed").exists()


def test_an_altered_byte_is_noticed_and_two_damaged_files_start_anew(tmp_path):
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(1), "aa")
    resume.save(path, state(2), "aa")
    for one in (path, resume.previous(path)):
        content = bytearray(one.read_bytes())
        content[len(content) // 2] ^= 1
        one.write_bytes(content)

    lines, step = lines_and_step(path)

    assert step is None
    assert len(lines) == 2


def test_a_job_killed_between_the_two_renames_goes_on_from_the_previous_file(tmp_path):
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(1), "aa")
    path.rename(resume.previous(path))

    assert lines_and_step(path) == ([], 1)


def test_a_file_of_another_training_is_refused(tmp_path):
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(1), "bb")

    with pytest.raises(
        UserError, match=r"3-aa\.pt is of a training with digest bb, this one has aa"
    ):
        lines_and_step(path)


def test_a_file_of_another_format_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "3-aa.pt"
    monkeypatch.setattr(resume, "FORMAT", 99)
    resume.save(path, state(1), "aa")
    monkeypatch.undo()

    with pytest.raises(UserError, match=r"has format 99, .* reads format 2; delete it"):
        lines_and_step(path)


def test_a_file_that_would_run_code_is_not_read(tmp_path):
    path = tmp_path / "3-aa.pt"

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    resume.save(path, {"step": Harmful()}, "aa")
    lines, step = lines_and_step(path)

    assert step is None
    assert len(lines) == 1
    assert not (tmp_path / "harm").exists()


def test_a_full_disk_is_named_and_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "3-aa.pt"
    resume.save(path, state(1), "aa")
    resume.save(path, state(2), "aa")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"3-aa\.pt could not be written: no space left on device"):
        resume.save(path, state(3), "aa")
    monkeypatch.undo()

    assert lines_and_step(path) == ([], 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3-aa.pt", "3-aa.pt.previous"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / ".resume").write_text("a file in the way")

    with pytest.raises(UserError, match=r"3-aa\.pt could not be written"):
        resume.save(tmp_path / ".resume" / "3-aa.pt", state(1), "aa")


def test_discard_leaves_nothing_but_other_seeds(tmp_path):
    folder = tmp_path / ".resume"
    for seed in (3, 4):
        resume.save(folder / f"{seed}-aa.pt", state(1), "aa")
        resume.save(folder / f"{seed}-aa.pt", state(2), "aa")
    (folder / ".3-aa.pt.0a1b.part").write_bytes(b"what a killed job left")

    resume.discard(folder / "3-aa.pt")
    assert sorted(p.name for p in folder.iterdir()) == ["4-aa.pt", "4-aa.pt.previous"]
    resume.discard(folder / "4-aa.pt")
    assert not folder.exists()


def test_two_copies_that_save_at_once_do_not_end_each_other(tmp_path, monkeypatch):
    path = tmp_path / "1-digest.pt"
    resume.save(path, {"step": 1}, "digest")
    write = resume.write_synced

    def overtaken(part, content):
        write(part, content)
        path.unlink(missing_ok=True)  # another copy has just moved it away

    monkeypatch.setattr(resume, "write_synced", overtaken)
    resume.save(path, {"step": 2}, "digest")

    assert resume.load(path, "digest", print) == {"step": 2}
