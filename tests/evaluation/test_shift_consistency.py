"""How often shifted copies have the same answer, on networks whose answers are known."""

import numpy as np
import pytest
import torch
from ending_evaluations import Kept
from shifted_networks import CPU, SIDE, Corner, InOrder, Mean, dots, noise, value, values

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import _shifting, shift_consistency
from isotrope.evaluation._intervals import bootstrap
from isotrope.layers import forms
from isotrope.measuring.networks import Networks

Params = shift_consistency.Params


def images_of(count, side=SIDE):
    return Images(noise(count, side), torch.zeros(count, dtype=torch.int64))


def measured(network, data, **settings):
    rows, arrays = shift_consistency.evaluate(Networks({1: network}, CPU), data, Params(**settings))
    return rows, arrays[1]


def places(protocol, count=500, **settings):
    """What is drawn for each image, ``(images, pairs, 2, 2)``, circular and standard."""
    data = images_of(count, 8)
    params = Params(protocols=[protocol], **settings)
    found = shift_consistency._plans(Networks({1: Mean()}, CPU), data, params)
    return {plan.padding: plan.places for plan in found}


def test_cifar_draws_two_shifts_for_each_batch_and_never_the_upper_bound():
    drawn = places("cifar", 20000, batch=16)
    assert torch.equal(drawn["circular"], drawn["standard"])
    (found,) = drawn["circular"].unbind(dim=1)
    assert found.shape == (20000, 2, 2)
    assert sorted(found.unique().tolist()) == [-3, -2, -1, 0, 1, 2], "3 does not occur"
    batches = found.reshape(-1, 16, 2, 2)
    assert (batches == batches[:, :1]).all(), "a batch shares its shifts"
    kinds = {tuple(one.flatten().tolist()) for one in batches[:, 0]}
    assert len(kinds) > 500, "of 1296 that there are, the batches draw each its own"
    shorter = places("cifar", 40, batch=16)["circular"]
    assert torch.equal(shorter, drawn["circular"][:40])


def test_each_image_has_pairs_of_different_shifts_of_both_bounds():
    found = places("each", 3000, pairs=3)["circular"]
    assert found.shape == (3000, 3, 2, 2)
    assert sorted(found.unique().tolist()) == [-3, -2, -1, 0, 1, 2, 3]
    assert (found[:, :, 0] != found[:, :, 1]).any(dim=-1).all(), "no copy is compared with itself"
    flat = (found + 3)[..., 1] * 7 + (found + 3)[..., 0]
    counts = torch.bincount(flat.flatten(), minlength=49).double()
    expected = flat.numel() / 49
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < 100, "all shifts are as frequent: 48 degrees of freedom, seeds are fixed"
    assert torch.equal(places("each", 10, pairs=3)["circular"], found[:10])
    assert not torch.equal(places("each", 10, pairs=3, shift_seed=1)["circular"], found[:10])


def test_imagenet_crops_begin_at_every_place_but_the_last_and_rolls_go_as_far():
    drawn = places("imagenet", 3000, crop=5, batch=1)
    assert sorted(drawn["standard"].unique().tolist()) == [0, 1, 2]
    assert sorted(drawn["circular"].unique().tolist()) == [-3, -2, -1, 0, 1, 2]


