"""Steps that are recorded once and replayed, as on a GPU: the bits of steps that are launched."""

import copy
from contextlib import contextmanager

import pytest
import torch
from recorded import RecorderOnCPU
from toy_data import CLASSES, SHAPE, ToyDataParams, load_split
from toy_runs import toy_training

from isotrope import registry
from isotrope.layers import forms
from isotrope.training.graphs import CudaRecorder, Replays
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.steps import Workshop

JITTER = {"name": "scale_jitter", "largest": 1.5}
VARIANTS = {
    "plain": {},
    "own order": {"order": "own"},
    "augmented": {"order": "own", "augmentation": [JITTER, {"name": "flip"}]},
    "accumulated": {"accumulate": {"images": 32}},
    "scheduled": {
        "optimizer": {
            "name": "sgd",
            "learning_rate": 0.05,
            "momentum": 0.9,
            "schedule": {"name": "one_cycle"},
        }
    },
    "bfloat16": {"precision": "bfloat16"},
}


def networks(seeds, **params):
    settings = registry.load("models", "toy").Params(**params)
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        found.append(registry.load("models", "toy").build(settings, SHAPE, CLASSES))
    return found


def new(seeds, workshop=None, params=None, **changes):
    torch.manual_seed(11)
    train, valid = (load_split("toy", ToyDataParams(), split) for split in ("train", "valid"))
    return LockstepTraining(
        networks(seeds, **(params or {})),
        seeds,
        toy_training(**{"epochs": 3, **changes}),
        train,
        HeldOut(valid),
        workshop=workshop,
    )


def ended(training):
    found = {}
    training.run(
        lambda: None, lambda: None, lambda gone: found.update((g.record.seed, g) for g in gone)
    )
    return found


def same(first, second):
    assert first.keys() == second.keys()
    for seed, one in first.items():
        other = second[seed]
        rows = [[{**row, "train_seconds": 0} for row in x.record.table()] for x in (one, other)]
        assert str(rows[0]).replace("seconds_per", "") == str(rows[1]).replace("seconds_per", "")
        for name, value in one.weights.items():
            assert torch.equal(value, other.weights[name]), name


