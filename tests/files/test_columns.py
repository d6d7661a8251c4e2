"""Which columns a table must have, and what each of them may hold."""

from pathlib import Path

import pytest

from isotrope.errors import UserError
from isotrope.files import tables
from isotrope.files.tables import read_table

ROOT = Path(__file__).parents[2]
RUNS = (
    "run,point,seed,study,series,label,source,model,dataset,status,origin,epochs,best_epoch,"
    "best_validation_accuracy,seconds_per_epoch_last,seconds_per_epoch_mean,peak_memory_mb,device,"
    "training_digest"
)
KINDS = {
    "RUN_COLUMNS": RUNS,
    "RESULT_COLUMNS": "run,point,seed,metric,value,n",
    "SELECTION_COLUMNS": "run,point,statistic,value,n,chosen",
    "PUBLISHED_COLUMNS": "study,table,model,dataset,setting,metric,value,spread,n,source",
}
NUMBERS = {
    *("seed", "value", "spread", "n", "epochs", "best_epoch", "best_validation_accuracy"),
    *("seconds_per_epoch_last", "seconds_per_epoch_mean", "peak_memory_mb"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_read_with_its_columns_and_refused_without_any_of_them(kind, tmp_path):
    columns, path = KINDS[kind].split(","), tmp_path / "table.csv"
    path.write_text(f"{KINDS[kind]}\n{','.join('7' for _ in columns)}\n")
    (row,) = read_table(path, getattr(tables, kind)).to_dict("records")
    assert row == {column: 7 if column in NUMBERS else "7" for column in columns}

    for lost in columns:
        others = [column for column in columns if column != lost]
        path.write_text(f"{','.join(others)}\n{','.join('7' for _ in others)}\n")
        with pytest.raises(UserError, match=f"has no column {lost}; run `snakemake tables`"):
            read_table(path, getattr(tables, kind))


@pytest.mark.parametrize(
    ("kind", "column", "held"),
    [
        ("RUN_COLUMNS", "seed", "1.5"),
        ("RUN_COLUMNS", "seed", ""),
        ("RESULT_COLUMNS", "n", "-1"),
        ("RESULT_COLUMNS", "n", "9223372036854775808"),
        ("RESULT_COLUMNS", "value", "many"),
        ("PUBLISHED_COLUMNS", "spread", "True"),
    ],
)
def test_what_is_no_number_or_no_count_is_refused(kind, column, held, tmp_path):
    columns, path = KINDS[kind].split(","), tmp_path / "table.csv"
    path.write_text(f"{KINDS[kind]}\n{','.join(held if c == column else '7' for c in columns)}\n")
    with pytest.raises(UserError, match=f"column {column} holds more than"):
        read_table(path, getattr(tables, kind))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "workflow/published").glob("*.csv")), ids=lambda path: path.stem
)
def test_published_tables_have_the_columns(path):
    assert list(read_table(path, tables.PUBLISHED_COLUMNS))[:10] == [*tables.PUBLISHED_COLUMNS]
