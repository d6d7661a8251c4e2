"""Which point is chosen, from what candidates said of themselves."""

import json
from dataclasses import replace

import pytest
from altered_files import DEEP, altered
from made_up_index import made_up_index, point, run

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.json_files import CHECKSUM, sealed
from isotrope.plan.index import Index, SelectEntry
from isotrope.results import choice

NAME = "standard/stir_emoji/swept"
A, B, C = "learning_rate=0.01", "learning_rate=0.001", "learning_rate=0.0001"
DIGESTS = {A: "a" * 16, B: "b" * 16, C: "c" * 16}
MEDIAN = SelectEntry("validation_accuracy", "median", [1, 2, 3], "last")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entry(points=(A, B), rule=MEDIAN, seeds_per_job=25):
    swept = {name: point(digest=DIGESTS[name]) for name in points}
    made = run(NAME, seeds=range(1, 11), seeds_per_job=seeds_per_job, **swept)
    return replace(made, select=rule)


def candidate(name, values, pack="1-25", digest=None, diverged=()):
    """A candidate's ``run.json``; ``values`` are those of seeds 1, 2, ..."""
    seeds = [
        {
            "seed": seed,
            "best_validation_accuracy": value,
            "status": "diverged" if seed in diverged else "done",
        }
        for seed, value in (values.items() if isinstance(values, dict) else enumerate(values, 1))
    ]
    path = paths.pack_folder(NAME, name, pack) / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"training_digest": digest or DIGESTS[name], "seeds": seeds}
    path.write_text(json.dumps(sealed(said)))


def chosen(made, digests=DIGESTS):
    return choice.choose(NAME, made, digests).winner


@pytest.mark.parametrize(
    ("first", "second", "statistic", "ties", "winner"),
    [
        ((0.9, 0.9, 0.1), (0.8, 0.8, 0.8), "median", "last", A),
        ((0.9, 0.9, 0.1), (0.8, 0.8, 0.8), "mean", "last", B),
        ((0.7, 0.9, 0.8), (0.8, 0.7, 0.9), "median", "last", B),
        ((0.7, 0.9, 0.8), (0.8, 0.7, 0.9), "median", "first", A),
        ((0.8, 0.8, 0.8), (0.8, 0.8, 0.8), "mean", "last", B),
    ],
)
def test_the_larger_statistic_wins_and_ties_go_as_the_rule_says(
    first, second, statistic, ties, winner
):
    candidate(A, first)
    candidate(B, second)
    assert chosen(entry(rule=replace(MEDIAN, statistic=statistic, ties=ties))) == winner


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_a_point_whose_seeds_diverged_before_they_had_a_loss_is_not_chosen(statistic):
    for name, losses in ((A, (0.5, 0.0, 0.4)), (B, (None, None, 0.1))):
        seeds = [
            {"seed": seed, "status": "done" if loss is not None else "diverged"}
            | {"best_validation_accuracy": None, "best_validation_loss": loss}
            for seed, loss in enumerate(losses, 1)
        ]
        path = paths.pack_folder(NAME, name, "1-25") / "run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sealed({"training_digest": DIGESTS[name], "seeds": seeds})))
    rule = replace(MEDIAN, by="validation_loss", statistic=statistic)
    made = choice.choose(NAME, entry(rule=rule), DIGESTS)
    assert made.winner == A
    assert made.candidates[0].values == [0.5, 0.0, 0.4]
    assert made.candidates[1].diverged == [1, 2]
    choice.write(NAME, made)
    assert choice.read(NAME, rule, {A: DIGESTS[A], B: DIGESTS[B]}) == made


@pytest.mark.parametrize(
    ("by", "winner"),
    [("validation_loss", B), ("validation_accuracy", A), ("validation_mean_iou", A)],
)
def test_the_smaller_loss_wins_and_the_larger_score(by, winner):
    for name, values in ((A, (0.5, 0.4, 0.6)), (B, (0.3, 0.2, 0.4))):
        seeds = [
            {"seed": seed, "status": "done", "best_validation_accuracy": 0.5, f"best_{by}": value}
            for seed, value in enumerate(values, 1)
        ]
        path = paths.pack_folder(NAME, name, "1-25") / "run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sealed({"training_digest": DIGESTS[name], "seeds": seeds})))

    assert chosen(entry(rule=replace(MEDIAN, by=by))) == winner


def test_a_score_that_candidates_do_not_have_is_refused():
    candidate(A, (0.5, 0.4, 0.6))
    candidate(B, (0.3, 0.2, 0.4))
    said = "A/run.json: seed 1 has no best_validation_mean_iou; choose by what the data set's"
    with pytest.raises(UserError, match=said.replace("A/", f"{A}/seeds-1-25/")):
        chosen(entry(rule=replace(MEDIAN, by="validation_mean_iou")))


