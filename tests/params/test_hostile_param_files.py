"""Whatever a param-file holds, it is read, or its mistakes are said; the other runs are planned."""

import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile_param_files import attack
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_up_param_file import NAME, write

from isotrope import paths
from isotrope.plan import index_file
from isotrope.plan.checking import check_folder
from isotrope.plan.targets import Plan

PROJECT = Path(__file__).parents[2]
MODELS = ("standard", "pixel_pool", "kanazawa", "cnn", "ram", "energy_pool")
SECONDS = 10
LETTERS = 2_000
TEXTS = {
    model: [path.read_text() for path in sorted((PROJECT / "param-files" / model).rglob("*.yaml"))]
    for model in MODELS
}


@contextmanager
def in_time() -> Iterator[None]:
    """What lasts longer ends with an error, whatever it waits for."""

    def too_slow(*_: object) -> None:
        raise TimeoutError(f"this takes more than {SECONDS} s, or waits for ever")

    timers = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}
    before = {number: signal.signal(number, too_slow) for number in timers}
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, 10 * SECONDS)  # others may need the machine, too
    try:
        yield
    finally:
        for number, timer in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with one run, which was checked once."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "workflow").symlink_to(PROJECT / "workflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(index_file, "current", lambda *_, **__: index_file.read()[0])
        write(folder / "param-files")
        check_folder()
        yield folder


@given(st.sampled_from(MODELS), st.integers(0, 2**32))
@settings(max_examples=300, phases=[Phase.generate])
def test_whatever_it_holds_it_is_read_or_its_mistakes_are_said(project, model, seed):
    run = f"{model}/x/attacked"
    path = paths.PARAM_FILES / f"{run}.yaml"
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    attack(path, TEXTS[model], seed)

    with in_time():
        stamped = index_file.stamps()
        index_file.write(check_folder(), stamped)
        plan = Plan({"runs": NAME})
        planned = plan.packs("run.json")

    shutil.rmtree(path.parent.parent if model != "standard" else path.parent)
    assert f"out/runs/{NAME}/base/seeds-1-25/run.json" in planned
    said = [one for sentences in plan.index.mistakes.values() for one in sentences]
    assert (run in plan.index.runs) != bool(said)
    assert len("\n".join(said)) <= LETTERS
    assert len(said) == len(set(said))
    for one in said:
        assert one.isprintable(), "it stands on one line, and can be shown"
        assert re.match(r"param-files/[\w/.]+(:\d+:\d+)?: \S", one)
    assert path.as_posix() in stamped
