"""Results in the files of RAM-LPM's programs."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from glimpse_tables import DEMO, NETWORKS, write_glimpse_tables

from isotrope import paths
from isotrope.errors import UserError
from isotrope.studies.glimpse.export_original import _scalars, export, export_parts


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_last_line_of_a_log_tells_right_answers_accuracy_and_error(here: Path) -> None:
    write_glimpse_tables(paths.table_folder("glimpse"), NETWORKS, (1,))
    export("glimpse", here / "theirs")
    log = (here / "theirs/ram/mnist/deterministic/base/seed_1/run.log").read_text()
    assert log == "[*] Test Acc: 907/1000 (90.70% - 9.30%)\n"


def test_the_summary_has_a_row_for_each_number_of_draws(here: Path) -> None:
    write_glimpse_tables(paths.table_folder("glimpse"), NETWORKS, (1, 2))
    written = export("glimpse", here / "theirs")
    where = here / "theirs/ram_lpm/mnist/published/base/seed_2"
    summary = np.load(where / "summary.npy")
    assert summary.shape == (4, 20)
    rows = pandas.read_csv(paths.table_folder("glimpse") / "glimpses.csv")
    rows = rows[rows["run"].eq("ram_lpm/mnist/published") & rows["seed"].eq(2)]
    at = rows.set_index(["draws", "glimpses"])["value"]
    assert summary[2, 6] == pytest.approx(100 * at[10, 7])
    said = json.loads((where / "summary.json").read_text())
    assert said == {"draws": [1, 5, 10, 20], "glimpses": list(range(1, 21))}
    assert all(path.is_file() for path in written)
    assert not (here / "theirs/cnn/mnist/upright/base/seed_1/summary.npy").exists()


def test_seeds_that_diverged_have_no_files_and_nothing_is_written_that_is_not_asked(
    here: Path,
) -> None:
    folder = write_glimpse_tables(paths.table_folder("glimpse"), NETWORKS[:1], (1, 2))
    runs = pandas.read_csv(folder / "runs.csv")
    runs.loc[runs["seed"].eq(1), "status"] = "diverged"
    runs.to_csv(folder / "runs.csv", index=False)
    written = export("glimpse", here / "theirs")
    assert {path.parent.name for path in written} == {"seed_2"}
    assert len(written) == 3
    assert list(export_parts("glimpse", here, [], "cpu", 1)) == []


def test_losses_and_accuracies_are_listed_by_epoch() -> None:
    text = "seed,epoch,train_loss,train_accuracy,nll\n1,1,2.0,0.5,1\n1,2,1.0,0.75,1\n"
    assert _scalars(text) == {
        "train.loss": {"steps": [1, 2], "values": [2.0, 1.0]},
        "train.acc": {"steps": [1, 2], "values": [50.0, 75.0]},
    }


def test_a_history_without_an_epoch_has_no_numbers() -> None:
    assert _scalars("seed,epoch,train_loss,train_accuracy\n") == {}


def test_seeds_that_are_not_at_hand_and_absent_results_are_said(here: Path) -> None:
    folder = write_glimpse_tables(paths.table_folder("glimpse"), DEMO[:1], (1,))
    with pytest.raises(UserError, match="seed 1 is not at hand"):
        list(export_parts("glimpse", here, ["scalars"], "cpu", 1))
    for table in ("accuracy", "glimpses"):
        (folder / f"{table}.csv").unlink()
    with pytest.raises(UserError, match="no tested run is in the tables accuracy or glimpses"):
        export("glimpse", here / "theirs")