def test_the_order_of_the_sweep_counts_and_not_that_of_names():
    candidate(A, (0.8, 0.8, 0.8))
    candidate(B, (0.8, 0.8, 0.8))
    assert (chosen(entry((A, B))), chosen(entry((B, A)))) == (B, A)


def test_a_diverged_seed_counts_with_what_it_reached_before_or_as_zero():
    candidate(A, (0.9, 0.95, None), diverged=(2, 3))
    candidate(B, (0.8, 0.8, 0.8))

    made = choice.choose(NAME, entry(), DIGESTS)

    assert made.winner == A
    assert made.candidates[0].values == [0.9, 0.95, 0.0]
    assert made.candidates[0].diverged == [2, 3]


def test_the_seeds_of_the_choice_may_lie_in_several_packs():
    for name, values in ((A, (0.5, 0.9, 0.9)), (B, (0.8, 0.8, 0.8))):
        candidate(name, dict(zip((1, 2), values, strict=False)), pack="1-2")
        candidate(name, {3: values[2]}, pack="3-4")
    assert chosen(entry(seeds_per_job=2)) == A


def test_seeds_beyond_the_choice_do_not_count():
    candidate(A, (0.8, 0.8, 0.8, 1.0, 1.0, 1.0))
    candidate(B, (0.9, 0.9, 0.9, 0.0, 0.0, 0.0))
    assert chosen(entry()) == B


def test_all_candidates_that_cannot_be_compared_are_named():
    candidate(A, (0.8, 0.8, 0.8), digest="d" * 16)
    candidate(B, (0.8, 0.8))

    with pytest.raises(UserError) as error:
        chosen(entry((A, B, C)))

    said = error.value.sentences
    assert len(said) == 3
    assert f"{A}/seeds-1-25/run.json was trained with settings of digest {'d' * 16}" in said[0]
    assert f"{B}/seeds-1-25/run.json holds no seed 3" in said[1]
    assert f"{C}/seeds-1-25/run.json is not there; run `snakemake runs`" in said[2]


def test_a_run_without_a_rule_has_nothing_to_choose():
    with pytest.raises(UserError, match=f"param-files/{NAME}.yaml: there is no `select` in it"):
        chosen(entry(rule=None))


def test_a_choice_is_read_as_it_was_written():
    candidate(A, (0.8, 0.8, 0.8))
    candidate(B, (0.8, 0.8, 0.8))
    digests = {A: DIGESTS[A], B: DIGESTS[B]}
    made = choice.choose(NAME, entry(), digests)
    choice.write(NAME, made)

    assert choice.read(NAME, MEDIAN, digests) == made
    assert made.tied == [A, B]
    assert choice.current(Index({NAME: entry()}, made_up_index().datasets), NAME) == made
    assert choice.winner(NAME, MEDIAN, digests) == B


@pytest.mark.parametrize(
    "outdate",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text()[:-9]),
        lambda path: path.write_text(path.read_text().replace("a" * 16, "f" * 16)),
        lambda path: path.write_text(path.read_text().replace('"median"', '"mean"')),
        lambda path: path.write_text(path.read_text().replace(f'"winner": "{B}"', '"winner": "x"')),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(DEEP),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_choice_that_is_absent_damaged_or_of_other_candidates_is_none(outdate):
    candidate(A, (0.8, 0.8, 0.8))
    candidate(B, (0.8, 0.8, 0.8))
    digests = {A: DIGESTS[A], B: DIGESTS[B]}
    choice.write(NAME, choice.choose(NAME, entry(), digests))
    outdate(paths.choice(NAME))

    assert choice.read(NAME, MEDIAN, digests) is None
    with pytest.raises(UserError, match=f"run `isotrope choose param-files/{NAME}.yaml`"):
        choice.winner(NAME, MEDIAN, digests)


@pytest.mark.parametrize("with_checksum", [True, False])
def test_nothing_of_an_altered_choice_is_used(with_checksum):
    candidate(A, (0.75, 0.8, 0.8))
    candidate(B, (0.7, 0.8, 0.9), diverged=(2,))
    digests = {A: DIGESTS[A], B: DIGESTS[B]}
    made = choice.choose(NAME, entry(), digests)
    choice.write(NAME, made)
    path = paths.choice(NAME)
    content = json.loads(path.read_text())
    if not with_checksum:
        del content[CHECKSUM]
    path.write_text(json.dumps(content))
    assert choice.read(NAME, MEDIAN, digests) == made
    noticed = 0
    for number in range(100):
        changed, what = altered(content, number)
        if what == f"('{CHECKSUM}',) is gone":
            continue
        path.write_text(json.dumps(changed))
        found = choice.read(NAME, MEDIAN, digests)
        assert not (with_checksum and found), what
        assert found is None or found.winner == made.winner, what
        noticed += found is None
    assert noticed > 70
