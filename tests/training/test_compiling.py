"""Trainings whose forward and backward passes `torch.compile` writes."""

import dataclasses
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from test_stacks import HANDED, assert_alike
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler
from toy_runs import ToyDataParams, ToyModelParams, toy_task, toy_training, train

from isotrope.errors import UserError
from isotrope.training import compiling
from isotrope.training.objective import Measured
from isotrope.training.progress import PackProgress
from isotrope.training.task import TrainingTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning"),  # its own
    pytest.mark.timeout(1800),
]
needs_a_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a compiler for C++"
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled kernels go; else those of an earlier run are taken."""
    folder = tmp_path / "kernels"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder))
    torch.compiler.reset()
    return folder


def task(
    run: str, stack: int, model_params: ToyModelParams = HANDED, **changes: object
) -> TrainingTask:
    return toy_task(
        run=f"toy/toy/{run}",
        stack=stack,
        model_params=model_params,
        dataset_params=ToyDataParams(count=32),  # whole batches: each shape takes its time
        training=toy_training(epochs=3, **changes),
    )


@needs_a_compiler
@pytest.mark.parametrize("stack", [1, 2])
def test_a_compiled_training_ends_as_one_that_is_not(toys, cache, stack):
    compiled, plain = task("compiled", stack, compile=True), task("plain", stack)
    lines = train(compiled)
    assert list(cache.rglob("*.so")), "nothing was compiled"
    train(plain)

    assert_alike(compiled, plain)
    said = [line for line in lines if line.startswith("compiled in ") or ": epoch 1 of " in line]
    assert said[0].startswith("compiled in "), "the time of compiling counts as that of an epoch"
    assert not any(line.startswith("compiled in ") for line in said[1:])


@needs_a_compiler
def test_compiled_or_not_what_draws_inside_trains_one_seed_after_the_other(toys, cache):
    lines = train(task("inside", 2, model_params=ToyModelParams(inside=True), compile=True))

    assert any("one after the other: toy cannot be stacked (it draws" in line for line in lines)


@needs_a_compiler
def test_a_compiled_training_that_was_ended_goes_on_to_the_same_bits(toys, cache, monkeypatch):
    """Compiled anew, and taken up where the next batch is the smaller last one of an epoch."""
    uneven = ToyDataParams(count=40)
    whole, ended = (
        dataclasses.replace(task(run, 1, compile=True), dataset_params=uneven, seeds=[1])
        for run in ("whole", "ended")
    )
    train(whole)

    torch.compiler.reset()
    ends, step = iter([False] * (3 + 2 + 1) + [True]), PackProgress.step  # of epoch 2 the second

    def until(progress: PackProgress) -> None:
        step(progress)
        if next(ends, False):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(PackProgress, "step", until)
    with pytest.raises(SystemExit) as said:
        train(ended)
    assert said.value.code == 143
    torch.compiler.reset()
    assert any("goes on in epoch 2" in line for line in train(ended))

    found, expected = (t.folder / "weights.safetensors" for t in (ended, whole))
    assert found.read_bytes() == expected.read_bytes()


@needs_a_compiler
def test_each_shape_is_compiled_and_one_too_many_is_the_users_affair(cache, monkeypatch):
    monkeypatch.setattr(compiling, "SHAPES", 9)

    def work(images: torch.Tensor) -> Measured:
        loss = images.sum() if torch.compiler.is_compiling() else images.new_zeros(())
        return Measured(loss, images.mean(), images.mean(), {})

    own = {"recompile_limit": 8, "accumulated_recompile_limit": 256}  # what torch begins with
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=False, **own):
        fast = compiling.compiled(work, toy_training(compile=True))
        for size in [*range(1, 10), *range(1, 10)]:
            assert fast(torch.ones(size)).loss == size, "not compiled"
        too_many = pytest.raises(UserError, match=r"training\.compile: .* more than 9 shapes")
        with too_many, compiling.explained():
            fast(torch.ones(10))


def no_compiler() -> str:
    raise InvalidCxxCompiler


def test_what_cannot_be_compiled_is_the_users_affair(toys, cache, monkeypatch):
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", no_compiler)

    with pytest.raises(UserError, match=r"training\.compile: .*; leave it out"):
        train(task("refused", 1, compile=True))
