"""What people read: rows of a point, and lines that fit a terminal."""

from dataclasses import replace

import pytest
from made_up_index import DEMO, LOCAL, made_up_index, run
from made_up_packs import ANOTHER, MadeUpPack, looked_at, only

from isotrope.plan.index import Index, SelectEntry
from isotrope.results import choice
from isotrope.status.lines import lines_of
from isotrope.status.rows import Row, rows_of, sums
from isotrope.status.states import ORDER

BLOCKS = ("1-25", "26-50", "51-75", "76-100")


@pytest.fixture
def packs(folder):
    """Four packs of 25 seeds, all of one point; made where a test says so."""
    return {name: MadeUpPack(name=name) for name in BLOCKS}


def rows(each_pack=False):
    index = only(DEMO, seeds=list(range(1, 101)))
    found = rows_of(looked_at(index), each_pack)
    return [(row.state, row.packs, row.finished, row.seeds, row.detail) for row in found]


def fill(pack, *lost):
    first, last = map(int, pack.name.split("-"))
    seeds = range(first, last + 1)
    pack.finish(*seeds)
    pack.assemble(seeds=seeds, age=10, **{f"seed{seed}": "diverged" for seed in lost})
    pack.evaluate(*(set(seeds) - set(lost)))


def test_packs_that_need_no_attention_are_one_row(packs):
    fill(packs["1-25"], 3, 4)
    fill(packs["26-50"], 30)
    packs["51-75"].beat(epoch=4, seconds_left=60, host="node7", slurm_job="12")
    packs["76-100"].beat(epoch=9, seconds_left=7200, host="node8", slurm_job="13")
    detail = "2 running, 2 done; 2 jobs, epoch 4-9 of 15, validation accuracy 25.4%, "
    detail += "at most 2.0 h left, node7, node8, 12, 13; 3 diverged"
    assert rows() == [("running", "", 50, 100, detail)]


def test_packs_that_need_attention_stand_apart_those_alike_together(packs):
    for name in ("1-25", "26-50"):
        packs[name].write("train.log", "no such file; put it there\n")
    fill(packs["51-75"])
    assert rows() == [
        ("failed", "seeds 1-50", 0, 50, "no such file; put it there"),
        ("queued", "seeds 51-100", 25, 50, "1 queued, 1 done"),
    ]
    packs["26-50"].write("train.log", "disk full; free space\n")
    assert [row[:2] for row in rows()] == [
        ("failed", "seeds 1-25"),
        ("failed", "seeds 26-50"),
        ("queued", "seeds 51-100"),
    ]


def test_interrupted_packs_are_one_row_of_their_point(packs):
    for name, pack in packs.items():
        pack.beat(ended=True, host=f"node{name}", slurm_job=name)
    (row,) = rows()
    assert row[0] == "interrupted"
    expected = "last seen in 4 jobs, epoch 4 of 15, validation accuracy 25.4%, "
    assert row[-1] == f"{expected}at most 2 min left, 4 nodes, 4 SLURM jobs"


def test_packs_of_diverged_seeds_are_one_row(packs):
    for name, first in (("1-25", 1), ("26-50", 26)):
        fill(packs[name], *range(first, first + 25))
    assert rows()[0] == ("diverged", "seeds 1-50", 50, 50, "50 diverged")


def test_each_pack_has_a_row_where_that_is_asked_for(packs):
    fill(packs["26-50"])
    assert [row[:4] for row in rows(each_pack=True)] == [
        *(("queued", f"seeds {name}", 0, 25) for name in ("1-25", "51-75", "76-100")),
        ("done", "seeds 26-50", 25, 25),
    ]


def test_queued_packs_tell_what_they_wait_for(packs):
    packs["1-25"].finish(*range(1, 51))
    assert rows() == [("queued", "", 50, 100, "trained; to be put together")]


def test_runs_that_wait_for_the_same_data_are_one_row(folder):
    index = made_up_index()
    waiting = {f"standard/stir_aerial/v{i}": index.runs[LOCAL] for i in range(4)}
    found = looked_at(Index({DEMO: index.runs[DEMO], **waiting}, index.datasets))
    assert [(row.state, row.name, row.point, row.seeds) for row in rows_of(found)] == [
        ("queued", DEMO, "base", 3),
        ("waiting", "4 runs", "", 12),
    ]
    assert len(rows_of(found, each_pack=True)) == 5
    assert sums(found) == "packs: 1 queued, 4 waiting; 0 of 15 seeds are trained"


