"""What is no regular file is refused at once, and whoever reads a file asks for that."""

import ast
import socket
import stat
from pathlib import Path

import pytest
from altered_files import pipe_at

import isotrope
from isotrope.errors import of_the_system
from isotrope.files import regular

PACKAGE = Path(isotrope.__file__).parent
READERS = (regular.read_bytes, regular.read_text, regular.open_bytes, regular.open_text)


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_refused_at_once(tmp_path, read):
    pipe = tmp_path / "pipe"
    named = pytest.raises(OSError, match="Is a named pipe, not a file")
    with pipe_at(pipe), named as error:
        read(pipe)
    assert of_the_system(error.value).sentences == (
        f"{pipe}: is a named pipe, not a file; move it away and start again",
    )


@pytest.mark.parametrize("read", READERS)
def test_sockets_devices_folders_and_links_to_themselves_are_named(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    (tmp_path / "link").symlink_to("link")
    for path, kind, said in (
        ("socket", OSError, "Is a socket, not a file"),
        ("/dev/null", OSError, "Is a device, not a file"),
        (".", IsADirectoryError, "Is a directory"),
        ("link", OSError, "Too many levels"),
        ("nothing", FileNotFoundError, "No such file"),
    ):
        with pytest.raises(kind, match=said):
            read(Path(path))


def test_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / "file").write_bytes("ü\r\nb".encode())
    (tmp_path / "link").symlink_to("file")
    assert regular.read_bytes(tmp_path / "link") == "ü\r\nb".encode()
    assert regular.read_text(tmp_path / "link") == "ü\nb"
    with regular.open_text(tmp_path / "file", newline="", encoding="latin-1") as file:
        assert file.read() == "ü\r\nb".encode().decode("latin-1")
    assert regular.kind_of(stat.S_IFREG | 0o644) == ""


# what is below `files`, and what reads files that were listed as files, or compared with a manifest
OTHERS = (
    *("layers", "registry.py", "processes/process.py"),
    *("data", "datasets/archived_files.py", "datasets/file_index.py"),
)


def readings(tree):
    """The lines where a path is read or opened without asking what it leads to."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, name = node.func.value, node.func.attr
        if isinstance(owner, ast.Name) and owner.id == "regular":
            continue
        if "resources" in ast.unparse(owner):  # of the package itself
            continue
        given = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "mode")]
        modes = [one.value for one in given if isinstance(one, ast.Constant)]
        opens = name == "open" and len(modes) == len(given) and not set("wax") & set(*modes[:1])
        on_file = any(one.arg == "fileobj" for one in node.keywords)
        if name in ("read_bytes", "read_text") or (opens and not on_file):
            yield node.lineno


def test_files_are_read_through_regular_alone():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).as_posix()
        if not any(inside == one or inside.startswith(f"{one}/") for one in OTHERS):
            lines = readings(ast.parse(path.read_text(encoding="utf-8")))
            found += [f"{inside}:{line}" for line in lines]
    assert found == [], "read them by `isotrope.files.regular`"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path.read_text()", True),
        ("(folder / 'a').read_bytes()", True),
        ("path.open()", True),
        ("path.open('rb')", True),
        ("path.open(mode='r', encoding='utf-8')", True),
        ("path.open('ab')", False),
        ("archive.open(member)", False),
        ("regular.read_text(path)", False),
    ],
)
def test_the_search_finds_what_it_is_to_find(source, found):
    assert bool(list(readings(ast.parse(source)))) is found
