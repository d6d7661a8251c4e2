"""The index: what the Snakefile knows of param-files, and when it is made anew."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_index import LOCAL, OWN, made_up_index
from made_up_param_file import GOOD, NAME

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.params.param_file import read_all
from isotrope.params.seeds import LARGEST_IN_GRID, LARGEST_SEED, packs_of_seeds, valid_seeds
from isotrope.plan import index_file
from isotrope.plan.index import LEFT_OUT, Index
from isotrope.plan.indexing import index_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    monkeypatch.delenv(index_file.PLANNED, raising=False)
    write_param_file()
    return tmp_path


def write_param_file(text=GOOD, name=NAME):
    path = paths.PARAM_FILES / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_an_index_is_read_as_it_was_written(folder):
    stamped = {"param-files/a.yaml": [1, 2]}
    index_file.write(made_up_index(), stamped)

    assert index_file.read() == (made_up_index(), stamped)
    assert index_file.as_written() == made_up_index()


def test_checked_runs_make_an_index_that_is_read_as_written(folder):
    made = index_of(read_all())
    index_file.write(made, index_file.stamps())

    assert index_file.read() == (made, index_file.stamps())
    (run,) = made.runs.values()
    assert run.packs("base") == {"1-25": [1, 2, 3]}
    assert run.source == "embedded"
    assert run.points["base"].parameters["model.kernel_size"] == 7
    assert run.points["base"].parameters["dataset.scenario"] == "mid2rest"
    assert made.datasets["stir/emoji"].words == "task=emoji source=embedded"
    assert made.datasets["stir/emoji"].manifest == "out/data/stir/emoji.manifest.json"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[1, 2]",
        lambda text: "null",
        lambda text: text.replace('"stamps"', '"stamp"'),
        lambda text: text.replace('"minutes": 30', '"minutes": 31', 1),
        lambda text: text.replace('"checksum": "', '"checksum": "0', 1),
        lambda text: "[" * 100_000,
        lambda text: text.replace('"digest"', '"digets"', 1),
        lambda text: text.replace(f'"version": {index_file.VERSION}', '"version": 0'),
        lambda text: json.dumps({**json.loads(text), "runs": []}),
        lambda text: json.dumps({**json.loads(text), "datasets": {"a": None}}),
    ],
)
def test_a_damaged_index_is_none(folder, damage):
    index_file.write(made_up_index(), {})
    paths.INDEX.write_text(damage(paths.INDEX.read_text()))

    assert index_file.read() is None
    with pytest.raises(UserError, match=r"out/index\.json is absent or damaged"):
        index_file.as_written()


def test_an_absent_index_is_none(folder):
    assert index_file.read() is None


def test_stamps_follow_param_files(folder):
    before = index_file.stamps()
    assert index_file.stamps() == before
    path = write_param_file(GOOD + "# longer\n")
    edited = index_file.stamps()
    assert {name for name in edited if edited[name] != before.get(name)} == {path.as_posix()}
    os.utime(path, ns=(1, 1))
    assert index_file.stamps() != edited

    write_param_file(name=NAME + "2")
    assert index_file.stamps().keys() - before.keys() == {f"param-files/{NAME}2.yaml"}


def test_stamps_pass_over_what_editors_leave_and_bear_what_cannot_be_read(folder):
    before = index_file.stamps()
    (paths.PARAM_FILES / ".#lock.yaml").symlink_to("nowhere")
    assert index_file.stamps() == before

    lost = paths.PARAM_FILES / f"{NAME}2.yaml"
    lost.symlink_to("nowhere")
    assert index_file.stamps() == {**before, lost.as_posix(): [0, 0]}
    (said,) = index_file.current().mistakes[lost.as_posix()]
    assert "2.yaml: cannot be read: No such file" in said


def test_a_job_takes_the_index_as_it_was_written_whatever_became_of_the_files(folder, monkeypatch):
    planned = index_file.current()
    write_param_file("seeds: [")
    monkeypatch.setenv(index_file.PLANNED, "1")
    assert index_file.current() == planned
    monkeypatch.delenv(index_file.PLANNED)
    assert [*index_file.current().mistakes] == [f"param-files/{NAME}.yaml"]


def test_stamps_that_were_just_taken_are_not_taken_again(folder, monkeypatch):
    made, stamped = index_of(read_all()), index_file.stamps()
    index_file.write(made, stamped)
    monkeypatch.setattr(index_file, "stamps", lambda: pytest.fail("taken again"))
    assert index_file.current(stamped) == made


@pytest.mark.parametrize(
    "name",
    [
        "envelope.py",
        *(f"{kind}/own.py" for kind in registry.KINDS if kind != "figures"),
        *(f"{room}/_shared.py" for room in ("data", "evaluation", "layers", "features", "attacks")),
        *(f"{room}/loop.py" for room in ("training", "params", "plan", "datasets")),
    ],
)
def test_stamps_follow_plug_ins_and_what_checks_them(folder, monkeypatch, name):
    package = folder / "package"
    (package / name).parent.mkdir(parents=True)
    (package / name).write_text("REVISION = 1\n")
    monkeypatch.setattr(registry, "PACKAGE", package)
    before = index_file.stamps()

    (package / name).write_text("REVISION = 22\n")

    assert index_file.stamps() != before


def test_seeds_lie_in_a_fixed_grid_of_packs():
    assert packs_of_seeds([1, 2, 3], 25) == {"1-25": [1, 2, 3]}
    assert packs_of_seeds([26], 25) == {"26-50": [26]}
    assert packs_of_seeds([25, 26], 25) == {"1-25": [25], "26-50": [26]}
    assert packs_of_seeds([1, 2, 7], 1) == {"1-1": [1], "2-2": [2], "7-7": [7]}


@given(st.sets(st.integers(1, 300), min_size=1), st.integers(1, 60))
def test_every_seed_is_in_the_one_pack_that_its_number_gives(seeds, seeds_per_job):
    packs = packs_of_seeds(sorted(seeds), seeds_per_job)

    assert sorted(seed for members in packs.values() for seed in members) == sorted(seeds)
    for name, members in packs.items():
        first, last = map(int, name.split("-"))
        assert last - first + 1 == seeds_per_job
        assert (first - 1) % seeds_per_job == 0
        assert all(first <= seed <= last for seed in members)


LARGE = st.integers(LARGEST_IN_GRID + 1, LARGEST_SEED)


@given(st.lists(LARGE, unique=True, max_size=30), st.sets(st.integers(1, 99)), st.integers(1, 12))
def test_large_seeds_form_blocks_in_their_order_and_leave_the_grid_alone(large, small, n):
    packs = packs_of_seeds([*sorted(small), *large], n)

    listed = {name: members for name, members in packs.items() if name.startswith("list-")}
    assert [seed for members in listed.values() for seed in members] == large
    assert list(listed) == [f"list-{i + 1}" for i in range(-(-len(large) // n))]
    grid = {name: members for name, members in packs.items() if name not in listed}
    assert grid == packs_of_seeds(sorted(small), n)
    for i in range(len(large)):  # another seed at the end adds itself to the last block alone
        before = packs_of_seeds(large[:i], n)
        after = packs_of_seeds(large[: i + 1], n)
        assert [name for name in after if after[name] != before.get(name)] == [list(after)[-1]]


def test_ten_large_seeds_are_one_pack_in_written_order():
    seeds = [207715039, 491659600, 73, 4294967295]
    assert packs_of_seeds(valid_seeds(seeds), 25) == {
        "51-75": [73],
        "list-1": [207715039, 491659600, 4294967295],
    }
    assert valid_seeds([4294967295, 1_000_001, 2, 1]) == [1, 2, 4294967295, 1_000_001]
    assert valid_seeds([LARGEST_SEED + 1]) is None
    assert valid_seeds(207715039) == [207715039]
    assert valid_seeds("207715039") is None


def test_planning_works_packs_and_paths_out_once_for_all_jobs():
    known = made_up_index().runs[OWN]

    assert known.packs("base") is known.packs("base")
    assert paths.pack_folder(OWN, "base", "1-25") is paths.pack_folder(OWN, "base", "1-25")
    assert paths.manifest("stir", "emoji") is paths.manifest("stir", "emoji")


def test_a_run_waits_for_files_that_the_user_lacks(folder, monkeypatch):
    assert made_up_index().waiting_for(LOCAL) == ["stir/aerial.npz"]
    monkeypatch.setenv("ISOTROPE_DATA", str(folder))
    assert made_up_index().waiting_for(LOCAL) == ["stir/aerial.npz"]
    (folder / "stir").mkdir()
    (folder / "stir" / "aerial.npz").write_bytes(b"12345")

    assert made_up_index().waiting_for(LOCAL) == []
    entry = made_up_index().datasets["stir/aerial-local"]
    assert entry.made_from == f"{entry.digest} {folder}/stir/aerial.npz:5"
    (folder / "stir" / "aerial.npz").write_bytes(b"123456")
    assert entry.made_from.endswith(":6")


def test_an_unknown_run_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=f"no such param-file; did you mean '{LOCAL}'"):
        made_up_index().run(LOCAL + "s")


def test_a_stale_index_is_made_anew_in_another_process_and_a_current_one_is_not(
    folder, monkeypatch
):
    first = index_file.current()
    assert list(first.runs) == [NAME]
    monkeypatch.setattr(index_file, "_checked", lambda _: pytest.fail("a process was started"))
    assert index_file.current() == first
    monkeypatch.undo()
    monkeypatch.chdir(folder)

    write_param_file(GOOD.replace("seeds: 1-3", "seeds: 1-4"))

    assert index_file.current().runs[NAME].seeds == [1, 2, 3, 4]


def test_mistakes_found_by_the_other_process_leave_their_run_out_of_the_index(folder):
    write_param_file(GOOD, f"{NAME}2")
    write_param_file(GOOD.replace("epochs", "epoch").replace("seeds: 1-3", "seeds: x"))

    found = index_file.current()

    ((path, said),) = found.mistakes.items()
    assert [path, *found.runs] == [f"param-files/{NAME}.yaml", f"{NAME}2"]
    assert any("training.epoch: unknown key" in one for one in said)
    assert any(f"{NAME}.yaml:2:1: seeds: write seeds" in one for one in said)
    assert found.notes == [said[0], LEFT_OUT]
    write_param_file()
    assert [*index_file.current().runs] == [NAME, f"{NAME}2"]


def test_of_many_param_files_with_mistakes_the_first_are_named():
    index = Index({}, {}, mistakes={f"{i}.yaml": [f"{i}.yaml: x", "y"] for i in range(12)})
    first = [f"{i}.yaml: x" for i in range(10)]
    assert index.notes == [*first, "2 more param-files have mistakes", LEFT_OUT]


def test_what_ends_the_other_process_is_this_ones_user_error_whatever_was_written_before(folder):
    write_param_file("[")
    index_file.current()
    model = folder / "plugins" / "models" / "standard.py"
    model.parent.mkdir(parents=True)
    model.write_text("")
    with pytest.raises(UserError, match="the package has a model of that name"):
        index_file.current()


def test_a_bug_in_the_other_process_is_no_user_error(folder, monkeypatch):
    monkeypatch.setattr(index_file, "_checked", lambda _: (1, ["Traceback: some bug"]))

    with pytest.raises(RuntimeError, match="some bug"):
        index_file.current()


def test_an_index_that_cannot_be_read_back_is_said(folder, monkeypatch):
    monkeypatch.setattr(index_file, "_checked", lambda _: (0, []))

    with pytest.raises(UserError, match="could not be written or read back"):
        index_file.current()


def test_reading_an_index_needs_neither_torch_nor_a_plug_in(folder):
    index_file.write(made_up_index(), {})
    code = (
        "import sys; from isotrope.plan import index_file; index_file.as_written()\n"
        "plugins = [m for m in sys.modules if m.startswith('isotrope.models.')]\n"
        "sys.exit('torch' in sys.modules or bool(plugins))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert isinstance(index_file.as_written(), Index)


def test_a_range_of_seeds_goes_up_to_a_million():
    assert valid_seeds("999999-1000000") == [999_999, 1_000_000]
    assert valid_seeds("1000000-1000001") is None
