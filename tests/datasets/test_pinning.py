"""Asking a made-up Zenodo for sizes and checksums."""

import hashlib
import json
from pathlib import Path

import pytest
from altered_files import altered
from typer.testing import CliRunner
from web_server import status, web_server

from isotrope import paths
from isotrope.cli import app
from isotrope.datasets import download as downloading
from isotrope.datasets import sources
from isotrope.datasets.pinning import pin
from isotrope.errors import UserError

MD5 = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def server():
    with web_server() as web:
        yield web


@pytest.fixture
def zenodo(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(downloading, "BACKOFF_SECONDS", 0.0)
    server.pages.clear()
    sources.write("toy", sources.Sources(zenodo=100, mirrors=["https://mirror.example/toy"]))
    return server


def api(zenodo):
    return zenodo.url("/api")


def record(zenodo, number, latest=None, files=("a.npz",), **changes):
    listed = [
        {
            "key": name,
            "size": 1000 + number,
            "checksum": f"md5:{MD5}",
            "links": {"self": f"{api(zenodo)}/records/{number}/files/{name}/content"},
        }
        | changes
        for name in files
    ]
    links = {"latest": f"{api(zenodo)}/records/{latest or number}/versions/latest"}
    return json.dumps(
        {"id": number, "conceptrecid": "99", "links": links, "files": listed}
    ).encode()


def publish(zenodo, *numbers):
    """Versions of one record; each says where the newest is, by a redirection as Zenodo does."""
    for number in numbers:
        zenodo.pages[f"/api/records/{number}"] = record(zenodo, number)
        newest = zenodo.url(f"/api/records/{numbers[-1]}")
        zenodo.pages[f"/api/records/{number}/versions/latest"] = status(301, Location=newest)


def test_sizes_checksums_and_urls_of_the_newest_version_are_written_down(zenodo):
    publish(zenodo, 100, 200, 300)

    path, found = pin("toy", api(zenodo))

    assert path == paths.sources("toy")
    assert sources.read("toy") == found
    assert (found.zenodo, found.version) == (100, 300)
    assert found.files["a.npz"].size == 1300
    assert found.files["a.npz"].md5 == MD5
    assert found.files["a.npz"].urls == [
        zenodo.url("/api/records/300/files/a.npz/content"),
        zenodo.url("/records/300/files/a.npz?download=1"),
    ]
    assert sources.pinned("toy", "a.npz").urls[-1] == "https://mirror.example/toy/a.npz"
    text = path.read_text()
    assert text.startswith("# Where the files of toy are to be had.")
    pin("toy", api(zenodo))
    assert path.read_text() == text


def test_a_number_common_to_all_versions_is_found_by_redirection_or_by_search(zenodo):
    publish(zenodo, 200)
    zenodo.pages["/api/records/100"] = status(301, Location=zenodo.url("/api/records/200"))
    assert pin("toy", api(zenodo))[1].version == 200

    del zenodo.pages["/api/records/100"]
    hits = b'{"hits": {"hits": [' + record(zenodo, 200) + b"]}}"
    zenodo.pages["/api/records?q=conceptrecid:100&sort=mostrecent&size=1"] = hits
    assert pin("toy", api(zenodo))[1].version == 200


def test_a_record_that_says_no_newer_version_is_taken_itself(zenodo):
    zenodo.pages["/api/records/100"] = record(zenodo, 100)  # its link leads nowhere
    assert pin("toy", api(zenodo))[1].version == 100


def test_an_unknown_record_is_named(zenodo):
    with pytest.raises(UserError, match="knows no record 100"):
        pin("toy", api(zenodo))


@pytest.mark.parametrize(
    "changes",
    [
        {"checksum": "sha1:00"},
        {"checksum": "md5:short"},
        {"size": 0},
        {"size": "12"},
        {"key": "../a"},
        {"links": {}},
    ],
)
def test_a_record_without_size_md5_or_name_changes_nothing(zenodo, changes):
    zenodo.pages["/api/records/100"] = record(zenodo, 100, **changes)
    before = paths.sources("toy").read_text()
    with pytest.raises(UserError, match="gives no size and md5 of each file"):
        pin("toy", api(zenodo))
    assert paths.sources("toy").read_text() == before


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (status(500), "records/100: 500; try again later"),
        (b"<html>please log in</html>", "answers no JSON"),
        (b"[]", "answers list where a record was expected"),
    ],
)
def test_an_answer_that_is_no_record_is_named(zenodo, page, message):
    zenodo.pages["/api/records/100"] = page
    with pytest.raises(UserError, match=message):
        pin("toy", api(zenodo))


@pytest.mark.usefixtures("zenodo")
def test_without_a_network_the_address_is_named():
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1/api/records/100: no connection; start ag"):
        pin("toy", "http://127.0.0.1:1/api")


def test_a_data_set_without_sources_cannot_be_pinned(zenodo):
    with pytest.raises(UserError, match=r"stir\.yaml: no such file: nothing is downloaded"):
        pin("stir", api(zenodo))


def test_files_that_are_in_no_record_are_pinned_by_hand_alone(zenodo):
    entry = sources.PinnedFile(size=10, md5=MD5, urls=["https://files.example/a.npz"])
    sources.write("toy", sources.Sources(files={"a.npz": entry}))
    assert sources.pinned("toy", "a.npz") == entry
    with pytest.raises(UserError, match=r"toy\.yaml: names no record of Zenodo.*by hand"):
        pin("toy", api(zenodo))


def test_a_file_of_another_data_set_is_looked_for_there(zenodo):
    entry = sources.PinnedFile(size=1, md5=MD5, urls=["http://127.0.0.1:1/a"])
    sources.write("toy", sources.Sources(files={"a.npz": entry}))
    assert sources.unpinned("other", ["toy/a.npz"]) == []
    assert sources.unpinned("other", ["toy/b.npz"]) == ["out/downloads/toy/b.npz"]
    assert paths.download("other", "toy/a.npz") == paths.download("toy", "a.npz")


def test_the_committed_sources_name_the_record_of_the_paper(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert sources.read("stir").zenodo == 6578038


def test_the_command_line_pins_and_downloads(zenodo):
    content = b"an archive"
    md5 = hashlib.md5(content).hexdigest()
    listed = record(zenodo, 100, size=len(content), checksum=f"md5:{md5}")
    zenodo.pages["/api/records/100"] = listed
    zenodo.pages["/api/records/100/files/a.npz/content"] = content

    said = CliRunner().invoke(app, ["pin", "toy"], env={"ISOTROPE_ZENODO": api(zenodo)})
    assert said.exit_code == 0
    assert f"a.npz: 10 bytes, md5 {md5}" in said.stdout
    assert "wrote workflow/sources/toy.yaml, version 100 of the record; commit it" in said.stdout

    said = CliRunner().invoke(app, ["download", "toy", "a.npz"])
    assert said.stdout == "out/downloads/toy/a.npz is whole\n"
    assert paths.download("toy", "a.npz").read_bytes() == content


def test_a_record_of_other_types_is_a_sentence(zenodo):
    whole = json.loads(record(zenodo, 100))
    refused = 0
    for number in range(120):
        changed, what = altered(whole, number)
        zenodo.pages["/api/records/100"] = json.dumps(changed).encode()
        zenodo.pages["/api/records/100/versions/latest"] = json.dumps(changed).encode()
        try:
            pin("toy", api(zenodo))
        except UserError as error:
            refused += 1
            said = error.sentences
        else:
            continue
        assert len(said) == 1, what
    assert refused > 40
