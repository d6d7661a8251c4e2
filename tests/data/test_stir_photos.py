"""The colour tasks of STIR, made from photos in the layouts of their data sets."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_photos import label, sign, street, write_dota, write_mtsd
from PIL import Image

from isotrope.data import _stir_aerial, _stir_photos, _stir_trafficsign, stir
from isotrope.data._stir_photos import Fit, Photos, Thing, cut, deal
from isotrope.dataset import build_dataset, load_split
from isotrope.digests import with_local_files
from isotrope.errors import UserError
from isotrope.local_data import absent_files

SIGNS = stir.Params(task="trafficsign", source="generated", scenario="all2all")
AERIAL = stir.Params(task="aerial", source="generated", scenario="all2all")
SCALES = range(64, 16, -1)


def squares(name, sides, **properties):
    """A sign of each size, in a photo of its own."""
    return {
        f"{name}{number}": (
            "train",
            (480, 400),
            [sign(name, (90, 70, 90 + s, 70 + s), **properties)],
        )
        for number, s in enumerate(sides)
    }


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    return tmp_path / "mine"


def found_signs(root):
    return _stir_trafficsign.find_signs(root / "mtsd" / "mtsd_v2_fully_annotated")


# which things are chosen


def test_signs_with_properties_and_oblong_ones_are_left_out(root):
    signs = [
        sign("stop", (10, 10, 80, 80)),
        sign("stop", (100, 10, 170, 80), occluded=True),
        sign("stop", (200, 10, 270, 84)),
        sign("stop", (10, 100, 80, 175)),  # 5 pixels higher than wide
    ]
    write_mtsd(root, {"a": ("train", (420, 360), signs)})
    assert [(one.left, one.width, one.height) for one in found_signs(root)] == [
        (10, 70, 70),
        (200, 70, 74),
    ]


def test_boxes_are_widened_to_whole_pixels(root):
    write_mtsd(root, {"a": ("val", (420, 360), [sign("stop", (10, 20, 90, 100), size_of=0.9)])})
    (only,) = found_signs(root)
    assert (only.left, only.top, only.right, only.bottom) == (10, 20, 90, 100)


def test_a_sign_across_the_edge_of_a_panorama_is_no_square_sign(root):
    across = sign("stop", (10, 10, 80, 80))
    across["bbox"] |= {"xmin": 400.0, "xmax": 12.0, "cross_boundary": {"left": {}, "right": {}}}
    write_mtsd(root, {"a": ("train", (420, 360), [sign("stop", (10, 10, 80, 80))])})
    path = root / "mtsd/mtsd_v2_fully_annotated/annotations/a.json"
    path.write_text(json.dumps({"objects": [across]}))
    assert found_signs(root) == []


def test_a_class_needs_enough_signs_whose_largest_are_all_large():
    def thing(name, side, photo="p"):
        return Thing(photo, name, 0, 0, side, side)

    signs = [
        *(thing("few", 90) for _ in range(5)),
        *(thing("small", side) for side in (90, 80, 70, 65, 64, 63)),
        *(thing("other-sign", 90) for _ in range(9)),
        *(thing("good", side) for side in (20, 64, 70, 90, 80, 70, 64)),
    ]
    chosen = _stir_trafficsign.choose_signs(signs, instances=2)
    assert list(chosen) == ["good"]
    assert [one.width for one in chosen["good"]] == [90, 80, 70, 70, 64, 64]


@given(sides=st.lists(st.integers(64, 70), min_size=6, max_size=20))
def test_signs_of_one_size_keep_their_order(sides):
    signs = [Thing(str(n), "stop", 0, 0, side, side) for n, side in enumerate(sides)]
    (largest,) = _stir_trafficsign.choose_signs(signs, instances=2).values()
    keys = [(-one.width, int(one.photo)) for one in largest]
    assert keys == sorted(keys)
    assert len(largest) == 6


def test_ranks_are_dealt_to_the_splits_in_turn():
    things = [Thing(str(rank), "stop", 0, 0, 9, 9) for rank in range(10)]
    names = [[one.photo for one in split] for split in deal(things, 3)]
    assert names == [["0", "3", "6"], ["1", "4", "7"], ["2", "5", "8"]]
    with pytest.raises(ValueError, match="need 12 things, got 10"):
        deal(things, 4)


@pytest.mark.parametrize(
    ("box", "size", "counts"),
    [
        ((10, 10, 110, 50), (500, 500), True),
        ((10, 10, 110, 50), (499, 600), False),  # 4.99 times: four in whole numbers
        ((10, 10, 110, 50), (600, 499), False),
        ((10, 10, 50, 110), (600, 499), False),
        ((500, 10, 600, 50), (600, 600), True),
        ((501, 10, 601, 50), (600, 600), False),
        ((10, 570, 110, 601), (600, 600), False),
        ((10, 10, 10, 10), (600, 600), False),
    ],
)
def test_a_thing_counts_if_five_of_it_fit_into_the_photo_that_holds_it(box, size, counts):
    assert _stir_aerial.fits(Thing("p", "plane", *box), size) is counts


def test_only_level_things_in_colour_photos_of_google_earth_count(root):
    box, size = (50, 60, 120, 100), (420, 400)
    photos = {
        "P1": ("train", size, "GoogleEarth", "RGB", [label("plane", box), label("ship", box, 4)]),
        "P2": ("train", size, "GF-2", "RGB", [label("plane", box)]),
        "P3": ("val", size, "GoogleEarth", "L", [label("plane", box)]),
        "P4": ("val", size, "GoogleEarth", "RGB", [label("plane", box, 3)]),  # 2.5 degrees
        "P5": ("val", size, "GoogleEarth", "RGB", []),
    }
    write_dota(root, photos)
    store = Photos([root / "dota" / folder for folder in ("train", "val")], ".png")
    found = _stir_aerial.find_things(root / "dota", store)
    assert [(one.photo, one.label) for one in found] == [("P1", "plane"), ("P4", "plane")]


def test_oriented_labels_of_version_1_5_are_read_where_others_lie_beside_them(root):
    one = ("train", (420, 400), "GoogleEarth", "RGB")
    box = (50, 60, 120, 100)
    write_dota(root, {"P1": (*one, [label("old", box)])})
    write_dota(root, {"P1": (*one, [label("level", box)])}, folder="labelTxt-v1.5_hbb")
    write_dota(root, {"P1": (*one, [label("new", box)])}, folder="labelTxt-v1.5")
    write_dota(root, {"P2": ("val", *one[1:], [])})
    store = Photos([root / "dota" / folder for folder in ("train", "val")], ".png")
    assert [found.label for found in _stir_aerial.find_things(root / "dota", store)] == ["new"]


# windows


@pytest.mark.parametrize("side", [64, 100, 333])
def test_the_box_of_a_sign_becomes_a_square_of_the_scale(side):
    thing = Thing("p", "stop", 200, 150, 200 + side, 150 + side + 3)
    for scale in SCALES:
        fit = _stir_trafficsign.fit_to(thing, scale, (1200, 900))
        assert (fit.right - fit.left, fit.bottom - fit.top) == (scale, scale)
        assert fit.width == round(1200 * scale / side)
        assert fit.height == round(900 * scale / (side + 3))


def test_the_long_side_of_an_aerial_thing_becomes_the_scale_and_its_shape_is_kept():
    thing = Thing("p", "plane", 200, 150, 300, 200)
    fit = _stir_aerial.fit_to(thing, 50, (1200, 900))
    assert fit == Fit(600, 450, 100, 75, 150, 100)


@given(
    box=st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(64, 200)),
    scale=st.integers(17, 64),
    seed=st.integers(0, 99),
)
def test_a_window_holds_the_box_and_lies_in_the_photo(box, scale, seed):
    left, top, side = box
    thing = Thing("p", "stop", left, top, left + side, top + side)
    fit = _stir_trafficsign.fit_to(thing, scale, (1100, 900))
    stream = np.random.Generator(np.random.Philox(seed))
    x = _stir_photos._start(fit.left, fit.right, fit.width, stream)
    assert 0 <= x <= fit.left
    assert fit.right <= x + 64 <= fit.width


@pytest.mark.parametrize(("side", "scale"), [(150, 64), (150, 17), (77, 61), (64, 64), (90, 33)])
def test_a_window_differs_from_that_of_the_whole_scaled_photo_by_single_values(side, scale):
    photo = street(1300, 1000, seed=side)
    size = (round(1300 * scale / side), round(1000 * scale / side))
    whole = np.asarray(photo.resize(size, Image.Resampling.LANCZOS)).astype(int)
    for left, top in ((0, 0), (5, 7), (size[0] - 64, size[1] - 64)):
        window = cut(photo, Fit(*size, 0, 0, 0, 0), left, top).astype(int)
        apart = np.abs(window - whole[top : top + 64, left : left + 64])
        # Pillow takes the box in single precision; its weights move by a ten-thousandth
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.005


# whole archives


@pytest.fixture
def signs(root, monkeypatch):
    """Two classes with six signs each."""
    photos = squares("stop", [70, 75, 80, 85, 90, 95]) | squares("yield", [66, 67, 68, 99, 98, 97])
    write_mtsd(root, photos)
    monkeypatch.setitem(stir.TASKS, "trafficsign", stir.Task(2, 2, 3))
    return root


@pytest.fixture
def things(root, monkeypatch):
    """Two classes with six things each, two of them in one photo."""
    photos = {}
    for kind in ("plane", "ship"):
        for number, width in enumerate((64, 66, 68, 70, 72, 74)):
            box = (60, 50, 60 + width, 90)
            folder = "val" if number % 2 else "train"
            photos[f"{kind}{number}"] = (
                folder,
                (400, 390),
                "GoogleEarth",
                "RGB",
                [label(kind, box)],
            )
    write_dota(root, photos)
    monkeypatch.setitem(stir.TASKS, "aerial", stir.Task(2, 2, 3))
    return root


def edge_of(image, left, top, right, bottom):
    """How white the frame of a box is: the things are drawn with white frames."""
    box = image[max(top, 0) : bottom, left:right].astype(int)
    return np.concatenate([box[0].ravel(), box[:, 0].ravel()])


def test_signs_lie_where_the_archive_says_at_every_scale(signs, tmp_path):
    build_dataset("stir", SIGNS, "d", tmp_path / "out")
    for split in ("train", "valid", "test"):
        data = load_split("stir", SIGNS, split, tmp_path / "out")
        assert len(data) == 48 * 2 * 2
        images = data.images.permute(0, 2, 3, 1).numpy()
        sizes, places = data.latents["scale"].tolist(), data.latents["position"].tolist()
        for image, size, (left, top) in zip(images, sizes, places, strict=True):
            assert 0 <= left <= 64 - size
            assert 0 <= top <= 64 - size
            # the frame is 4 of at least 66 pixels wide, so a pixel of it is left at 17
            assert edge_of(image, left, top, left + size, top + size).mean() > 150
            quarter = image[top + size // 4 : top + size // 3, left + size // 4 : left + size // 3]
            assert quarter.mean() < 60, "the black mark"


def test_aerial_things_lie_where_the_archive_says(things, tmp_path):
    build_dataset("stir", AERIAL, "d", tmp_path / "out")
    data = load_split("stir", AERIAL, "all_scales", tmp_path / "out")
    images = data.images.permute(0, 2, 3, 1).numpy()
    sizes, places = data.latents["scale"].tolist(), data.latents["position"].tolist()
    for image, size, (left, top) in zip(images, sizes, places, strict=True):
        short = size * 40 // 74  # of the smallest aspect
        assert 0 <= left <= 64 - size + 1
        assert 0 <= top <= 64 - short
        assert edge_of(image, left, top, left + size, top + short).mean() > 150


@pytest.mark.parametrize("packed", [False, True])
def test_two_builds_agree_and_so_do_photos_in_zip_archives(root, packed):
    write_mtsd(root, squares("stop", [70, 75, 80]), packed=packed)
    first, rows = _stir_trafficsign.make_archive(1)
    again, _ = _stir_trafficsign.make_archive(1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert [name for name, _ in rows] == ["stop0.jpg", "stop1.jpg", "stop2.jpg"]
    assert len({tuple(place) for place in first.psts[0, 20:, 0, 0].tolist()}) > 10  # drawn anew


def test_each_photo_is_read_once_for_all_its_signs(root, monkeypatch):
    both = [sign("stop", (20, 20, 100, 100)), sign("stop", (200, 150, 290, 240))]
    write_mtsd(root, squares("stop", [70]) | {"both": ("val", (420, 360), both)})
    read, real = [], Photos.read
    monkeypatch.setattr(Photos, "read", lambda self, name: read.append(name) or real(self, name))
    _stir_trafficsign.make_archive(1)
    assert read == ["both", "stop0"]


def test_another_photo_is_told_apart_by_the_digest(signs, tmp_path):
    before = with_local_files("t", build_dataset("stir", SIGNS, "d", tmp_path / "a"))
    path = signs / "mtsd/images/stop0.jpg"
    street(480, 400, seed=99).save(path)
    assert with_local_files("t", build_dataset("stir", SIGNS, "d", tmp_path / "b")) != before


# what users will get wrong


def test_annotations_are_waited_for_by_name(root):
    assert absent_files(stir.local_files(SIGNS)) == [
        "mtsd/mtsd_v2_fully_annotated/splits/train.txt",
        "mtsd/mtsd_v2_fully_annotated/splits/val.txt",
    ]
    assert absent_files(stir.local_files(AERIAL)) == [
        "dota/train/labelTxt*/*.txt",
        "dota/val/labelTxt*/*.txt",
    ]


def test_parts_of_the_raw_material_make_no_archive(signs, monkeypatch, tmp_path):
    monkeypatch.setitem(stir.TASKS, "trafficsign", stir.Task(16, 2, 3))
    with pytest.raises(UserError, match=r"has 16 classes, 2 .*; this archive has 2, 2 and 3"):
        build_dataset("stir", SIGNS, "d", tmp_path / "out")
    with pytest.raises(UserError, match="no class has 75 signs of 64 pixels or more"):
        _stir_trafficsign.make_archive(25)


def test_an_absent_photo_is_named(signs):
    (signs / "mtsd/images/yield3.jpg").unlink()
    with pytest.raises(UserError, match=r"yield3\.jpg: no such photo, neither unpacked nor in a z"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
def test_a_truncated_photo_is_named(signs, share):
    path = signs / "mtsd/images/stop5.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"photo stop5 .*get the file again"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize("text", ["", "[]", '{"objects": [{"key": 1}]}', '{"objects": 3}'])
def test_annotations_of_another_layout_are_named(signs, text):
    path = signs / "mtsd/mtsd_v2_fully_annotated/annotations/stop1.json"
    path.write_text(text)
    with pytest.raises(UserError, match=str(path)):
        _stir_trafficsign.make_archive(2)


def test_absent_annotations_are_named(signs):
    path = signs / "mtsd/mtsd_v2_fully_annotated/annotations/stop1.json"
    path.unlink()
    with pytest.raises(UserError, match=f"{path}: no such file"):
        _stir_trafficsign.make_archive(2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should begin with a line imagesource"),
        ("1 2 3 4 5 6 7 8 plane 0\n", "should begin with a line imagesource"),
        ("imagesource:GoogleEarth\ngsd:1\n1.0 2.0 plane 0\n", r"plane3\.txt:3: should be eight"),
        ("imagesource:GoogleEarth\ngsd:1\n1 2 3 4 5 6 7 8\n", r"plane3\.txt:3: should be eight"),
    ],
)
def test_labels_of_another_layout_are_named_with_their_line(things, text, message):
    (things / "dota/val/labelTxt/plane3.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        _stir_aerial.make_archive(2)


def test_a_zip_archive_that_is_cut_short_is_named(root):
    write_mtsd(root, squares("stop", [70, 75, 80]), packed=True)
    path = root / "mtsd/images.train.zip"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=rf"{path}: no zip archive, or cut short"):
        _stir_trafficsign.make_archive(1)


def test_a_photo_too_small_for_any_window_is_refused_as_the_published_generator_does(root):
    photos = squares("stop", [90, 80]) | {
        "tiny": ("train", (120, 110), [sign("stop", (10, 10, 80, 80))])
    }
    write_mtsd(root, photos)
    message = (
        "no window fits around the stop at 10, 10 of photo tiny when it is 40 pixels large .*"
        "the published generator fails here too"
    )
    with pytest.raises(UserError, match=message):
        _stir_trafficsign.make_archive(1)


def test_a_grey_photo_becomes_a_colour_window(root):
    write_mtsd(root, squares("stop", [90, 80, 70]))
    path = root / "mtsd/images/stop2.jpg"
    with Image.open(path) as photo:
        photo.convert("L").save(path)
    archive, _ = _stir_trafficsign.make_archive(1)
    grey = archive.imgs[2, :, 0, 0]
    assert (grey[..., 0] == grey[..., 2]).all()
