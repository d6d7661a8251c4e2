"""The arrays beside a table: those of the best seed of each run and point."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_tables import write_pack

from isotrope.errors import UserError
from isotrope.files.arrays import read_arrays, write_arrays
from isotrope.files.disk import checksum
from isotrope.results.table_arrays import (
    best_seed,
    collect_arrays,
    collect_histories,
    collect_recordings,
)

ONE, TWO = "pixel_pool/stir_emoji/one", "pixel_pool/stir_emoji/two"


def pack_of(folder, run=ONE, seeds=(1, 2, 3), accuracy=None, validation=None, **options):
    """A pack with arrays that hold the seed, and with the given accuracies by seed."""
    pack = write_pack(folder, run, seeds, **options)
    rows = (pack.pack / "results.csv").read_text().splitlines()
    for i, row in enumerate(rows):
        cells = row.split(",")
        if cells[0] == "accuracy" and accuracy:
            cells[6] = str(accuracy[int(cells[3])])
            rows[i] = ",".join(cells)
    (pack.pack / "results.csv").write_text("\n".join(rows) + "\n")
    path = pack.pack / "run.json"
    said = json.loads(path.read_text())
    for seed in said["seeds"]:
        if validation:
            seed["best_validation_accuracy"] = validation[seed["seed"]]
    path.write_text(json.dumps(said))
    store = pack.pack.parent / ".evaluations" / "by_scale-cccc"
    for seed in seeds:
        write_arrays(
            store / f"{seed}.npz", [("maps", np.full((2, 2), seed)), ("scales", np.arange(3))]
        )
    return replace(pack, arrays={"by_scale": store})


def chosen(*packs):
    pack, seed = best_seed(packs)
    assert seed in pack.seeds
    return seed


def test_the_best_seed_has_the_highest_test_accuracy(tmp_path):
    pack = pack_of(
        tmp_path, accuracy={1: 0.5, 2: 0.75, 3: 0.6}, validation={1: 0.9, 2: 0.1, 3: 0.2}
    )
    assert chosen(pack) == 2


def test_of_equally_good_seeds_the_first_is_the_best_whatever_the_order_of_the_packs(tmp_path):
    low = pack_of(tmp_path, seeds=(1, 2, 3), accuracy={1: 0.5, 2: 0.75, 3: 0.75})
    high = pack_of(tmp_path, seeds=(4, 5, 10), accuracy={4: 0.75, 5: 0.1, 10: 0.75})
    assert chosen(low, high) == chosen(high, low) == 2


def test_without_a_table_of_accuracies_the_validation_accuracy_decides(tmp_path):
    pack = pack_of(
        tmp_path, accuracy={1: 0.5, 2: 0.75, 3: 0.6}, validation={1: 0.9, 2: 0.1, 3: 0.2}
    )
    assert chosen(replace(pack, evaluations=("by_scale",))) == 1


def test_of_masks_without_a_table_their_score_in_validation_decides(tmp_path):
    pack = pack_of(tmp_path, validation=dict.fromkeys((1, 2, 3)))
    path = pack.pack / "run.json"
    said = json.loads(path.read_text())
    for seed, reached in zip(said["seeds"], (0.2, 0.4, 0.3), strict=True):
        seed["best_validation_mean_iou"] = reached
    path.write_text(json.dumps(said))
    assert chosen(replace(pack, evaluations=("by_scale",))) == 2


def test_of_masks_the_mean_iou_decides(tmp_path):
    pack = pack_of(tmp_path, accuracy={1: 0.5, 2: float("nan"), 3: 0.6})
    path = pack.pack / "results.csv"
    text = path.read_text().replace("accuracy,pixel_pool", "segmentation,pixel_pool")
    path.write_text(text.replace(",accuracy,", ",mean_iou,"))
    assert chosen(replace(pack, evaluations=("segmentation", "by_scale"))) == 3


def test_a_pack_without_accuracies_lets_the_validation_decide_for_all(tmp_path):
    values = dict.fromkeys((1, 2, 3), 0.5)
    tested = pack_of(tmp_path, accuracy=dict.fromkeys((1, 2, 3), 1.0), validation=values)
    other = pack_of(tmp_path, seeds=(4, 5), validation={4: 0.6, 5: 0.7})
    assert chosen(tested, replace(other, evaluations=("by_scale",))) == 5


def test_a_diverged_seed_is_never_the_best(tmp_path):
    pack = pack_of(tmp_path, accuracy={1: 0.5, 2: 0.9, 3: 0.6}, status={2: "diverged"})
    assert chosen(pack) == 3
    every = pack_of(tmp_path / "all", status=dict.fromkeys((1, 2, 3), "diverged"))
    assert best_seed([every]) is None


def test_the_file_holds_the_best_seed_of_each_run_and_point(tmp_path):
    packs = [
        pack_of(tmp_path, ONE, (1, 2, 3), {1: 0.1, 2: 0.2, 3: 0.3}),
        pack_of(tmp_path, ONE, (4, 5), {4: 0.25, 5: 0.1}),
        replace(pack_of(tmp_path, TWO, (1, 2), {1: 0.2, 2: 0.1}), point="learning_rate=0.01"),
    ]
    # results of a chosen point name the point, whatever the folder
    results = packs[2].pack / "results.csv"
    results.write_text(results.read_text().replace(",base,", ",learning_rate=0.01,"))

    path = collect_arrays(packs, "by_scale", tmp_path / "tables")

    assert path == tmp_path / "tables" / "by_scale.npz"
    found = read_arrays(path, "")
    assert list(found) == [
        f"{place}/{name}"
        for place in (f"{ONE}/base", f"{TWO}/learning_rate=0.01")
        for name in ("seed", "maps", "scales")
    ]
    assert int(found[f"{ONE}/base/seed"]) == 3
    assert (found[f"{ONE}/base/maps"] == 3).all()
    assert int(found[f"{TWO}/learning_rate=0.01/seed"]) == 1
    first = path.read_bytes()
    collect_arrays(packs[::-1], "by_scale", tmp_path / "tables")
    assert path.read_bytes() == first, "the order of the packs changes nothing"


def test_a_run_whose_evaluation_is_not_up_to_date_is_left_out(tmp_path):
    stale = replace(pack_of(tmp_path, TWO), evaluations=("accuracy",))
    path = collect_arrays([pack_of(tmp_path), stale], "by_scale", tmp_path / "tables")
    assert {name.rpartition("/base/")[0] for name in read_arrays(path, "")} == {ONE}
    with pytest.raises(UserError, match="no finished run has arrays of 'by_scale'"):
        collect_arrays([stale], "by_scale", tmp_path / "tables")


@pytest.mark.parametrize("damage", ["absent", "truncated"])
def test_damaged_arrays_are_named_with_the_way_out_and_nothing_is_written(tmp_path, damage):
    pack = pack_of(tmp_path, accuracy={1: 0.5, 2: 0.9, 3: 0.6})
    path = pack.arrays["by_scale"] / "2.npz"
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"2\.npz is .*; delete .*results\.csv and run `snakemake"):
        collect_arrays([pack], "by_scale", tmp_path / "tables")
    assert not list((tmp_path / "tables").glob("*"))


def test_a_damaged_best_seed_leaves_out_its_run_alone_and_is_named(tmp_path):
    packs = [pack_of(tmp_path, one, accuracy={1: 0.5, 2: 0.9, 3: 0.6}) for one in (ONE, TWO)]
    (packs[0].arrays["by_scale"] / "2.npz").write_bytes(b"PK")
    lost = []

    path = collect_arrays(packs, "by_scale", tmp_path / "tables", lost.append)

    assert {name.rpartition("/base/")[0] for name in read_arrays(path, "")} == {TWO}
    (said,) = map(str, lost)
    assert said.startswith(f"{ONE}, base: seed 2 is left out of the table by_scale.npz: ")
    with pytest.raises(UserError, match=r"2\.npz is truncated"):
        collect_arrays(packs[:1], "by_scale", tmp_path / "again", lost.append)
    assert not list((tmp_path / "again").glob("*"))


def test_a_damaged_recording_or_history_leaves_out_its_seeds_alone(tmp_path):
    row = "{},1,2.5,,0.1"
    packs = [
        with_history(recorded(tmp_path / name, pack_of(tmp_path, run, seeds), seeds), rows)
        for name, run, seeds in (("a", ONE, (1, 2)), ("b", TWO, (3,)))
        for rows in [[row.format(seed) for seed in seeds]]
    ]
    packs[0].recordings[2].write_bytes(b"PK")
    history = packs[0].pack / "history.csv"
    history.write_text(history.read_text().replace("2.5", "0.5"))
    lost = []

    recordings = collect_recordings(packs, tmp_path / "tables", lost.append)
    histories = collect_histories(packs, tmp_path / "tables", lost.append)

    seeds = lambda path: {name.split("/")[4] for name in read_arrays(path, "")}  # noqa: E731
    assert (seeds(recordings), seeds(histories)) == ({"1", "3"}, {"3"})
    assert [(one.seed, one.table) for one in lost] == [
        (2, "recordings.npz"),
        (None, "histories.npz"),
    ]


def recorded(folder, pack, seeds):
    """The pack, of whose seeds these have recordings."""
    files = {seed: folder / f"{seed}.npz" for seed in seeds}
    for seed, file in files.items():
        arrays = [("epoch", np.arange(3)), ("theta", np.full((3, 4), seed))]
        write_arrays(file, [*arrays, ("gradient/a.weight", np.zeros((3, 2)))])
    return replace(pack, recordings=files)


def test_recordings_of_every_seed_stand_under_its_run_point_and_number(tmp_path):
    one = recorded(tmp_path / "a", pack_of(tmp_path, seeds=(1, 2, 3)), (1, 3))
    two = recorded(tmp_path / "b", pack_of(tmp_path, TWO, seeds=(2,)), (2,))

    path = collect_recordings([two, one], tmp_path / "tables")

    found = read_arrays(path, "")
    keys = [f"{run}/base/{seed}" for run, seed in ((ONE, 1), (ONE, 3), (TWO, 2))]
    names = ("epoch", "gradient/a.weight", "theta")
    assert list(found) == [f"{key}/{name}" for key in keys for name in names]
    assert (found[f"{ONE}/base/3/theta"] == 3).all()
    again = collect_recordings([one, two], tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


def test_without_any_recording_the_file_is_there_and_empty(tmp_path):
    path = collect_recordings([pack_of(tmp_path)], tmp_path / "tables")

    assert path.stat().st_size > 0
    assert read_arrays(path, "") == {}


def test_a_damaged_recording_is_named_with_what_mends_it(tmp_path):
    pack = recorded(tmp_path / "a", pack_of(tmp_path), (2,))
    pack.recordings[2].write_bytes(pack.recordings[2].read_bytes()[:-30])

    with pytest.raises(UserError, match=r"2\.npz is truncated or altered .* train the seed anew"):
        collect_recordings([pack], tmp_path / "tables")
    assert not (tmp_path / "tables/recordings.npz").exists()


def with_history(pack, rows):
    """The pack, whose history has these rows below its header."""
    text = "\n".join(["seed,epoch,train_loss,test_accuracy,train_seconds", *rows]) + "\n"
    (pack.pack / "history.csv").write_text(text)
    path = pack.pack / "run.json"
    said = json.loads(path.read_text())
    said["files"] = {"history.csv": checksum(text.encode())}
    path.write_text(json.dumps(said))
    return pack


def test_histories_of_every_seed_stand_under_its_run_point_and_number(tmp_path):
    rows = ["1,1,2.5,,0.1", "1,2,1.5,0.25,0.1", "2,1,nan,,0.1", "3,1,0.5,,0.1"]
    one = replace(with_history(pack_of(tmp_path, seeds=(1, 2, 3)), rows), seeds=(1, 2))
    two = with_history(pack_of(tmp_path, TWO, seeds=(10,)), ["10,1,0.75,0.5,0.1"])

    path = collect_histories([two, one], tmp_path / "tables")

    found = read_arrays(path, "")
    keys = [f"{run}/base/{seed}" for run, seed in ((ONE, 1), (ONE, 2), (TWO, 10))]
    names = ("epoch", "train_loss", "test_accuracy", "train_seconds")
    assert list(found) == [f"{key}/{name}" for key in keys for name in names]
    assert found[f"{ONE}/base/1/train_loss"].tolist() == [2.5, 1.5]
    assert np.isnan(found[f"{ONE}/base/1/test_accuracy"]).tolist() == [True, False]
    assert np.isnan(found[f"{ONE}/base/2/train_loss"]).all()
    again = collect_histories([one, two], tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


def test_a_damaged_history_is_named_with_what_mends_it(tmp_path):
    pack = with_history(pack_of(tmp_path), ["1,1,2.5,,0.1"])
    path = pack.pack / "history.csv"
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.raises(UserError, match=r"history\.csv is truncated or altered .*snakemake runs"):
        collect_histories([pack], tmp_path / "tables")
    assert not (tmp_path / "tables/histories.npz").exists()


def test_behind_a_damaged_recording_those_of_later_seeds_are_collected(tmp_path):
    pack = recorded(tmp_path / "a", pack_of(tmp_path), (1, 3))
    pack.recordings[1].write_bytes(pack.recordings[1].read_bytes()[:-30])
    lost = []
    found = read_arrays(collect_recordings([pack], tmp_path / "tables", lost.append), "")
    assert [one.seed for one in lost] == [1]
    assert {name.split("/")[4] for name in found} == {"3"}
