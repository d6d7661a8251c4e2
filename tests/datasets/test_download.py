"""Downloads from a web server on this machine, which misbehaves."""

import hashlib
import socket
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from altered_files import pipe_at
from web_server import cut, once, silent, status, web_server, whole

from isotrope import paths
from isotrope.datasets import download as downloading
from isotrope.datasets import sources
from isotrope.datasets.download import download
from isotrope.errors import UserError

CONTENT = bytes(range(256)) * 4000  # a million bytes: several chunks
OTHER = CONTENT[:-1] + b"x"
PATH = paths.download("toy", "a.npz")
PART = PATH.with_name(".a.npz.part")


@pytest.fixture(scope="module")
def server():
    with web_server() as web:
        yield web


@pytest.fixture
def web(server, tmp_path, monkeypatch):
    """The server with no pages yet; nothing is waited for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(downloading, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(downloading, "READ_SECONDS", 5.0)
    server.pages.clear()
    server.asked.clear()
    return server


def pin(*urls, mirrors=(), content=CONTENT):
    md5 = hashlib.md5(content).hexdigest()
    entry = sources.PinnedFile(size=len(content), md5=md5, urls=list(urls))
    found = sources.Sources(zenodo=1, version=2, mirrors=list(mirrors), files={"a.npz": entry})
    sources.write("toy", found)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_file_is_fetched_whole_and_nothing_else_is_left(web):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    assert download("toy", "a.npz") == PATH
    assert PATH.read_bytes() == CONTENT
    assert [path.name for path in PATH.parent.iterdir()] == ["a.npz"]


def test_a_pipe_in_the_place_of_a_part_is_said(web):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    with pipe_at(PART), pytest.raises(UserError, match="is a named pipe, not a file"):
        download("toy", "a.npz")
    assert web.asked == []


def test_a_file_that_is_there_is_not_fetched_again_and_a_wrong_one_is(web):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    PATH.parent.mkdir(parents=True)
    PATH.write_bytes(CONTENT)
    download("toy", "a.npz")
    assert web.asked == []
    PATH.write_bytes(OTHER)
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT


def test_redirections_are_followed(web):
    web.pages |= {"/a": status(302, Location=web.url("/b")), "/b": status(301, Location="/c")}
    web.pages["/c"] = CONTENT
    pin(web.url("/a"))
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "first",
    [
        status(404),
        status(403),
        status(500),
        status(503),
        whole(OTHER),
        whole(CONTENT + b"more"),
        whole(CONTENT[:-7]),
        whole(b""),
        cut(CONTENT, 0),
        cut(CONTENT, 300_000, ranges=False),
        cut(CONTENT, 300_000, says_length=False, ranges=False),
        status(302, Location="/a"),
    ],
    ids=[
        *("absent", "forbidden", "failing", "busy", "another", "longer", "shorter", "empty"),
        *("broken", "cut", "cut unsaid", "redirected to itself"),
    ],
)
def test_the_next_url_is_tried_after_one_that_fails(web, first):
    web.pages |= {"/a": first, "/b": CONTENT}
    pin(web.url("/a"), web.url("/b"))
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT
    assert [path.name for path in PATH.parent.iterdir()] == ["a.npz"]


def test_mirrors_come_after_the_urls_in_order(web):
    web.pages["/there/a.npz"] = CONTENT
    pin(web.url("/a"), mirrors=[web.url("/here/"), web.url("/there")])
    download("toy", "a.npz")
    assert [path for path, _ in web.asked] == ["/a", "/here/a.npz", "/there/a.npz"]


def test_a_busy_server_is_asked_again(web):
    web.pages["/a"] = once(status(503), whole(CONTENT))
    pin(web.url("/a"))
    download("toy", "a.npz")
    assert [path for path, _ in web.asked] == ["/a", "/a"]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(web):
    web.pages["/a"] = cut(CONTENT, 400_000)
    pin(web.url("/a"))
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT
    starts = [int(asked.strip("bytes=-")) for _, asked in web.asked if asked]
    assert len(starts) >= 2
    assert starts == sorted(set(starts))
    assert starts[0] > 400_000 - downloading.CHUNK


def test_a_later_attempt_goes_on_with_the_part_of_an_earlier_one(web):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    PART.parent.mkdir(parents=True)
    PART.write_bytes(CONTENT[:600_000])
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT
    assert web.asked == [("/a", "bytes=600000-")]


@pytest.mark.parametrize("left", [OTHER[::-1][:5000], OTHER, CONTENT + b"x"])
def test_a_part_of_another_file_is_thrown_away_and_the_same_url_asked_again(web, left):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    PART.parent.mkdir(parents=True)
    PART.write_bytes(left)
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_again(web):
    web.pages["/a"] = whole(CONTENT, ranges=False)
    pin(web.url("/a"))
    PART.parent.mkdir(parents=True)
    PART.write_bytes(b"?" * 10_000)
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT
    assert len(web.asked) == 1


def test_a_wrong_checksum_everywhere_is_one_error_that_says_what_is_wanted(web):
    web.pages |= {"/a": OTHER, "/b": CONTENT[:-1]}
    pin(web.url("/a"), web.url("/b"))
    wanted = rf"{len(CONTENT)} bytes, md5 {hashlib.md5(CONTENT).hexdigest()}"
    with pytest.raises(UserError, match=rf"a\.npz: could not .*/a: not the file.*/b: .*{wanted}"):
        download("toy", "a.npz")
    assert not PATH.exists()


def test_without_a_network_the_file_its_checksum_and_its_place_are_named(web):
    pin(f"http://127.0.0.1:{free_port()}/a", "http://no-such-host.invalid/a")
    with pytest.raises(UserError) as caught:
        download("toy", "a.npz")
    (sentence,) = caught.value.sentences
    assert sentence.startswith("out/downloads/toy/a.npz: could not be downloaded (http://127.0.0.1")
    assert sentence.count("no connection") == 2
    assert f"put the file there by hand: {len(CONTENT)} bytes" in sentence
    assert hashlib.md5(CONTENT).hexdigest() in sentence


def test_a_server_that_says_nothing_is_given_up(web, monkeypatch):
    monkeypatch.setattr(downloading, "READ_SECONDS", 0.2)
    web.pages |= {"/a": silent(1.0), "/b": CONTENT}
    pin(web.url("/a"), web.url("/b"))
    download("toy", "a.npz")
    assert PATH.read_bytes() == CONTENT


def test_a_broken_download_keeps_its_part_for_the_next_attempt(web):
    web.pages["/a"] = once(cut(CONTENT, 300_000), status(404))
    pin(web.url("/a"))
    with pytest.raises(UserError, match="404"):
        download("toy", "a.npz")
    left = PART.read_bytes()
    assert 300_000 - downloading.CHUNK < len(left) <= 300_000
    assert CONTENT.startswith(left)
    assert not PATH.exists()


def test_a_folder_that_cannot_be_made_is_a_user_error(web):
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    paths.OUT.write_text("a file")
    with pytest.raises(UserError, match=r"out/downloads/toy/a\.npz could not be written"):
        download("toy", "a.npz")


# Pins


@pytest.mark.usefixtures("web")
def test_what_is_not_pinned_is_not_fetched_and_the_command_is_named():
    sources.write("toy", sources.Sources(zenodo=1))
    with pytest.raises(UserError, match=r"toy\.yaml: size and .* of a\.npz .*`isotrope pin toy`"):
        download("toy", "a.npz")
    pin("http://127.0.0.1/a")
    with pytest.raises(UserError, match=r"has no file b\.npz.* 'a\.npz'"):
        download("toy", "b.npz")
    with pytest.raises(UserError, match=r"tou\.yaml: no such file.*'toy'"):
        download("tou", "a.npz")
    assert sources.unpinned("toy", ["a.npz", "b.npz"]) == ["out/downloads/toy/b.npz"]


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zenodo: [", r"toy\.yaml: no YAML"),
        ("a word", r"toy\.yaml: files: must be listed where no record of Zenodo is named"),
        ("zenodo: 1\nfile: {}", "file: unknown key; did you mean 'files'"),
        ("zenodo: 1\nfiles: {a.npz: {size: 1, md5: abc, urls: [x]}}", "md5: string should match"),
        ("zenodo: 1\nfiles: {../a: {size: 1, md5: abc, urls: [x]}}", "string should match pattern"),
    ],
)
def test_sources_of_another_layout_are_named(text, message):
    paths.SOURCES.mkdir(parents=True)
    paths.sources("toy").write_text(text)
    with pytest.raises(UserError, match=message):
        sources.read("toy")


def test_a_downloaded_file_is_checked_before_it_is_used(web):
    pin(web.url("/a"))
    with pytest.raises(UserError, match=r"not downloaded yet; run `isotrope download toy a\.npz`"):
        sources.check("toy", "a.npz")
    PATH.parent.mkdir(parents=True)
    for content, found in ((OTHER, "its md5 is"), (CONTENT[:-1], "it has 1023999 bytes, not")):
        PATH.write_bytes(content)
        with pytest.raises(UserError, match=rf"cut short or altered: {found}.*delete it and run"):
            sources.check("toy", "a.npz")
    PATH.write_bytes(CONTENT)
    assert sources.check("toy", "a.npz") == PATH


@pytest.mark.parametrize("there", [0, 300_000])
def test_the_bar_says_what_is_there_and_what_is_too_long_is_not_read_to_its_end(
    web, monkeypatch, there
):
    @contextmanager
    def transfer(what, total):
        assert (what, total) == ("a.npz", len(CONTENT))
        yield SimpleNamespace(at=places.append)

    places = []
    monkeypatch.setattr(downloading, "transfer", transfer)
    web.pages["/a"] = CONTENT
    pin(web.url("/a"))
    PART.parent.mkdir(parents=True)
    PART.write_bytes(CONTENT[:there])
    download("toy", "a.npz")
    assert places == sorted(set(places))
    assert there < places[0] <= there + downloading.CHUNK
    assert places[-1] == len(CONTENT)

    places.clear()
    PATH.unlink()
    web.pages["/a"] = CONTENT * 3
    with pytest.raises(UserError, match=r"it has [0-9]+ bytes, not 1024000"):
        download("toy", "a.npz")
    assert len(CONTENT) < places[-1] <= len(CONTENT) + downloading.CHUNK


@pytest.mark.parametrize("path", ["toy/a.npz", PATH.as_posix()])
def test_what_a_file_must_be_is_said_of_its_place_too(web, path):
    pin(web.url("/a"))
    said = f"{len(CONTENT)} {hashlib.md5(CONTENT).hexdigest()}"
    assert sources.checksum(path) == said
    assert sources.unpinned("toy", ["a.npz", "b.npz"]) == ["out/downloads/toy/b.npz"]
