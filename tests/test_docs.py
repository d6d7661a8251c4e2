"""What README and guides say of the project is there: files, links, commands, keys, the drawing."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from isotrope import registry

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")],
)
PACKAGE = ROOT / "src" / "isotrope"
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
PLACEHOLDERS = re.compile(r"NAME|FORM|rotation|[<{*$]|\.\.\.|mine|theirs")


def headings(page):
    """The anchors that GitHub makes of a page's headings."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        assert not anchor or anchor in headings(found), target


@pytest.mark.parametrize("name", NAMES)
def test_modules_and_files_that_are_named_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for word in re.findall(r"`([\w./-]+\.(?:py|smk|md|yaml|yml))`", text):
        if "/" not in word or PLACEHOLDERS.search(word) or word.startswith(("out/", "plugins/")):
            continue
        places = (ROOT, PACKAGE, PACKAGE / "training", ROOT / "profiles")
        assert any((place / word).exists() for place in places), word


@pytest.mark.parametrize("name", NAMES)
def test_commands_that_are_named_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    typed = registered_commands()
    for command in re.findall(r"(?:^|`)(?:\s*)isotrope ([a-z][a-z-]*)", text, re.MULTILINE):
        assert command in typed, command
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE):
        assert target in targets, target


def registered_commands():
    done = subprocess.run(
        [sys.executable, "-m", "isotrope.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^│ ([a-z-]+) ", done.stdout, re.MULTILINE))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_no_entry_of_the_changelog_stands_twice():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = [" ".join(one.split()) for one in re.split(r"\n(?=- |\n|#)", text) if "- " in one]
    assert [one for one in set(entries) if entries.count(one) > 1] == []


def test_every_guide_is_linked_from_another_page():
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    for guide in (ROOT / "docs").glob("*.md"):
        assert any(guide.name in text for page, text in texts.items() if page != guide), guide.name


def test_the_param_file_in_the_readme_is_in_order(param_files):
    from isotrope.params.param_file import read_run

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = param_files / "pixel_pool/stir_emoji/mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(block)

    assert [point.name for point in read_run(path).points] == [
        "learning_rate=0.01",
        "learning_rate=0.001",
    ]


def test_the_python_in_the_readme_imports_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    imports = [
        node for node in ast.parse(block).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    exec(compile(ast.Module(imports, []), "README.md", "exec"), {})


@pytest.mark.parametrize("guide", ["glimpse", "log_polar", "scattering", "shift"])
def test_shapes_in_a_guide_are_those_that_come_out(guide):
    text = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    shapes = []
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        found = {}
        exec(block, found)
        said = re.findall(r"^(\w+) = .*# (\([\d, ]+\))", block, re.MULTILINE)
        for name, shape in said:
            assert tuple(found[name].shape) == ast.literal_eval(shape), name
        shapes += said
    assert shapes


def test_the_answer_in_the_shift_guide_stays_when_the_images_move():
    text = (ROOT / "docs" / "shift.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    found = {}
    exec(block, found)
    assert (found["moved"] - found["logits"]).abs().max() < 1e-5


def test_augmentations_in_the_guide_are_those_there_are():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("| `augmentation:")]
    assert set(registry.names("augmentation")) == set(re.findall(r"`(\w+)`", line))


def test_rooms_are_drawn_as_they_are():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "draw_rooms.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run `python docs/draw_rooms.py`:\n{done.stdout}{done.stderr}"


def test_the_library_is_listed_as_it_is():
    program = runpy.run_path(str(ROOT / "docs" / "list_library.py"))
    listed = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert program["page"]() == listed, "run `python docs/list_library.py`"


def test_networks_are_drawn_as_they_are():
    program = runpy.run_path(str(ROOT / "docs" / "draw_architectures.py"))
    drawn = (ROOT / "docs" / "log_polar_architectures.svg").read_text(encoding="utf-8")
    assert program["drawing"]() == drawn, "run `python docs/draw_architectures.py`"


def test_every_room_says_its_purpose():
    for room in sorted(PACKAGE.glob("*/__init__.py")):
        assert ast.get_docstring(ast.parse(room.read_text(encoding="utf-8"))), room
