"""Checksums that lie beside the folders of tables and figures."""

import pytest

from isotrope.files import checksums, disk


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tables" / "scale" / "accuracy.csv"
    path.parent.mkdir(parents=True)
    return path


def test_a_file_is_as_written_until_it_is_altered(path):
    with checksums.renewed(path):
        path.write_bytes(b"one")
    assert checksums.is_as_written(path)
    assert checksums.is_as_written(path, b"one")
    path.write_bytes(b"two")
    assert not checksums.is_as_written(path)
    assert not checksums.is_as_written(path, b"two")


def test_a_file_whose_writer_is_killed_before_its_checksum_is_not_called_altered(path):
    with checksums.renewed(path):
        path.write_bytes(b"one")

    def killed():
        with checksums.renewed(path):
            path.write_bytes(b"another")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert checksums.is_as_written(path)


@pytest.mark.parametrize(
    ("name", "command"),
    [("rotation.frames.csv", "draw rotation"), ("accuracy.tex", "typeset accuracy")],
)
def test_an_altered_file_of_a_figure_is_said_with_what_makes_it_again(path, name, command):
    path = path.with_name(name)
    with checksums.renewed(path):
        path.write_bytes(b"one")
    path.write_bytes(b"two")
    (said,) = checksums.altered_figures([path]).values()
    assert f"; run `isotrope {command} --group scale` to " in said


def test_a_file_that_was_altered_stays_so_where_its_writer_fails_before_it(path):
    other = path.with_name("parameters.csv")
    with checksums.renewed(path, other):
        path.write_bytes(b"one")
        other.write_bytes(b"one")
    path.write_bytes(b"two")

    def fails():
        with checksums.renewed(path, other):
            disk.write_whole(other, b"another")
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fails()
    assert not checksums.is_as_written(path)
    assert checksums.is_as_written(other)


def test_the_checksum_of_a_writer_that_was_killed_is_never_put_back(path):
    with checksums.renewed(path):
        path.write_bytes(b"one")
    checksums.path_of(path).rename(checksums._aside(path))
    path.write_bytes(b"another")  # and then it was killed

    def fails():
        with checksums.renewed(path):
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fails()
    assert checksums.is_as_written(path)
    with checksums.renewed(path):
        path.write_bytes(b"two")
    assert [one.name for one in checksums.path_of(path).parent.iterdir()] == ["accuracy.csv.json"]


def test_of_files_that_are_not_written_there_is_no_checksum(path):
    other = path.with_name("movie.mp4")
    with checksums.renewed(path, other):
        path.write_bytes(b"one")
    assert checksums.path_of(path).is_file()
    assert not checksums.path_of(other).exists()


def test_a_file_is_compared_without_being_in_memory_whole(path, monkeypatch):
    with checksums.renewed(path):
        path.write_bytes(b"one" * 1000)
    monkeypatch.setattr(checksums.disk, "checksum", None)
    assert checksums.is_as_written(path)


def test_what_cannot_be_read_hides_no_altered_file(path):
    with checksums.renewed(path):
        path.write_bytes(b"one")
    path.write_bytes(b"two")
    folder = path.with_name("folder.csv")
    folder.mkdir()
    assert list(checksums.altered_figures([folder, path, folder])) == [path]
