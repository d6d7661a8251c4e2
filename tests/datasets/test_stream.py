"""A stream gives the same images whoever reads them, and says what is wrong with a file."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_data import SHAPE, STREAM_FILES, ToyDataParams, load_split, toy_images, toy_masks
from toy_runs import start, wait_for

from isotrope.datasets.contact_sheet import save_contact_sheet
from isotrope.datasets.stream import Shuffle, Stream, killed_workers_explained
from isotrope.errors import UserError

PARAMS = ToyDataParams(count=12)
PARTS = [[3, 1, 4], [1, 5, 9, 2], [6], [0, 0], [11, 10, 8, 7]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stream(name="toy_stream", workers=0, split="train"):
    return load_split(name, PARAMS, split).with_workers(workers)


def same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.latents["number"], other.latents["number"])


def chosen(source, shuffle, parts=PARTS):
    return [one for batch in source.chosen(parts, shuffle) for one in batch]


@pytest.mark.parametrize("name", ["toy_stream", "toy_mask_stream"])
def test_tested_images_are_those_of_the_files_in_their_order(folder, name):
    expected = (toy_masks if "mask" in name else toy_images)(PARAMS, "valid")
    for workers in (0, 2):
        found = list(stream(name, workers, "valid").batches(5))
        assert [len(one) for one in found] == [5, 5, 2]
        assert torch.equal(torch.cat([one.images for one in found]), expected.images)
        assert torch.equal(torch.cat([one.labels for one in found]), expected.labels)
    assert torch.equal(stream(name, 0, "valid").whole().images, expected.images)
    assert stream(name).kind == expected.kind


@pytest.mark.parametrize("name", ["toy_stream", "toy_mask_stream"])
def test_any_number_of_workers_reads_the_same(folder, name):
    alone = chosen(stream(name), Shuffle(5, 2))
    assert [len(one) for one in alone] == [len(part) for part in PARTS]
    for workers in (1, 3):
        same(chosen(stream(name, workers), Shuffle(5, 2)), alone)


def test_numbers_depend_on_order_epoch_and_image_alone(folder):
    def crops(shuffle, parts=PARTS):
        found = chosen(stream(), shuffle, parts)
        return torch.cat([one.images for one in found])

    assert torch.equal(crops(Shuffle(5, 2)), crops(Shuffle(5, 2)))
    for other in (Shuffle(5, 3), Shuffle(6, 2), Shuffle(2**32 - 1, 2)):
        assert not torch.equal(crops(Shuffle(5, 2)), crops(other))
    together = crops(Shuffle(5, 2), [[0, 1, 2]])
    for number in range(3):
        assert torch.equal(together[number], crops(Shuffle(5, 2), [[number]])[0])


def test_image_and_mask_are_cropped_together(folder):
    (found,) = chosen(stream("toy_mask_stream"), Shuffle(1, 1), [list(range(12))])
    everything = toy_masks(PARAMS, "train")
    moved = 0
    for image, mask, number in zip(
        found.images, found.labels, found.latents["number"], strict=True
    ):
        framed = torch.nn.functional.pad(everything.images[number], [1] * 4)
        labels = torch.nn.functional.pad(everything.labels[number], [1] * 4, value=255)
        places = [
            (top, left)
            for top in range(3)
            for left in range(3)
            if torch.equal(framed[:, top : top + 8, left : left + 8], image)
        ]
        assert len(places) == 1
        ((top, left),) = places
        assert torch.equal(labels[top : top + 8, left : left + 8], mask)
        moved += (top, left) != (1, 1)
    assert moved > 6


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_draws_none_of_torchs_own_numbers(folder, workers):
    before = torch.get_rng_state()
    chosen(stream(workers=workers), Shuffle(1, 1))
    list(stream(workers=workers).batches(4))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_or_absent_file_is_named(folder, workers):
    source = stream(workers=workers)
    path = STREAM_FILES / "classes" / "train" / "5.npz"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", None):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError, match=r"train/5\.npz: cannot be read \(.*restore the file"):
            list(source.batches(4))
        path.write_bytes(whole)
    assert len(list(source.batches(4))) == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bug_in_read_names_the_file_and_keeps_its_traceback(workers):
    def wrong(entry, generator):
        raise KeyError(entry)

    source = Stream(["a.png"], torch.zeros(1).long(), wrong, workers)
    with pytest.raises((KeyError, RuntimeError)) as caught:
        list(source.batches(1))
    said = str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert "while a.png was read" in said
    assert workers == 0 or "in wrong" in said


def test_images_of_different_sizes_come_apart():
    def squares(entry, generator):
        return torch.zeros(1, entry, entry, dtype=torch.uint8), 0

    source = Stream([4, 4, 5, 4, 6, 6], torch.zeros(6).long(), squares)
    shapes = [tuple(one.images.shape) for one in source.batches(4)]
    assert shapes == [(2, 1, 4, 4), (1, 1, 5, 5), (1, 1, 4, 4), (2, 1, 6, 6)]


def test_what_read_gives_is_checked():
    source = Stream([0], torch.zeros(1).long(), lambda *_: (torch.zeros(1, 4, 4), 0))
    with pytest.raises(ValueError, match="images must be uint8"):
        list(source.batches(1))
    with pytest.raises(ValueError, match="`load_split` has told it how"):
        list(Stream([0], torch.zeros(1).long()).batches(1))


def test_a_stream_has_a_preview(folder):
    for name in ("toy_stream", "toy_mask_stream"):
        save_contact_sheet(stream(name), name, folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 1000


# Worker processes


def workers_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def slowly(entry, generator):
    time.sleep(0.02)
    return torch.zeros(*SHAPE, dtype=torch.uint8), 0


def read_forever(done):
    source = Stream(range(4000), torch.zeros(4000).long(), slowly, 2)
    for number, _ in enumerate(source.batches(1)):
        done.write_text(str(number))


def gone(pids):
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_hear_no_signal_that_is_for_the_job(tmp_path):
    process = start(partial(read_forever, tmp_path / "done"))
    wait_for(lambda: (tmp_path / "done").exists() and len(workers_of(process.pid)) == 2)
    workers = workers_of(process.pid)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        for worker in workers:
            os.kill(worker, number)
    before = int((tmp_path / "done").read_text() or 0)
    wait_for(lambda: int((tmp_path / "done").read_text() or 0) > before + 20)
    assert workers_of(process.pid) == workers

    process.kill()  # they find out that nobody is there any more
    wait_for(lambda: gone(workers), seconds=30)


def test_a_worker_that_is_killed_is_one_sentence():
    before = set(workers_of(os.getpid()))
    batches = Stream(range(400), torch.zeros(400).long(), slowly, 1).batches(1)
    next(batches)
    (worker,) = set(workers_of(os.getpid())) - before
    killed = pytest.raises(UserError, match="a process that reads images was killed, perhaps for")
    with killed, killed_workers_explained():  # torch may hear of it at once
        os.kill(worker, signal.SIGKILL)
        list(batches)


def test_workers_end_with_whoever_reads():
    before = set(workers_of(os.getpid()))
    batches = Stream(range(400), torch.zeros(400).long(), slowly, 2).batches(1)
    next(batches)
    workers = set(workers_of(os.getpid())) - before
    assert len(workers) == 2
    batches.close()
    wait_for(lambda: gone(workers))


def test_numbers_of_numpy_arrays_may_be_entries():
    source = Stream(np.arange(3), torch.zeros(3).long(), slowly)
    assert len(source.whole()) == 3


def test_signals_that_were_held_back_before_are_so_after_workers_began(folder):
    held = {signal.SIGUSR1, signal.SIGUSR2}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        assert len(list(stream(workers=1).batches(20))) == 1
        assert held <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("is cut\nshort"), "is cut"),
        (EOFError(), "EOFError"),
        (SyntaxError("no PNG file"), "no PNG file"),
    ],
)
@pytest.mark.parametrize(
    ("entry", "named"), [("a/b.png", "a/b.png"), ((3, "c.png", "d"), "c.png"), (7, "image 1")]
)
def test_a_damaged_file_is_named_with_the_first_line_of_the_reason(error, said, entry, named):
    def read(of, generator):
        raise error

    with pytest.raises(UserError) as raised:
        Stream([entry, entry], torch.tensor([0, 1]), read)[1:2]
    assert raised.value.sentences == (
        f"{named}: cannot be read ({said}); restore the file, or build the data set again without "
        "it",
    )


def test_a_mistake_in_a_reader_is_told_with_the_file_that_it_read():
    def read(of, generator):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        Stream(["a.png"], torch.tensor([0]), read)[:1]
    assert raised.value.__notes__ == ["while a.png was read"]
    with pytest.raises(ValueError, match="after `load_split` has told it how"):
        Stream(["a.png"], torch.tensor([0]))[:1]
