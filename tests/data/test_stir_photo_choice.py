"""Which things of the photos become samples of the colour tasks of STIR."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_photos import label, sign, write_dota, write_mtsd

from isotrope.data import _stir_aerial, _stir_trafficsign
from isotrope.data._stir_photos import Photos, Thing, deal


def found_signs(root):
    return _stir_trafficsign.find_signs(root / "mtsd" / "mtsd_v2_fully_annotated")


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


@pytest.mark.parametrize("turned", [False, True])
def test_the_size_of_a_sign_is_its_shorter_side(turned):
    sides = [(64, 68), (66, 67), (65, 69), (64, 64), (65, 65), (70, 67), (63, 66)]
    things = [
        Thing(str(n), "stop", 9, 5, 9 + (b if turned else a), 5 + (a if turned else b))
        for n, (a, b) in enumerate(sides)
    ]
    chosen = _stir_trafficsign.choose_signs(things, instances=2)
    assert [one.photo for one in chosen["stop"]] == ["5", "1", "2", "4", "0", "3"]
    assert _stir_trafficsign.choose_signs(things[1:], instances=2) == {}


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
