"""Parts of pages as HTML, letter by letter; what figures take from tables, and typeset numbers."""

from types import SimpleNamespace

import pandas
import pytest

from isotrope.errors import UserError
from isotrope.files.code_column import STATES
from isotrope.results import drawing, page


def test_a_page_has_its_title_and_parts():
    found = page.page("A <title>", ["<p>one</p>", "<p>two</p>"])
    head, _, body = found.partition("</style></head><body>\n")
    assert head.startswith("<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>")
    assert "<title>A &lt;title&gt;</title><style>\n:root {color-scheme: light}\n" in head
    assert body == "<p>one</p>\n<p>two</p>\n</body></html>\n"


def test_a_table_leaves_out_columns_without_values_and_breaks_words_alone():
    rows = [("a/b & c", 0.5, "", "7 seeds"), ("x", "", "", "1" * 40)]
    assert page.table(["name", "mean <sd>", "none", "seeds"], rows, "A & b.") == (
        "<div class='box'><table><caption>A &amp; b.</caption>"
        "<thead><tr><th>name</th><th>mean &lt;sd&gt;</th><th>seeds</th></tr></thead><tbody>\n"
        "<tr><td>a/<wbr>b &amp; c</td><td class='value'>0.5</td>"
        "<td class='value'>7 seeds</td></tr>\n"
        f"<tr><td>x</td><td></td><td>{'1' * 40}</td></tr>\n"
        "</tbody></table></div>"
    )
    assert page.table(["name"], [], "nothing") == ""
    assert f"<td class='value'>{'1' * 39}</td>" in page.table(["n"], [["1" * 39]], "")


def test_sentences_are_a_list_and_commands_stand_out():
    assert page.items([]) == ""
    assert page.items(["run `a <b>` or `c`", 7]) == (
        "<ul><li>run <code>a &lt;b&gt;</code> or <code>c</code></li><li>7</li></ul>"
    )


def test_parts_are_folded_unless_they_are_all_empty():
    assert page.folded("A & b", ["", "<p>x</p>", "", "<p>y</p>"]) == (
        "<details><summary>A &amp; b</summary>\n<p>x</p>\n<p>y</p>\n</details>"
    )
    assert page.folded("A", ["x"], shown=True).startswith("<details open><summary>A")
    assert page.folded("A", ["", ""]) == page.folded("A", [], shown=True) == ""


def frame(*codes, seeds=(1, 2, 3), **more):
    rows = {"run": "a/b/c", "point": "base", "seed": list(seeds), "code": list(codes), **more}
    return pandas.DataFrame(rows)


def test_of_each_seed_the_code_that_tells_most_stands_in_the_table_of_runs():
    least, *_, most = STATES
    frames = {
        "runs": frame(least, "", most, label="Plain"),
        "accuracy": frame("", "", least, value=0.5),
        "rotation": frame(most, seeds=[1], value=0.5),
    }
    found = drawing.code_in_runs(frames)
    assert found["runs"]["code"].tolist() == [most, "", most]
    assert found["runs"]["label"].tolist() == ["Plain"] * 3
    assert sorted(found) == ["accuracy", "rotation", "runs"]
    assert "code" not in found["accuracy"]
    assert "code" not in found["rotation"]
    without = drawing.code_in_runs({"accuracy": frames["accuracy"]})
    assert [*without["accuracy"]] == ["run", "point", "seed", "value"]


@pytest.fixture
def typeset(tmp_path, monkeypatch):
    """Typesets numbers by a figure's module that may be changed."""
    monkeypatch.chdir(tmp_path)
    module = SimpleNamespace(LATEX=True, DATA={"value": "number"})
    module.latex = lambda data, cells: f"{data['value'].sum():g} of {[*data['place']]}\n"
    monkeypatch.setattr(drawing, "StudyFigures", lambda study: SimpleNamespace(kind=lambda f: f))
    monkeypatch.setattr(drawing.registry, "load", lambda kind, name: module)
    cells = SimpleNamespace(panel=["place"])
    monkeypatch.setattr(drawing, "cells_of", lambda study: cells)
    data, output = tmp_path / "scale" / "f.csv", tmp_path / "f.tex"
    data.parent.mkdir()

    def run(text):
        if text is not None:
            data.write_text(text)
        assert drawing.typeset_figure("scale", "f", data, output) == output
        return output.read_text()

    return run, module, data


def test_numbers_are_typeset_by_the_figures_module_or_said_to_be_none(typeset):
    run, module, data = typeset
    assert run("place,value\n07,1.5\n8,2\n") == "3.5 of ['07', '8']\n"
    assert run("place,value\n") == "% f: nothing of scale to show\n"
    for cut in ("place,value", "place,value\na,1"):
        with pytest.raises(UserError, match=r"f\.csv .*run `isotrope draw f --group scale`"):
            run(cut)
    data.unlink()
    with pytest.raises(
        UserError, match=r"f\.csv is not there; run `isotrope draw f --group scale`"
    ):
        run(None)
    module.LATEX = False
    with pytest.raises(UserError, match=r"^the figure f has no table in LaTeX; its numbers are in"):
        run("place,value\na,1\n")