@pytest.mark.parametrize("seeds", [[5], [5, 2, 9]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_replayed_steps_end_with_the_bits_of_launched_ones(toys, seeds, variant):
    recorder = RecorderOnCPU()
    with forms.like_a_gpu():
        params = {"norm": variant != "bfloat16"}  # on a CPU batch norm takes no mixed types
        plain = ended(new(seeds, None, params, **VARIANTS[variant]))
        replayed = ended(new(seeds, Workshop(recorder), params, **VARIANTS[variant]))

    same(plain, replayed)
    steps = 3 if "accumulate" in VARIANTS[variant] else 2  # kinds of them; tests have two sizes
    assert recorder.recorded == steps + 2
    tests = 3 if len(seeds) > 1 else 2
    assert recorder.replayed == 3 * (3 + tests)


def test_a_training_taken_up_at_any_step_records_anew_and_ends_with_the_same_bits(toys):
    whole = ended(new([5, 2], Workshop(RecorderOnCPU())))
    for stop in (1, 3, 5, 7):
        interrupted, steps = new([5, 2], Workshop(RecorderOnCPU())), iter(range(stop))

        def leave(steps=steps):
            if next(steps, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted.run(leave, lambda: None, lambda _: None)
        again = new([5, 2], Workshop(RecorderOnCPU()))
        again.restore(copy.deepcopy(interrupted.states()))
        same(whole, ended(again))


def test_seeds_that_follow_one_another_go_through_the_same_recorded_steps(toys):
    recorder = RecorderOnCPU()
    workshop = Workshop(recorder)
    ended(new([5], workshop))
    recorded = recorder.recorded

    found = ended(new([8], workshop))

    assert recorder.recorded == recorded
    same(found, ended(new([8])))


def test_a_stack_that_loses_seeds_is_recorded_anew_and_their_bits_stay(toys):
    changes = {"epochs": 6, "early_stopping": {"patience": 1}}
    recorder = RecorderOnCPU()
    plain = ended(new([1, 2, 3, 4], **changes))
    assert len({len(one.record.history) for one in plain.values()}) > 1

    same(plain, ended(new([1, 2, 3, 4], Workshop(recorder), **changes)))

    assert recorder.recorded > 4


def test_steps_that_cannot_be_recorded_are_launched_and_that_is_said_once(toys):
    lines = []

    class Refusing(RecorderOnCPU):
        def record(self, work):
            super().record(work)
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    with_line = ended(new([5], Workshop(Refusing(), lines.append)))

    same(with_line, ended(new([5])))
    assert lines == [
        "no CUDA graph can hold these steps (operation not permitted when stream is capturing); "
        "they are launched one by one, which takes longer"
    ]


@pytest.mark.parametrize("hidden", [False, True])
def test_running_out_of_memory_while_recording_is_no_refusal(hidden):
    class Full(RecorderOnCPU):
        def record(self, work):
            try:
                raise torch.OutOfMemoryError("no room")
            except torch.OutOfMemoryError:
                if hidden:  # as torch does where a recording has to end
                    raise RuntimeError("capture failed")  # noqa: B904
                raise

    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        Replays(Full(), dict, pytest.fail).do("work", lambda given: None, torch.zeros(1))


class Stream:
    """Of a stream of a GPU what a recorder asks for: for which other one it waits."""

    def __init__(self, device=None):
        self.waits = []

    def wait_stream(self, other):
        self.waits.append(other)


@pytest.fixture
def card(monkeypatch):
    """Of `torch.cuda` what a recorder needs; what happens is told in its list ``done``."""
    known = type("Card", (), {"here": Stream(), "mode": "default", "done": []})

    @contextmanager
    def recording(graph, pool, stream, capture_error_mode):
        known.done.append("record")
        yield

    @contextmanager
    def at_work_on(stream):
        known.done.append(f"rehearse, {known.mode}")
        yield

    graph = type("Graph", (), {"replay": lambda self: known.done.append("replay")})
    for name, value in {
        "Stream": Stream,
        "CUDAGraph": graph,
        "graph": recording,
        "graph_pool_handle": object,
        "stream": at_work_on,
        "current_stream": lambda device: known.here,
        "set_stream": lambda stream: None,
        "get_sync_debug_mode": lambda: known.mode,
        "set_sync_debug_mode": lambda mode: setattr(known, "mode", mode),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return known


def test_work_for_which_the_host_waits_is_found_before_a_recording_begins(card):
    def work():
        if card.mode == "error":
            raise RuntimeError("called a synchronizing CUDA operation")

    recorder = CudaRecorder(torch.device("cuda", 0))
    recorder.rehearse(work)
    with pytest.raises(RuntimeError, match="synchronizing"):
        recorder.record(work)

    assert card.done == ["rehearse, default", "rehearse, error"]
    assert card.mode == "default"


def test_other_work_is_rehearsed_once_more_recorded_and_replayed(card):
    CudaRecorder(torch.device("cuda", 0)).record(lambda: None)()

    assert card.done == ["rehearse, error", "record", "replay"]


def test_a_rehearsal_that_fails_is_waited_for(card):
    def work():
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError):
        CudaRecorder(torch.device("cuda", 0)).rehearse(work)

    assert len(card.here.waits) == 1


def test_what_rehearsals_change_is_put_back_with_random_numbers_too():
    total, noise = torch.zeros(3), []
    made = {}

    def work(given):
        total.add_(given)
        made.setdefault("count", torch.zeros(1)).add_(1)
        noise.append(torch.rand(1))

    replays = Replays(RecorderOnCPU(), lambda: {"total": total, **made}, print)
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    replays.do("work", work, torch.ones(3))
    replays.do("work", work, 2 * torch.ones(3))

    assert total.tolist() == [3, 3, 3]
    assert made["count"].tolist() == [2]
    assert torch.equal(noise[0], first)


def test_shapes_types_and_names_are_recorded_apart():
    recorder, found = RecorderOnCPU(), torch.zeros(())
    replays = Replays(recorder, lambda: {"found": found}, print)
    for name, given in [
        ("sum", torch.ones(3)),
        ("sum", 2 * torch.ones(3)),
        ("sum", torch.ones(2)),
        ("sum", torch.ones(2).double()),
        ("other", torch.ones(2)),
    ]:
        replays.do(name, lambda one: found.add_(one.sum()), given)

    assert recorder.recorded == 4
    assert float(found) == 3 + 6 + 2 + 2 + 2
