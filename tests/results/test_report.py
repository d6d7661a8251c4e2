"""The report: what it shows of tables and figures, whoever asked for them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
from test_tables import write_pack

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import checksums
from isotrope.results.report import write_report
from isotrope.results.style import add_foot, blank, new_figure, panels, save
from isotrope.results.tables import LeftOut, collect
from isotrope.results.verdict import failures
from isotrope.results.verifying import write_left_out

LIED_ABOUT = ("accuracy.svg", "parameters.csv")
PUBLISHED = """\
study,table,model,dataset,setting,metric,value,spread,n,source
scale,accuracy,standard,stir,scenario=mid2rest,accuracy,0.9,0.02,50,A paper
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with the tables of a study and of its demo, and nothing published."""
    monkeypatch.chdir(tmp_path)
    for group, series, status in (("scale-demo", "demo", {}), ("scale", "own", {2: "diverged"})):
        values = {17: 0.5, 18: 0.25} if group == "scale" else {17: 0.25, 18: 0.375}
        pack = write_pack(
            tmp_path / "runs" / group, f"standard/stir_emoji/{series}", (1, 2, 3), status, values
        )
        collect(group, [replace(pack, series=series)], paths.table_folder(group))
    return tmp_path


def figure(name, data, mark="", group="scale"):
    """A drawn figure with these numbers."""
    picture = new_figure(3.0, 1.0)
    picture.text(0, 0, mark)
    save(picture, pandas.DataFrame(data), paths.figure_folder(group) / name)


def entry_of(study, series):
    """What the report asks of a run in the index."""
    return SimpleNamespace(group=paths.group_of(study, series), series=series)


def page(runs=None, troubles=None, notes=()):
    return write_report(runs or {}, troubles or {}, notes).read_text(encoding="utf-8")


def words(html):
    """What a reader reads."""
    html = re.sub(r"<style.*?</style>|base64,[^']*", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_every_group_with_tables_is_in_it_with_its_main_numbers_in_percent():
    text = words(page())

    assert "scale" in text
    assert "Accuracy (%): mean over seeds" in text
    assert "Plain, small stir, mid2rest 75.0 2 1 diverged" in text
    assert "Plain, small stir, mid2rest 62.5 [62.5, 62.5] 3" in text
    assert "0.625" not in text
    assert "1 run (own), 3 seeds, 18 epochs each." in text
    assert "1 seed diverged (in no mean): standard/stir_emoji/own (1)." in text


def test_published_means_stand_beside_ours(project):
    path = project / paths.published("scale")
    path.parent.mkdir(parents=True)
    path.write_text(PUBLISHED)

    assert "62.5 [62.5, 62.5] 3 90.0 [89.4, 90.6], 50 seeds" in words(page())


def test_a_group_whose_tables_are_damaged_is_named_and_the_others_are_shown():
    table = paths.table_folder("scale") / "accuracy.csv"
    table.write_text(table.read_text()[:-9])

    text = words(page())

    assert "out/tables/scale/accuracy.csv was altered since it was collected" in text
    assert "62.5 [62.5, 62.5]" in text


def test_what_was_not_run_what_failed_and_what_is_wrong_is_said():
    entry = entry_of("scale", "published")
    text = words(
        page({"xu/stir_emoji/all": entry}, {"scale": ["Failed: a/b/c (no space)."]}, ["Mended?"])
    )

    assert "Not run of series published: 1 of 1: xu/stir_emoji/all." in text
    assert "Failed: a/b/c (no space)." in text
    assert "Mended?" in text


def test_groups_of_which_nothing_was_run_are_named_with_the_command():
    runs = {"x/y/z": entry_of("shift", "demo")}
    runs |= {f"x/y/{name}": entry_of("glimpse", "own") for name in ("one", "two")}
    text = words(page(runs))

    assert "shift-demo: 1 run; snakemake -n --config studies=shift series=demo says" in text
    assert "glimpse: 2 runs; snakemake -n --config studies=glimpse says" in text
    assert text.index("glimpse: 2 runs") < text.index("shift-demo: 1 run")


def test_a_figure_without_content_is_a_sentence_and_no_picture():
    why = "no network here <chooses> & " + "so on " * 30 + "ends"
    save(blank(why), pandas.DataFrame(columns=["a"]), paths.figure_folder("scale") / "accuracy")
    figure("parameters", {"a": [1]}, "one")

    html = page()

    assert html.count("data:image/svg+xml") == 2, "the other figure, at the head and below"
    assert f"accuracy: nothing to draw, {why}." in words(html).replace("&amp;", "&").replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def test_a_figure_that_was_altered_is_a_failure_and_its_files_are_not_shown():
    for name in ("accuracy", "parameters"):
        figure(name, {"a": [name]}, name)
        for file in paths.figure_folder("scale").glob(f"{name}.*"):
            with checksums.renewed(file):
                pass
    picture, numbers = (paths.figure_folder("scale") / one for one in LIED_ABOUT)
    picture.write_text(picture.read_text().replace("<svg", "<svg ", 1))
    numbers.write_text("a\n0.97\n")

    text = words(html := page())

    assert html.count("data:image/svg+xml") == 2, "the other figure, at the head and below"
    for file in (picture, numbers):
        assert f"{file} was altered since it was drawn; run isotrope draw" in text
        assert f"/{file.name}'" not in html
    assert "figures/scale/parameters.pdf'" in html


def test_figures_are_open_and_long_tables_wait_to_be_opened():
    figure("parameters", {"a": [1]}, "one")
    found = re.findall(r"<details( open)?><summary>([^<]*?)</summary>", page())
    parts = {title: bool(opened) for opened, title in found}
    assert parts["Figures (1)"]
    closed = ("Results, times and settings", "Tables for programs; accuracies are fractions of 1")
    assert [parts[title] for title in parts if title.startswith(closed)] == [False, False]


def test_a_figure_with_the_numbers_of_another_is_named_and_not_shown():
    figure("accuracy", {"a": [1]}, "one")
    figure("accuracy_distribution", {"a": [1]}, "other")
    figure("parameters", {"a": [2]}, "one")
    figure("scaling", {"a": [3]}, "another")

    text = words(page())

    assert "accuracy_distribution: shows the same numbers as accuracy here." in text
    assert "parameters: shows the same numbers as accuracy here." in text
    assert "scaling: shows" not in text
    assert "Figures (2)" in text


def test_a_figure_whose_numbers_were_altered_is_not_hidden_behind_another():
    figure("accuracy", {"a": [1]}, "one")
    figure("parameters", {"a": [2]}, "other")
    numbers = paths.figure_folder("scale") / "parameters.csv"
    with checksums.renewed(numbers):
        pass
    numbers.write_bytes(numbers.with_name("accuracy.csv").read_bytes())
    assert "Figures (2)" in words(page())


def test_it_opens_without_a_network_and_nothing_is_wider_than_its_box():
    figure("accuracy", {"a": [1]}, "one")
    html = page()

    assert 'src="http' not in html
    assert "src='http" not in html
    assert html.count("<table") == html.count("<div class='box'><table")
    assert html.count("<img") == html.count("<div class='box'><img") == 2
    assert "width=device-width" in html


def test_a_project_without_tables_is_told_what_to_do(project):
    (project / "out").rename(project / "elsewhere")
    with pytest.raises(UserError, match="run `snakemake tables`"):
        write_report({}, {})


def test_what_nothing_vouches_for_is_among_the_failures():
    folder = paths.table_folder("scale-demo")
    assert failures(folder) == []
    (folder / "left_out.json").write_text(
        '[{"run": "a/b/c", "point": "base", "pack": "p", "seed": 1, "table": "", "reason": "why"}]'
    )
    assert failures(folder)[0].startswith("Left out: ")


def test_what_was_left_out_cannot_be_made_less():
    folder = paths.table_folder("scale-demo")
    one, other = (LeftOut("a/b/c", "base", Path("p"), seed, "", "why") for seed in (1, 2))
    write_left_out([one, other], folder)
    assert len(failures(folder)) == 2
    path = folder / "left_out.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:1]))
    again = re.escape("run `isotrope collect scale-demo` to write it again")
    with pytest.raises(
        UserError, match=rf"left_out\.json was altered since it was written; {again}"
    ):
        failures(folder)
    path.unlink()
    with pytest.raises(UserError, match=rf"left_out\.json is gone; {again}"):
        failures(folder)
    write_left_out([], folder)
    assert failures(folder) == []


def test_on_a_phone_a_narrow_figure_fits_and_the_foot_of_a_wide_one_is_text():
    for name, width in (("accuracy", 3.3), ("tasks", 7.0)):
        picture = panels([("one",)], 1.0, ("", ""))[0]
        add_foot(picture, [], [f"Images: <{name}> & more.", "Measured: 3 seeds."])
        picture.set_size_inches(width, picture.get_size_inches()[1])
        save(picture, pandas.DataFrame({"a": [width]}), paths.figure_folder("scale") / name)
    html = page()

    assert "max-width: max(100%, var(--drawn))" in html
    assert {int(width) for width in re.findall(r"--drawn: (\d+)px", html)} == {317, 672}
    feet = set(re.findall("<p class='foot'>(.*?)</p>", html))
    assert feet == {"Images: &lt;tasks&gt; &amp; more. Measured: 3 seeds."}
