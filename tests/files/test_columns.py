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


HEAD = "run,point,seed,metric,value,n"
ROW = "a/b/c,base,1,accuracy,0.5,36"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{HEAD}\n{ROW}".encode(), " is truncated or damaged; do this"),
        (f"{HEAD}\n{ROW}\n{ROW[:-3]}\n".encode(), " is truncated or damaged; do this"),
        (f"{HEAD}\n{ROW},7\n".encode(), " is truncated or damaged; do this"),
        (f"{HEAD}\n".encode(), " is empty; do this"),
        (b"", " is empty; do this"),
        (f'{HEAD}\n{ROW}\n"a'.encode(), ":3: damaged (unexpected end of data); do this"),
        (b"\xff\xfe", " is damaged ('utf-8' codec can't decode byte 0xff in position 0: "),
        (f"{HEAD},status\n{ROW},left out\n".encode(), " has only seeds that were left out, see"),
        (f"{HEAD[4:]}\n{ROW[6:]}\n".encode(), " has no column run; do this"),
    ],
)
def test_a_damaged_table_is_named_with_what_is_wrong_and_the_way_out(content, said, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        read_table(path, tables.RESULT_COLUMNS, "do this")
    (sentence,) = refused.value.sentences
    assert sentence.startswith(f"{path}{said}")


def test_rows_that_are_left_out_are_counted_and_the_others_read(tmp_path):
    path = tmp_path / "table.csv"
    others = (
        f"{ROW.replace('base,1', 'base,2')},left out\n{ROW.replace('base,1', 'x,3')},left out\n"
    )
    path.write_text(f"{HEAD},status\n{ROW},done\n{others}{others}")
    assert read_table(path, tables.RESULT_COLUMNS)["seed"].tolist() == [1]
    assert tables.left_out(path) == {("a/b/c", "base"): 2, ("a/b/c", "x"): 2}


@pytest.mark.parametrize("known", [True, False])
def test_the_column_of_code_is_there_where_it_is_wanted(known, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"{HEAD},code\n{ROW},same\n" if known else f"{HEAD}\n{ROW}\n")
    assert "code" not in read_table(path, tables.RESULT_COLUMNS)
    wanted = read_table(path, tables.RESULT_COLUMNS, with_code=True)
    assert wanted["code"].tolist() == ["same" if known else ""]
