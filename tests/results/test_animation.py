"""Animations as files."""

import stat
from pathlib import Path

import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure
from PIL import Image

from isotrope.results import animation
from isotrope.results.animation import save_animation

DATA = pandas.DataFrame({"frame": [0, 1, 2], "value": [0.0, 0.5, 1.0]})


def squares(count: int = 3, size: int = 20):
    """A bright square that moves to the right."""
    for i in range(count):
        frame = np.zeros((size, 2 * size, 3), dtype=np.uint8)
        frame[5:10, 5 * i : 5 * i + 5] = (255, 200, 0)
        yield frame


@pytest.fixture
def no_encoder(monkeypatch):
    monkeypatch.setattr(animation.shutil, "which", lambda name: None)


def test_a_gif_holds_every_frame_for_its_time_and_repeats(no_encoder, tmp_path):
    written = save_animation(squares(), DATA, tmp_path / "moving", rate=5)

    assert [path.name for path in written] == ["moving.gif", "moving.frames.csv"]
    with Image.open(written[0]) as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (3, 200, 0)
        for number, frame in enumerate(squares()):
            gif.seek(number)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - frame).max() <= 2, "but for the palette"
    assert pandas.read_csv(written[1]).equals(DATA)


def test_figures_are_frames_and_the_same_ones_make_the_same_bytes(no_encoder, tmp_path):
    def frames():
        for i in range(2):
            figure = Figure((2, 1))
            figure.subplots().plot([0, 1], [0, i])
            yield figure

    first, again = (
        save_animation(frames(), DATA, tmp_path / name)[0].read_bytes() for name in ("a", "b")
    )
    assert first == again
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.size == (2 * animation.DOTS, animation.DOTS)


def test_frames_of_two_sizes_or_none_are_refused(no_encoder, tmp_path):
    for frames, said in (
        ([*squares(1), *squares(1, 30)], r"one size, got \['40 x 20', '60 x 30'\]"),
        ([], "one size, got none"),
    ):
        with pytest.raises(ValueError, match=said):
            save_animation(frames, DATA, tmp_path / "moving")
    assert list(tmp_path.iterdir()) == []


def encoder(tmp_path: Path, last: str) -> str:
    """A program in the place of ffmpeg, which notes its words and how much it reads."""
    path = tmp_path / "ffmpeg"
    path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nwc -c > {tmp_path}/read\n{last}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_mp4_lies_beside_it_where_ffmpeg_is_there(monkeypatch, tmp_path):
    ours = encoder(tmp_path, 'for word in "$@"; do last=$word; done; echo movie > "$last"')
    monkeypatch.setattr(animation.shutil, "which", lambda name: ours)

    written = save_animation(squares(), DATA, tmp_path / "moving")

    assert written[-1] == tmp_path / "moving.mp4"
    assert written[-1].read_text() == "movie\n"
    assert int((tmp_path / "read").read_text()) == 3 * 20 * 40 * 3
    assert "-s 40x20 -r 8 -i -" in (tmp_path / "words").read_text()


def test_odd_sides_get_their_last_pixels_once_more_in_an_mp4(monkeypatch, tmp_path):
    ours = encoder(tmp_path, 'for word in "$@"; do last=$word; done; echo movie > "$last"')
    Path(ours).write_text(Path(ours).read_text().replace("wc -c >", "cat >"))
    monkeypatch.setattr(animation.shutil, "which", lambda name: ours)
    frame = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)

    save_animation([frame], DATA, tmp_path / "moving")

    assert "-s 6x4 " in (tmp_path / "words").read_text()
    given = np.frombuffer((tmp_path / "read").read_bytes(), np.uint8).reshape(4, 6, 3)
    assert np.array_equal(given[:3, :5], frame)
    assert np.array_equal(given[3, :5], frame[2])
    assert np.array_equal(given[:3, 5], frame[:, 4])


def test_an_encoder_that_fails_leaves_the_gif_and_no_old_mp4(monkeypatch, tmp_path):
    (tmp_path / "moving.mp4").write_text("of earlier frames")
    ours = encoder(tmp_path, "exit 1")
    monkeypatch.setattr(animation.shutil, "which", lambda name: ours)

    written = save_animation(squares(), DATA, tmp_path / "moving")

    assert [path.suffix for path in written] == [".gif", ".csv"]
    assert not (tmp_path / "moving.mp4").exists()
