"""The page that shows a group's tables to people."""

import json
import re
from dataclasses import replace

import pytest
from test_tables import write_pack

from isotrope.results.summary import write_summary
from isotrope.results.tables import collect
from isotrope.results.verdict import failures


@pytest.fixture
def pack(tmp_path):
    """A pack of three seeds; its tables are not collected yet."""
    return write_pack(tmp_path / "runs")


def page(pack):
    """The page, without what is not text."""
    folder = pack.pack.parents[5] / "tables"
    collect("demo", [pack], folder)
    text = re.sub(r"<style.*?</style>", "", write_summary(folder).read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_the_page_holds_results_times_and_settings(pack):
    text = page(pack)

    for said in ("Results: mean over seeds", "Training: epochs", "Settings of each run"):
        assert said in text
    assert "demo base Plain, small 3 0 0 0" in text
    assert "accuracy: accuracy (%) 63.3 [63.3, 63.3] 3" in text
    assert "Which point" not in text


def test_the_page_shows_which_points_were_chosen(pack):
    table = pack.pack.parents[5] / "tables" / "selection.csv"
    table.parent.mkdir()
    table.write_text("run,point,statistic,value,n,chosen\nx/y/z,rate=1,median,0.75,5,true\n")

    assert "run point statistic value (%) n chosen x/ y/ z rate=1 median 75.0 5 true" in page(pack)


def test_the_page_counts_seeds_that_were_not_trained_here(pack):
    path = pack.pack / "run.json"
    said = json.loads(path.read_text())
    said["seeds"][0]["origin"] = "shipped"
    path.write_text(json.dumps(said))

    assert "diverged collapsed shipped" in page(pack)
    assert "demo base Plain, small 3 0 0 1" in page(pack)


def test_a_setting_that_all_have_in_common_stands_apart(tmp_path):
    packs = [
        replace(write_pack(tmp_path / "runs", run), parameters={"a": 1, "b": rate})
        for run, rate in (("x/y/one", 0.1), ("x/y/two", 0.2))
    ]
    collect("demo", packs, tmp_path / "tables")
    text = re.sub(r"<[^>]*>", " ", write_summary(tmp_path / "tables").read_text(encoding="utf-8"))

    assert "b: 0.1" in text
    assert "b: 0.2" in text
    assert "a: 1" not in text
    assert re.search(r"in common\..*a\s+1\s", text, re.DOTALL)


def test_whole_numbers_have_no_decimal_and_columns_without_a_value_are_left_out(tmp_path):
    packs = [
        replace(write_pack(tmp_path / "runs", run), parameters=settings, source="")
        for run, settings in (("x/y/one", {"depth": 5, "rate": 0.5}), ("x/y/two", {"rate": 2.0}))
    ]
    for one in packs:
        path = one.pack / "run.json"
        said = json.loads(path.read_text())
        for seed in said["seeds"]:
            seed["peak_memory_mb"] = None
        path.write_text(json.dumps(said))
    collect("demo", packs, tmp_path / "tables")
    text = write_summary(tmp_path / "tables").read_text(encoding="utf-8")

    heads = re.findall("<th>(.*?)</th>", text)
    assert "best epoch" in heads
    assert "memory (MB)" not in heads
    assert "images" not in heads
    assert "depth: 5; rate: 0.5" in text
    assert "rate: 2<" in text
    assert "<td class='value'>18</td>" in text
    assert "<td class='value'>12</td>" in text


def test_collapsed_seeds_are_said_to_be_judged_on_validation_images(tmp_path):
    pack = write_pack(tmp_path / "runs", status={2: "collapsed"})
    folder = tmp_path / "tables"
    collect("demo", [pack], folder)
    said = " ".join(write_summary(folder).read_text(encoding="utf-8").split())

    assert "which stayed at chance level on their validation images" in said
    fate = "stayed at chance level on their validation images, and in all means"
    assert failures(folder) == [f"1 seed collapsed ({fate}): standard/stir_emoji/demo (1)."]
