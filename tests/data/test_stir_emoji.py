import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from isotrope.data import _stir_emoji, stir
from isotrope.data._svg import draw, read_icon
from isotrope.errors import UserError

CAIRO = Path(__file__).parent / "emoji_cairosvg.npz"  # its licence lies beside it


@pytest.mark.parametrize("size", [17, 24, 32, 48, 64])
def test_every_emoji_agrees_with_the_published_rasteriser_at_every_size(size):
    with np.load(CAIRO) as cairo:
        assert tuple(cairo["names"]) == _stir_emoji.FACES
        masks = cairo[f"s{size}"].astype(float)
    for face, mask in zip(_stir_emoji.FACES, masks, strict=True):
        ours = draw(read_icon(_stir_emoji._read_svg(face)), size).astype(float)
        assert np.corrcoef(ours.ravel(), mask.ravel())[0, 1] > 0.9998, face
        assert np.abs(ours - mask).max() <= 17, face  # one of cairo's 15 sample lines per row
        assert np.abs(ours - mask).mean() < 1, face


def test_the_drawn_archive_has_the_published_layout(emoji):
    with np.load(emoji, allow_pickle=False) as arrays:
        shapes = {key: (arrays[key].shape, arrays[key].dtype.kind) for key in arrays}
        kinds = {key: arrays[key].dtype for key in ("imgs", "lbls", "scls", "psts")}
    assert list(shapes.items()) == [
        ("imgs", ((3, 48, 36, 1, 64, 64), "u")),
        ("lbls", ((3, 48, 36, 1), "i")),
        ("scls", ((3, 48, 36, 1), "i")),
        ("psts", ((3, 48, 36, 1, 2), "i")),
        ("metadata", ((6, 2), "U")),
        ("lbldata", ((36,), "U")),
    ]
    assert kinds == {"imgs": np.uint8, "lbls": np.int32, "scls": np.int32, "psts": np.int32}


def test_the_places_are_those_of_the_published_generator(archive):
    places = archive.positions
    assert hashlib.sha256(places.tobytes()).hexdigest()[:16] == "74b2b0cacc609904"
    assert places.sum() == 122_071
    assert places[:, -1, 0, 0].tolist() == [[18, 47], [15, 2], [19, 23]]  # 17 pixels
    assert places[0, 1, 0, 0].tolist() == [0, 1]  # 63 pixels
    assert places[0, -1, 35, 0].tolist() == [26, 18]


def test_another_random_stream_is_noticed(monkeypatch):
    monkeypatch.setattr(np.random, "RandomState", lambda seed, real=np.random.RandomState: real(43))
    with pytest.raises(RuntimeError, match=r"draws other numbers from RandomState\(42\)"):
        _stir_emoji.draw_positions()


def test_each_emoji_lies_inside_its_box_and_touches_opposite_sides(archive):
    counts = archive.images.shape[:4]
    for index in np.ndindex(counts[1:3]):
        for split in range(3):
            left, top = archive.positions[split, *index, 0]
            side = archive.scales[split, *index, 0]
            image = archive.images[split, *index, 0].astype(int)
            box = image[top : top + side, left : left + side]
            assert box.sum() == image.sum()
            rows, columns = (box.max(axis=axis) > 0 for axis in (1, 0))
            assert (rows[[1, -2]].all()) or (columns[[1, -2]].all())


def test_the_splits_show_the_same_pictures_at_other_places(archive):
    order = np.sort(archive.images.reshape(3, 48 * 36, -1)[:, ::7], axis=-1)
    assert (order == order[0]).all()
    assert (archive.positions[0] != archive.positions[1]).any(axis=-1).mean() > 0.9


def test_two_builds_give_the_same_bytes_and_known_pixels(emoji, archive, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    params = stir.Params(task="emoji", scenario="mid2rest")
    again = stir.build(params, tmp_path, "other")[0]

    assert again.read_bytes() == emoji.read_bytes()
    digest = hashlib.sha256(archive.images.tobytes()).hexdigest()
    assert digest.startswith("fc738f02731fe695")  # a change of the pixels raises REVISION


def test_the_drawn_archive_says_whose_artwork_it_shows(archive):
    assert list(archive.metadata) == [
        "title",
        "description",
        "author",
        "license",
        "version",
        "date",
    ]
    assert "CC BY 4.0" in archive.metadata["license"]
    assert "Font Awesome Free 5.15.4" in archive.metadata["description"]
    assert "drawn by Isotrope" in archive.metadata["description"]
    assert archive.labeldata[0] == "tired"
    assert archive.labeldata[33] == "smile"


def test_another_version_of_the_artwork_is_refused_with_the_command(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "6.5.1")
    with pytest.raises(
        UserError, match=r"6\.5\.1 of it is installed; run `\S+ .*pip install .*==5.15.4`"
    ):
        _stir_emoji.draw_archive()