def test_what_needs_attention_stands_first(folder):
    index = made_up_index()
    names = [f"standard/stir_emoji/run{i}" for i in range(6)]
    packs = [MadeUpPack(name) for name in names]
    packs[0].make()
    packs[1].beat()
    packs[2].beat(ended=True)
    packs[3].write("train.log", "it broke\n")
    packs[4].make(1, 2, 3, seed1="diverged", seed2="diverged", seed3="diverged")
    found = looked_at(Index(dict.fromkeys(names, index.runs[DEMO]), index.datasets))
    assert [row.state for row in rows_of(found)] == [
        *("failed", "interrupted", "diverged", "running", "queued", "done")
    ]
    expected = "packs: 1 failed, 1 interrupted, 1 diverged, 1 running, 1 queued, 1 done; "
    assert sums(found) == expected + "6 of 18 seeds are trained"


LONG = "energy_pool/stir_trafficsign/a_variant_whose_name_somebody_chose_with_care_and_at_length"
MADE_UP = [
    Row("failed", LONG, "selected (learning_rate=0.001)", "seeds 1-25", 0, 25, "it broke " * 80),
    Row("interrupted", "a/b/c", "base", "", 12, 1250, "[bold]last seen[/bold] in seed 3"),
    Row("queued", "a/b/d", "base", "", 0, 50, ""),
]


def test_every_line_fits_a_terminal_of_80_columns_and_names_stay_whole_if_they_can():
    lines = [[line.plain for line in of_row] for of_row in lines_of(MADE_UP, 80)]
    assert max(len(line) for of_row in lines for line in of_row) <= 80
    assert lines[1] == [
        "interrupted  12/1250  a/b/c base",
        "                      [bold]last seen[/bold] in seed 3",
    ]
    assert lines[2] == ["queued          0/50  a/b/d base"]
    assert "".join(lines[0]).replace(" ", "").startswith(f"failed0/25{LONG}selected(learning_rate")
    assert len(lines[0]) < 10  # a long detail is cut
    assert lines[0][-1].endswith("...")


def test_a_wide_terminal_has_the_detail_beside():
    (line,) = next(lines_of(MADE_UP[1:], 160))
    assert line.plain == "interrupted  12/1250  a/b/c base  [bold]last seen[/bold] in seed 3"


def test_programs_that_read_lines_get_one_for_each_row():
    lines = [[line.plain for line in of_row] for of_row in lines_of(MADE_UP, None)]
    assert [len(of_row) for of_row in lines] == [1, 1, 1]
    assert len(lines[0][0]) > 700


@pytest.mark.parametrize("state", ORDER)
def test_every_state_is_shown_and_only_its_word_is_coloured(state):
    (line,) = next(lines_of([Row(state, "a/b/c", "base", "", 0, 1, "")], 80))
    assert line.plain == f"{state:<11}  0/1  a/b/c base"
    assert all((span.start, span.end) == (0, len(state)) for span in line.spans)


@pytest.mark.parametrize("chosen", [False, True])
def test_seeds_of_the_chosen_candidate_count_once_as_in_the_check(folder, monkeypatch, chosen):
    base = made_up_index().runs[DEMO].points["base"]
    entry = run(DEMO, seeds=range(1, 11), small=base, large=replace(base, training_digest=ANOTHER))
    entry = replace(entry, select=SelectEntry("validation_accuracy", "median", [1, 2], "last"))
    MadeUpPack(place="small").finish(1, 2, 3)
    MadeUpPack(place="large").finish(1, digest=ANOTHER)
    if chosen:
        monkeypatch.setattr(
            choice, "read", lambda *arguments: choice.Choice("small", entry.select, [], [])
        )
    found = looked_at(Index({DEMO: entry}, made_up_index().datasets))
    trained = 4 if chosen else 3  # seed 3 is one of those that the chosen point has besides
    assert entry.seeds_to_train == 12
    assert sums(found).endswith(f"; {trained} of 12 seeds are trained")
