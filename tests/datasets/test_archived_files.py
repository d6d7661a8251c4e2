"""Files in archives, read by the bytes at which they lie."""

import io
import tarfile
import zipfile
import zlib

import numpy as np
import pytest

from isotrope.datasets.archived_files import (
    Place,
    TreeOrArchives,
    files_in_archive,
    read_place,
)
from isotrope.errors import UserError

CONTENTS = {
    f"photos/{i}.bin": np.random.default_rng(i).integers(0, 9, 700 * i + 1, np.uint8).tobytes()
    for i in range(5)
}
CONTENTS["photos/" + 120 * "n" + ".bin"] = b"a name that needs a header of its own"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("photos/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    for name, how in {"stored": zipfile.ZIP_STORED, "packed": zipfile.ZIP_DEFLATED}.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", how) as archive:
            archive.mkdir("photos")
            for one, content in CONTENTS.items():
                archive.writestr(one, content)
    return tmp_path


@pytest.mark.parametrize("archive", ["all.tar", "stored.zip", "packed.zip"])
def test_every_file_of_an_archive_is_read_in_place(root, archive):
    places = files_in_archive(archive)
    assert {name: read_place(place) for name, place in places.items()} == CONTENTS


def test_a_file_outside_of_archives_is_read_whole(root):
    (root / "one.bin").write_bytes(b"content")
    assert read_place(Place("one.bin")) == b"content"


def test_an_archive_that_was_cut_short_is_said(root):
    place = files_in_archive("all.tar")["photos/4.bin"]
    content = (root / "all.tar").read_bytes()
    (root / "all.tar").write_bytes(content[: int(place.at.split(":")[0]) + 10])
    with pytest.raises(OSError, match="cut short"):
        read_place(place)


def test_another_archive_of_that_name_is_noticed(root):
    places = files_in_archive("packed.zip")
    (root / "packed.zip").write_bytes(bytes(100) + (root / "packed.zip").read_bytes())
    with pytest.raises(zlib.error):
        read_place(places["photos/4.bin"])


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.zip", b"no archive"), ("a.tar", b"no archive"), ("b.zip", None), ("b.tar", None)],
)
def test_what_is_no_archive_is_named(root, name, content):
    if content is not None:
        (root / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: cannot be read as an archive"):
        files_in_archive(name)


def test_a_zip_archive_of_another_packing_is_refused(root):
    with zipfile.ZipFile(root / "c.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("one", b"content")
    with pytest.raises(UserError, match="packed in a way not known here"):
        files_in_archive("c.zip")


def test_a_file_of_the_tree_goes_before_one_in_an_archive(root):
    (root / "more" / "photos").mkdir(parents=True)
    (root / "more" / "photos" / "1.bin").write_bytes(b"unpacked")
    files = TreeOrArchives({"packed.zip": "more/", "absent.tar": ""})
    assert read_place(files.place("more/photos/1.bin")) == b"unpacked"
    assert read_place(files.place("more/photos/2.bin")) == CONTENTS["photos/2.bin"]
    assert files.find("photos/2.bin") is None
    assert files.below("more/photos", ".bin") == sorted(f"more/{name}" for name in CONTENTS)
    with pytest.raises(UserError, match=r"more/9\.bin: no such file, and none in packed\.zip and"):
        files.place("more/9.bin")