def test_a_copy_is_rolled_by_its_shift():
    network, data = Corner(), images_of(40)
    measured(network, data, protocols=["each"], paddings=["circular"], pairs=2)
    shifts = places("each", 40, pairs=2)["circular"]
    seen = [torch.cat([network.seen[way], network.seen[4 + way]]) for way in range(4)]
    for way, images in enumerate(seen):
        for image, shown, (x, y) in zip(
            data.images, images, shifts[:, way // 2, way % 2].tolist(), strict=True
        ):
            assert torch.equal(shown, image.roll((y, x), (1, 2)).float() / 255)


def test_the_published_crop_moves_the_content_the_other_way():
    network = Corner()
    data = Images(dots([(6, 6)] * 3), torch.zeros(3, dtype=torch.int64))
    measured(network, data, protocols=["cifar"], paddings=["standard"])
    shifts = places("cifar", 3)["standard"][0, 0].tolist()
    for images, (x, y) in zip(network.seen, shifts, strict=True):
        assert torch.equal(images, dots([(6 - y, 6 - x)] * 3).float() / 255)


def test_what_lies_beyond_the_published_crop_is_plain():
    network = Corner()
    data = Images(torch.full((1, 1, 6, 6), 255, dtype=torch.uint8), torch.tensor([0]))
    measured(network, data, protocols=["cifar"], paddings=["standard"])
    shifts = places("cifar", 1)["standard"][0, 0].tolist()
    assert any(x or y for x, y in shifts)
    for images, (x, y) in zip(network.seen, shifts, strict=True):
        assert images.sum() == (6 - abs(x)) * (6 - abs(y))


def test_a_crop_begins_where_it_was_drawn():
    network, data = Corner(), images_of(4, 8)
    settings = {"protocols": ["imagenet"], "crop": 5, "batch": 2}
    measured(network, data, **settings)
    standard, circular = (
        places(*("imagenet", 4), crop=5, batch=2)[p] for p in ("standard", "circular")
    )
    shown = [images for images in network.seen if len(images) == 4]
    for copy in range(2):
        for image in range(4):
            unit = data.images[image].float() / 255
            x, y = circular[image, 0, copy].tolist()
            assert torch.equal(shown[copy][image], unit.roll((y, x), (1, 2)))
            x, y = standard[image, 0, copy].tolist()
            assert torch.equal(shown[2 + copy][image], unit[:, y : y + 5, x : x + 5])


def test_consistency_counts_pairs_that_agree_and_lists_the_others():
    data = Images(dots([(0, 0), (6, 6), (0, 1), (2, 2)] * 50), torch.zeros(200, dtype=torch.int64))
    rows, arrays = measured(Corner(), data, protocols=["each"], paddings=["circular"], pairs=4)
    settings = {"protocol": "each", "padding": "circular"}
    shifts = places("each", 200, pairs=4)["circular"]
    spots = torch.tensor([(0, 0), (6, 6), (1, 0), (2, 2)] * 50)[:, None, None]  # x, y
    corner = ((spots + shifts) % SIDE == 0).all(dim=-1)  # whether a copy's dot is at the corner
    apart = corner[..., 0] != corner[..., 1]
    assert 0 < apart.sum() < 100

    assert value(rows, "consistency", **settings) == pytest.approx(
        100 * (1 - apart.double().mean())
    )
    assert value(rows, "disagreements", **settings) == apart.sum()
    assert value(rows, "pairs", **settings) == 800
    low, high = (value(rows, f"consistency_{end}", **settings) for end in ("low", "high"))
    assert low < value(rows, "consistency", **settings) < high < low + 5
    assert value(rows, "margin", **settings) == 1.0
    assert value(rows, "margin_largest", **settings) == 1.0
    (row,) = [row for row in rows if row["metric"] == "margin_largest"]
    assert row["n"] == apart.any(dim=1).sum()
    listed = arrays["each_circular"]
    assert listed.shape == (apart.sum(), 7)
    images, pairs = apart.nonzero().unbind(dim=1)
    np.testing.assert_array_equal(listed[:, 0], images)
    np.testing.assert_array_equal(listed[:, 1:5], shifts[images, pairs].flatten(1))
    np.testing.assert_array_equal(listed[:, 5:], 1)


def test_margins_and_intervals_are_those_of_both_copies_and_of_the_images():
    data, settings = images_of(200), {"protocol": "each", "padding": "circular"}
    rows, _ = measured(Corner(), data, protocols=["each"], paddings=["circular"], pairs=4)
    x, y = places("each", 200, pairs=4)["circular"].unbind(dim=-1)
    unit = data.images[:, 0].double() / 255
    bright = unit[torch.arange(200)[:, None, None], -y % SIDE, -x % SIDE]  # at the corner
    margins, classes = (2 * bright - 1).abs(), bright > 0.5
    same = classes[..., 0] == classes[..., 1]
    expected = {
        "margin": margins.amin(dim=-1).median(),
        "margin_median": margins.amax(dim=-1)[~same].median(),
        "margin_largest": margins.amax(dim=-1)[~same].max(),
    }
    low, high = bootstrap(same.double().mean(dim=1))
    expected |= {"consistency_low": 100 * low, "consistency_high": 100 * high}
    for metric, found in expected.items():
        assert value(rows, metric, **settings) == pytest.approx(float(found), abs=1e-6), metric


def test_an_invariant_network_is_consistent_and_has_no_margin_of_disagreement():
    rows, arrays = measured(Mean(), images_of(50), paddings=["circular"])
    for protocol in ("cifar", "each"):
        settings = {"protocol": protocol, "padding": "circular"}
        assert value(rows, "consistency", **settings) == 100
        assert value(rows, "disagreements", **settings) == 0
        assert np.isnan(value(rows, "margin_median", **settings))
        assert arrays[f"{protocol}_circular"].shape == (0, 7)


def test_a_rounding_that_decides_shows_in_float32_alone_with_its_margin():
    settings = {"protocols": ["each"], "paddings": ["circular"]}
    rows, _ = measured(InOrder(), images_of(40), **settings)
    where = {"protocol": "each", "padding": "circular"}
    assert value(rows, "disagreements", **where) > 0
    assert 0 < value(rows, "margin_largest", **where) < 1e-4
    rows, _ = measured(InOrder(), images_of(40), dtype="float64", **settings)
    assert value(rows, "disagreements", **where) == 0
    assert {row["dtype"] for row in rows} == {"float64"}


def test_the_size_of_passes_changes_nothing(monkeypatch):
    data, network = images_of(50), Corner()
    rows = measured(network, data, pairs=3)[0]
    assert len(network.seen) == 2 * 2 * (2 + 6), "two batches, two paddings, one pair and three"
    monkeypatch.setattr(_shifting, "_NUMBERS", 5 * 32 * SIDE**2)
    joined = Corner()
    with forms.like_a_gpu():
        assert repr(measured(joined, data, pairs=3)[0]) == repr(rows)
    # of 32 images five copies fit, so two pairs; of 18 images eight, so all three
    assert len(joined.seen) == 2 * (1 + 2) + 2 * (1 + 1)


def test_an_evaluation_that_was_ended_goes_on_where_it_was():
    data, network = images_of(50), Corner()
    networks, position = Networks({1: network}, CPU), Kept(5)
    whole = shift_consistency.evaluate(networks, data, Params(pairs=2))
    networks._position_of = lambda seed: position
    network.seen.clear()
    with pytest.raises(SystemExit):
        shift_consistency.evaluate(networks, data, Params(pairs=2))
    done = len(network.seen)
    rows, arrays = shift_consistency.evaluate(networks, data, Params(pairs=2))
    assert repr(rows) == repr(whole[0])
    for name, array in whole[1][1].items():
        np.testing.assert_array_equal(arrays[1][name], array)
    assert len(network.seen) == 2 * 2 * (2 + 4), "nothing is computed twice"
    assert 0 < done < len(network.seen)


class OneSize(Corner):
    """Takes images of 8 pixels only."""

    def forward(self, images):
        if images.shape[-1] != 8:
            raise ValueError(f"needs 8 pixels, got {images.shape[-1]}")
        return super().forward(images)


def test_the_protocols_that_fit_follow_the_size_of_the_images():
    for side, expected in ((12, {"cifar", "each"}), (14, {"imagenet"})):
        rows, _ = measured(Corner(), images_of(3, side), crop=12)
        assert {row["protocol"] for row in rows} == expected


def test_networks_of_one_size_are_shown_what_they_take_and_the_log_says_so():
    lines = []
    networks = Networks({1: OneSize()}, CPU)
    networks._stacks.log = lines.append
    settings = {"protocols": ["imagenet"], "crop": 8}
    rows, _ = shift_consistency.evaluate(networks, images_of(3, 10), Params(**settings))
    assert {row["padding"] for row in rows} == {"standard"}
    assert "circular is left out" in lines[0]
    with pytest.raises(UserError, match="none of the sizes"):
        measured(OneSize(), images_of(3, 12), protocols=["imagenet"], crop=11)
    with pytest.raises(UserError, match="need larger images, these have 8 x 8"):
        measured(OneSize(), images_of(3, 8), protocols=["imagenet"], crop=8)


def test_masks_are_refused():
    masks = Images(noise(2), torch.zeros(2, SIDE, SIDE, dtype=torch.int64))
    with pytest.raises(UserError, match="labels of these data are masks"):
        measured(Corner(), masks)
    assert values([], "consistency") == {}
