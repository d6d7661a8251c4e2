"""Tables: what packs say, collected; and damage that is named before it does harm."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.errors import UserError
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.results.tables import CollectedPack, _read_rows, collect

DIGEST = "12345678"
AGAIN = "delete it and run `snakemake "
VALUES = {17: 0.1 + 0.2, 18: 1 / 3, 19: 5e-324}


def write_pack(
    folder: Path,
    run: str = "standard/stir_emoji/demo",
    seeds: tuple[int, ...] = (1, 2, 3),
    status: dict[int, str] | None = None,
    values: dict[int, float] = VALUES,
) -> CollectedPack:
    """A pack evaluated as ``accuracy``, ``by_scale`` and ``other``; nobody asks for the last."""
    pack = folder / run / "base" / f"seeds-{seeds[0]}-{seeds[-1]}"
    pack.mkdir(parents=True)
    found = {seed: (status or {}).get(seed, "done") for seed in seeds}
    said = {
        "settings": {},
        "training_digest": DIGEST,
        "seeds": [
            {
                "seed": seed,
                "status": found[seed],
                "epochs": 18,
                "best_epoch": None if found[seed] == "diverged" else 12,
                "best_validation_accuracy": None if found[seed] == "diverged" else 2 / 3,
                "seconds": 30.5,
                "seconds_per_epoch_last": 1.5,
                "seconds_per_epoch_mean": 1.6,
                "peak_memory_mb": 300.0,
                "device": "cpu",
            }
            for seed in seeds
        ],
    }
    (pack / "run.json").write_text(json.dumps(said))
    rows = ["evaluation,run,point,seed,scale,metric,value,n"]
    for seed in (seed for seed in seeds if found[seed] != "diverged"):
        rows.append(f"accuracy,{run},base,{seed},,accuracy,{sum(values.values())!r},108")
        rows.append(f"other,{run},base,{seed},,error,nan,108")
        for scale, value in values.items():
            rows.append(f"by_scale,{run},base,{seed},{scale},accuracy,{value!r},36")
    (pack / "results.csv").write_text("\n".join(rows) + "\n")
    return CollectedPack(
        run=run,
        study="scale",
        series="demo",
        label="Plain, small",
        source="embedded",
        model="standard",
        dataset="stir",
        point="base",
        parameters={
            "training.epochs": 18,
            "dataset.scenario": "mid2rest",
            "training.reshuffle": True,
        },
        pack=pack,
        seeds=seeds,
        training_digest=DIGEST,
        evaluations=("accuracy", "by_scale"),
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_run_point_and_seed_with_its_parameters(tmp_path: Path) -> None:
    runs, accuracy, by_scale = collect("demo", [write_pack(tmp_path / "runs")], tmp_path / "tables")
    rows = rows_of(runs)
    assert list(rows[0]) == [
        *RUN_COLUMNS,
        "classes",
        "parameters",
        "validation_score",
        "best_validation_score",
        "code",
        "dataset.scenario",
        "training.epochs",
        "training.reshuffle",
    ]
    assert [row["seed"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["label"] == "Plain, small"
    assert rows[0]["training.reshuffle"] == "true"
    assert rows[0]["training_digest"] == DIGEST
    assert float(rows[0]["best_validation_accuracy"]) == 2 / 3
    assert list(rows_of(accuracy)[0]) == ["run", "point", "seed", "metric", "value", "n", "code"]
    settings, last = ["run", "point", "seed", "scale"], ["metric", "value", "n", "code"]
    assert list(rows_of(by_scale)[0]) == [*settings, *last]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "accuracy.csv",
        "by_scale.csv",
        "runs.csv",
    ]


@pytest.mark.parametrize(
    ("said", "score", "value", "accuracy"),
    [
        ({"best_validation_accuracy": 0.5}, "accuracy", 0.5, 0.5),
        ({"best_validation_accuracy": 0.5, "best_validation_loss": 2.0}, "accuracy", 0.5, 0.5),
        ({"best_validation_accuracy": 0.0}, "accuracy", 0.0, 0.0),
        (
            {"best_validation_accuracy": None, "best_validation_mean_iou": 0.25},
            *("mean_iou", 0.25, None),
        ),
        ({"best_validation_accuracy": None}, "", None, None),
        ({"best_validation_accuracy": None, "best_validation_mean_iou": None}, "", None, None),
        ({"best_validation_accuracy": None, "best_validation_loss": 2.0}, "", None, None),
    ],
    ids=str,
)
def test_a_run_says_which_score_its_validation_gave_and_how_much_of_it(
    said, score, value, accuracy, tmp_path
):
    pack = write_pack(tmp_path, seeds=(1,))
    path = pack.pack / "run.json"
    content = json.loads(path.read_text())
    content["seeds"][0] |= said
    path.write_text(json.dumps(content))

    (row,) = rows_of(collect("demo", [pack], tmp_path / "tables", "runs")[0])

    assert row["validation_score"] == score
    assert row["best_validation_score"] == ("" if value is None else repr(value))
    assert row["best_validation_accuracy"] == ("" if accuracy is None else repr(accuracy))


@given(values=st.lists(st.floats(), min_size=3, max_size=3))
def test_floats_keep_every_bit(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("floats")
    pack = write_pack(folder, seeds=(1,), values=dict(zip(VALUES, values, strict=True)))
    collect("demo", [pack], folder / "tables", "by_scale")
    written = [float(row["value"]) for row in rows_of(folder / "tables" / "by_scale.csv")]
    assert [value.hex() for value in written] == [value.hex() for value in values]


def test_same_results_make_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    packs = [
        write_pack(tmp_path / "runs", run, seeds)
        for run in ("xu/stir_emoji/demo", "standard/stir_emoji/demo")
        for seeds in ((9, 10), (1, 2))
    ]
    one = collect("demo", packs, tmp_path / "one")
    other = collect("demo", packs[::-1], tmp_path / "other")
    for path, its in zip(one, other, strict=True):
        assert path.read_bytes() == its.read_bytes()
    assert [row["seed"] for row in rows_of(one[0])] == ["1", "2", "9", "10"] * 2, "by their size"


def test_diverged_seeds_are_in_the_table_of_runs_only(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, status={1: "diverged", 3: "collapsed"})
    runs, accuracy, _ = collect("demo", [pack], tmp_path / "tables")
    assert [row["status"] for row in rows_of(runs)] == ["diverged", "done", "collapsed"]
    assert rows_of(runs)[0]["best_validation_accuracy"] == ""
    assert [row["seed"] for row in rows_of(accuracy)] == ["2", "3"]


def test_seeds_that_are_no_longer_asked_for_are_left_out(tmp_path: Path) -> None:
    pack = replace(write_pack(tmp_path), seeds=(2,))
    for path in collect("demo", [pack], tmp_path / "tables"):
        assert {row["seed"] for row in rows_of(path)} == {"2"}


def test_one_table_alone_reads_no_other_evaluation(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    (pack.pack / "results.csv").unlink()
    (runs,) = collect("demo", [pack], tmp_path / "tables", "runs")
    assert runs.name == "runs.csv"
    with pytest.raises(UserError, match=r"has 'by_scal'; did you mean 'by_scale'\?"):
        collect("demo", [pack], tmp_path / "tables", "by_scal")


def cut_short(path: Path) -> Iterator[int]:
    """Truncates a file at every length, longest first, and mends it in the end."""
    content = path.read_bytes()
    for length in reversed(range(len(content))):
        path.write_bytes(content[:length])
        yield length
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["run.json", "results.csv"])
def test_file_of_a_pack_that_is_cut_short_anywhere_is_named(tmp_path: Path, file: str) -> None:
    pack = write_pack(tmp_path, seeds=(1, 2))
    for length in cut_short(pack.pack / file):
        with pytest.raises(UserError) as caught:
            collect("demo", [pack], tmp_path / "tables")
        assert str(pack.pack / file) in str(caught.value), length
        assert AGAIN in str(caught.value), length
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"training_digest": "feed"},
            "digest 12345678, the param-file .* now has feed; .* retrain",
        ),
        ({"seeds": (1, 4, 5)}, r"run\.json holds no seed 4, 5; it holds .*; run `snakemake runs`"),
        (
            {"run": "xu/stir_emoji/demo"},
            r"results\.csv:2: holds results of standard/stir_emoji/demo",
        ),
        ({"evaluations": ("speed",)}, r"results\.csv: seed 1 has 0 rows of speed, not any"),
    ],
)
def test_pack_that_does_not_fit_its_param_file_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    pack = replace(write_pack(tmp_path), **change)
    with pytest.raises(UserError, match=message):
        collect("demo", [pack], tmp_path / "tables")


def test_altered_cells_are_refused_with_their_line(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    path = pack.pack / "results.csv"
    content = path.read_text()
    for old, new in ((",108\n", ",many\n"), (",108\n", ",108,9\n"), ("0.3333", "0,3333")):
        path.write_text(content.replace(old, new, 1))
        with pytest.raises(UserError, match=r"results\.csv:\d+: truncated or damaged"):
            collect("demo", [pack], tmp_path / "tables")
    path.write_text(content + content.splitlines()[-1] + "\n")
    with pytest.raises(UserError, match="seed 3 has 4 rows of by_scale, not 3"):
        collect("demo", [pack], tmp_path / "tables")


def test_unknown_status_is_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, status={2: "resting"})
    with pytest.raises(
        UserError, match="seed 2 has status 'resting', not done, diverged, collapsed"
    ):
        collect("demo", [pack], tmp_path / "tables")


def test_mistakes_of_all_packs_are_said_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    packs = [write_pack(tmp_path, run) for run in ("a/stir/x", "b/stir/x", "c/stir/x")]
    (packs[0].pack / "results.csv").unlink()
    (packs[2].pack / "run.json").unlink()
    with pytest.raises(UserError) as caught:
        collect("demo", packs, tmp_path / "tables")
    first, second = caught.value.sentences
    assert (
        first == f"{packs[0].pack / 'results.csv'} is not there; run `snakemake tables` to evaluate"
    )
    assert second.startswith(f"{packs[2].pack / 'run.json'} is not there; run `snakemake runs`")
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("key", ["device", "epochs", "seconds_per_epoch_mean"])
def test_a_seed_of_which_something_is_not_known_is_named(tmp_path: Path, key: str) -> None:
    pack = write_pack(tmp_path)
    said = json.loads((pack.pack / "run.json").read_text())
    del said["seeds"][1][key]
    (pack.pack / "run.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match=rf"run\.json is truncated .*seed 2 has no {key}\); delete"):
        collect("demo", [pack], tmp_path / "tables")


def test_group_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run belongs to shift"):
        collect("shift", [], tmp_path)


def test_seed_in_two_packs_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    with pytest.raises(ValueError, match="given in two packs"):
        collect("demo", [pack, pack], tmp_path / "tables")


def test_tables_read_back_as_they_were_written(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, status={1: "diverged"})
    runs, _, by_scale = collect("demo", [pack], tmp_path / "tables")
    table = read_table(runs, {**RUN_COLUMNS, "training.epochs": "number"})
    assert list(table["training_digest"]) == [DIGEST] * 3, "a digest of digits stays a word"
    assert list(table["best_epoch"].isna()) == [True, False, False]
    assert list(table["dataset.scenario"]) == ["mid2rest"] * 3
    table = read_table(by_scale, {**RESULT_COLUMNS, "scale": "number"})
    assert list(table["scale"]) == [17, 18, 19] * 2
    assert list(table["value"]) == pytest.approx(list(VALUES.values()) * 2, rel=1e-15)


def test_table_that_is_cut_short_is_named(tmp_path: Path) -> None:
    _, accuracy, _ = collect("demo", [write_pack(tmp_path)], tmp_path / "tables")
    whole_lines = {0}
    for line in accuracy.read_bytes().splitlines(keepends=True):
        whole_lines.add(max(whole_lines) + len(line))
    for length in cut_short(accuracy):
        if length in whole_lines and length > min(whole_lines - {0}):
            continue  # a table of fewer rows, which nothing tells from a whole one
        with pytest.raises(UserError, match=r"accuracy\.csv.* run `snakemake tables`"):
            read_table(accuracy, RESULT_COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there"),
        ("", "is empty"),
        ("run,value\n", "is empty"),
        ("run,status,value\na,left out,\n", "has only seeds that were left out"),
        ("run,n\na,1\n", "has no column value"),
        ("run,value\na,1\nb\n", "is truncated"),
        ("run,value\na,1\nb,2", "is truncated"),
        ('run,value\n"a,1\n', "damaged"),
        ("run,value\na,much\n", "column value holds more than numbers"),
    ],
)
def test_bad_table_is_named_with_its_remedy(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=rf"table\.csv.*{message}.*; restore it"):
        read_table(path, {"run": "text", "value": "number"}, "restore it")


def test_behind_a_pack_all_of_whose_seeds_are_left_out_the_others_are_collected(
    tmp_path: Path,
) -> None:
    empty = replace(write_pack(tmp_path, seeds=(4, 5)), seeds=())
    collect("scale", [empty, write_pack(tmp_path)], tmp_path / "tables")
    with (tmp_path / "tables" / "runs.csv").open(newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["1", "2", "3"]


LINE = "accuracy,a/b/c,base,01,accuracy,0.50,036"
COLUMNS = "evaluation,run,point,seed,metric,value,n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, " is not there; run `snakemake tables` to evaluate"),
        (b"\xff", " is damaged ('utf-8' codec can't decode byte 0xff"),
        (f"{COLUMNS}\n{LINE}".encode(), " is truncated; "),
        (f"{COLUMNS}\n{LINE}\n{LINE},8\n".encode(), ":3: truncated or damaged ("),
        (f"{COLUMNS}\n{LINE[:-3]}x\n".encode(), ":2: truncated or damaged (invalid literal"),
        (f"{COLUMNS[11:]}\n{LINE[9:]}\n".encode(), " has no column evaluation; "),
    ],
)
def test_damaged_results_are_named_with_their_line(tmp_path, content, said):
    path = tmp_path / "results.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        list(_read_rows(path))
    assert refused.value.sentences[0].startswith(f"{path}{said}")


def test_numbers_of_results_are_in_their_shortest_form(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(f"{COLUMNS}\n{LINE}\naccuracy,a/b/c,base,,loss,1e1,7\n")
    (one, first), (other, second) = _read_rows(path)
    assert (one, other) == (2, 3)
    assert [first[key] for key in ("seed", "value", "n")] == ["1", "0.5", "36"]
    assert [second[key] for key in ("seed", "value", "n")] == ["", "10.0", "7"]
