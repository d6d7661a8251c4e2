"""Damaged files under every command: it works without them, or says so with status 2."""

import random
import re
from pathlib import Path

import pytest
from altered_files import MARK, damage
from finished_project import CHOSEN, LABEL, PLAIN, call, restore, sound

ONE, TWO = f"param-files/{PLAIN}.yaml", f"param-files/{CHOSEN}.yaml"
CPU = ("--device", "cpu")
CALLS = (
    ("compare", "scale", "--series", "own", "--csv", "cells.csv", "--markdown", "cells.md"),
    *(("collect", "scale"), ("typeset", "accuracy", "--group", "scale"), ("summarize", "scale")),
    *(("draw", "accuracy", "--group", "scale"), ("report",), ("export", "x", "--as", "published")),
    *(("keep", "tiny/*/*", "--why", "x"), ("cost",), ("submit", "*/*/*", "--dry-run")),
    *(("status",), ("status", "--json", "--all"), ("status", "--packs"), ("check",)),
    *(("ship", ONE, "1"), ("ship", TWO, "2", "--point", "selected"), ("choose", TWO)),
    *(("track", "tensorboard"), ("sample", "scale", "out/data/stripes/size=12.manifest.json")),
    *(("evaluate", ONE, *CPU), ("evaluate", TWO, "--point", "selected", *CPU)),
    *(("train", ONE, *CPU), ("train", TWO, "--point", "selected", *CPU)),
    ("build", "stripes", "--key", "size=12"),
)
CASES = 120
AT_ONCE = 30  # cases of a test
USED = re.compile(rf"(?<!\d)({re.escape(MARK[:5])}|86\.4)")  # as a fraction, and in percent


def contents():
    return {path: path.read_bytes() for path in sorted(Path().rglob("*")) if is_file(path)}


def is_file(path):
    return path.is_file() and not path.is_symlink()


@pytest.mark.parametrize("first", range(0, CASES, AT_ONCE))
def test_nothing_that_was_altered_is_used(project, first):
    copy, folder = project
    sound_rows = {
        path.name: set(path.read_text().splitlines())
        for path in Path("out/tables/scale").glob("*.csv")
    }
    for number in range(first, first + AT_ONCE):
        chance = random.Random(number)
        words = chance.choice(CALLS)
        files = [path for path, content in contents().items() if path.parts[0] == "out" and content]
        files = [path for path in files if path.suffix != ".log"]
        target = chance.choice(files)
        what = damage(target, number, files)
        before = contents()

        outcome = call(*words)

        sound(outcome)
        assert list(copy.parent.iterdir()) == [copy], (what, outcome)
        after = contents()
        written = [path for path in after if after[path] != before.get(path) and path != target]
        for path in written:
            text = after[path].decode("utf-8", "replace")
            assert not USED.search(text), (what, path, outcome)
            if path.parent == Path("out/tables/scale") and path.suffix == ".csv":
                kept = {line for line in text.splitlines() if ",left out," not in line}
                assert kept <= sound_rows[path.name], (what, path, outcome)
        # a sentence may show what it found in the file that it names
        unwrapped = re.sub(r"\n +", " ", outcome.out).splitlines()
        said = "".join(line for line in unwrapped if str(target) not in line)
        assert not USED.search(said), (what, outcome)
        restore(copy, folder)


def test_a_label_is_a_label_in_every_medium(project):
    """In HTML, LaTeX, SVG and tables: it is seen as it was written, and nothing more."""
    for page in ("out/report.html", "out/tables/scale/summary.html"):
        text = Path(page).read_text()
        assert "<b>&amp;amp;" not in text
        assert "<script" not in text
    assert "&lt;b&gt;&amp;amp;&lt;/<wbr>b&gt; |" in Path("out/report.html").read_text()
    tex = Path("out/figures/scale/accuracy.tex").read_text()
    for sign in (r"\textbackslash", r"\$x", r"\%\_\#", r"\&amp;"):
        assert sign in tex
    assert "&lt;b&gt;" in Path("out/figures/scale/accuracy.svg").read_text()
    assert LABEL in Path("out/tables/scale/runs.csv").read_text()
