"""The equivariance error, on maps whose error is known and against a plain loop in float64."""

import math

import pytest
import torch
from blobs import CPU, Cropped, Square, blob, blobs, networks, table
from torch import nn

from isotrope import registry
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation.scale_equivariance import PAIRS, Params, evaluate, published_errors

# A blob of 8 bits is off by 1/510 at most, with a square of a third of that bound's; the blob's
# mean square over its box is about 0.1. Reading a blob of this width between the pixels of the
# smallest box errs by less than 0.01 of its height.
NEARLY_ZERO = 1e-3


def naive_published(maps, positions, scales):
    """The published error of one object, pixel by pixel in float64."""
    a, b = scales
    margin = 64 - maps[0].shape[-1]

    def cut(values, scale, position):
        side, (x, y) = scale - margin, position
        return values[:, y : y + side, x : x + side]

    def weights(fraction):  # of the four pixels around, a = -3/4
        far = lambda t: -0.75 * (t**3 - 5 * t**2 + 8 * t - 4)  # noqa: E731
        near = lambda t: 1.25 * t**3 - 2.25 * t**2 + 1  # noqa: E731
        return far(1 + fraction), near(fraction), near(1 - fraction), far(2 - fraction)

    reference, other = cut(maps[0], a, positions[0]), cut(maps[1], b, positions[1])
    side, its = reference.shape[-1], other.shape[-1]
    difference = norm = 0.0
    for channel in range(len(reference)):
        for row in range(side):
            for column in range(side):
                value = 0.0
                y, x = ((i + 0.5) * its / side - 0.5 for i in (row, column))
                for j, weight in enumerate(weights(y - math.floor(y))):
                    for k, other_weight in enumerate(weights(x - math.floor(x))):
                        at = [
                            min(max(math.floor(i) - 1 + step, 0), its - 1)
                            for i, step in ((y, j), (x, k))
                        ]
                        value += weight * other_weight * float(other[channel, at[0], at[1]])
                difference += (float(reference[channel, row, column]) - value) ** 2
                norm += float(reference[channel, row, column]) ** 2
    return difference / norm


@pytest.mark.parametrize("change", [nn.Identity(), Square()], ids=["identity", "square"])
@pytest.mark.parametrize("margins", [(0, 0), (3, 3), (7, 7)], ids=str)
def test_an_exactly_rescaled_blob_has_no_corrected_error(change, margins):
    found = table(evaluate(networks(Cropped(*margins, change)), blobs(), Params()))
    for a, b in PAIRS:
        for stage in ("stage1", "stage2"):
            value, n = found["corrected", "error", stage, a, b]
            assert n >= 1
            assert value < NEARLY_ZERO


def test_the_published_error_of_an_exactly_rescaled_blob_grows_with_the_margin():
    # without a margin the cuts are the boxes and agree; with one of 6 pixels a side they are 20 and
    # 5 pixels where they should be 20 and 10.6
    pair = [[32, 17]]
    errors = {
        margin: published_errors(Cropped(margin, 0), blobs(), pair, CPU)["stage1"].mean()
        for margin in (0, 3, 6)
    }
    assert errors[0] < 0.02  # bicubic without antialiasing, at the box's edges
    assert errors[0] * 5 < errors[3] < errors[6]
    assert errors[6] > 0.3


@pytest.mark.parametrize("shift", [(1, 0), (0, 1)], ids=["across", "down"])
def test_a_map_that_lies_a_pixel_off_has_an_error(shift):
    class Shifted(Cropped):
        def forward(self, images):
            return super().forward(images.roll(shift, dims=(-1, -2)))

    # a pixel is another part of the box at another scale; at 17 and 32 pixels the two differ most
    found = table(evaluate(networks(Shifted(3, 3)), blobs(), Params()))
    assert found["corrected", "error", "stage1", 32, 17][0] > 10 * NEARLY_ZERO


def test_the_published_form_is_the_published_formula_on_images_in_0_to_255():
    torch.manual_seed(3)
    standard = registry.load("models", "standard")
    network = standard.build(standard.Params(), (1, 64, 64), 4).eval()
    data = blobs(objects=2)
    found = published_errors(network, data, PAIRS, CPU)

    place = {
        (int(s), int(c)): i
        for i, (s, c) in enumerate(zip(data.latents["scale"], data.labels, strict=True))
    }
    assert found["stage1"].shape == found["stage2"].shape == (2, 6)
    for one, pair in ((0, 4), (1, 5), (1, 3)):
        a, b = PAIRS[pair]
        chosen = [place[a, one], place[b, one]]
        with torch.no_grad():
            first = network.conv1(data.images[chosen].float()).relu()
            maps = {"stage1": first, "stage2": network.conv2(first).relu()}
        positions = [data.latents["position"][i].tolist() for i in chosen]
        for stage, its in maps.items():
            expected = naive_published(its.double().numpy(), positions, (a, b))
            # the maps are float32
            assert float(found[stage][one, pair]) == pytest.approx(expected, rel=1e-4)


def test_an_untrained_standard_network_has_the_error_of_the_untrained_line():
    standard = registry.load("models", "standard")
    given = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        given.append(standard.build(standard.Params(), (1, 64, 64), 4))
    rows = evaluate(networks(*given), blobs(), Params(pairs=[[64, 49], [17, 32]]))
    for seed in (1, 2):
        found = table([row for row in rows if row["seed"] == seed])
        for stage in ("stage1", "stage2"):
            for pair in ((64, 49), (17, 32)):
                error, n = found["corrected", "error", stage, *pair]
                assert (error, n) == found["corrected", "untrained", stage, *pair]
                assert error > 0
    assert rows[0]["value"] != rows[len(rows) // 2]["value"]


def test_the_floor_is_what_resampling_costs():
    random = torch.randint(0, 256, (12, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    smooth = blobs(objects=2)
    noise = Images(random.to(torch.uint8), smooth.labels, smooth.latents)
    floors = {}
    for name, data in (("smooth", smooth), ("noise", noise)):
        found = table(evaluate(networks(Cropped(3, 3)), data, Params()))
        floors[name] = {
            pair: found["corrected", "floor", "stage1", *pair][0] for pair in map(tuple, PAIRS)
        }
    assert max(floors["smooth"].values()) < NEARLY_ZERO
    # noise loses what the low-pass takes, to its last pixel's worth
    assert min(floors["noise"].values()) > 0.02


def test_a_silent_network_has_no_error_and_says_so():
    class Silent(Cropped):
        def forward(self, images):
            return super().forward(images * 0)

    rows = evaluate(networks(Silent(3, 3), Cropped(3, 3)), blobs(), Params())
    silent = [row for row in rows if row["seed"] == 1 and row["metric"] != "untrained"]
    assert all(row["n"] == 0 for row in silent)
    assert all(math.isnan(row["value"]) for row in silent)
    assert sum(row["seed"] == 1 for row in rows) == sum(row["seed"] == 2 for row in rows)


def test_objects_without_a_finite_error_are_left_out_of_the_mean():
    data = blobs()
    images = data.images.clone()
    images[(data.labels == 2) & (data.latents["scale"] == 64)] = 0
    found = table(
        evaluate(
            networks(Cropped(0, 0)),
            Images(images, data.labels, data.latents),
            Params(pairs=PAIRS[:2]),
        )
    )
    value, n = found["published", "error", "stage1", 64, 49]
    assert (math.isfinite(value), n) == (True, 5)
    assert found["published", "error", "stage1", 49, 64] == (pytest.approx(1 / 6, abs=0.02), 6)
    assert found["corrected", "error", "stage1", 64, 49][1] == 6, "the denominator has a floor"


def test_the_floor_of_a_denominator_is_that_of_its_own_pair():
    """A pair whose maps are faint is not measured by what is bright at another pair's scale."""
    data = blobs()
    scale = data.latents["scale"]
    faint = torch.where((scale <= 32)[:, None, None, None], data.images // 20, data.images)
    data = Images(faint, data.labels, data.latents)
    found = {
        len(pairs): table(evaluate(networks(Cropped(3, 3)), data, Params(pairs=pairs)))
        for pairs in ([[32, 17]], [[32, 17], [64, 49]])
    }
    for metric in ("error", "floor"):
        (alone, _), (beside, _) = (
            found[count]["corrected", metric, "stage1", 32, 17] for count in (1, 2)
        )
        assert beside == pytest.approx(alone, rel=1e-12), metric
        assert alone > 0


def test_of_maps_with_an_axis_of_scales_the_largest_value_counts():
    class Stacked(Cropped):
        def forward(self, images):
            first = self.stage1(self.first(torch.stack((images, images / 2), dim=2)))
            return self.stage2(self.second(first)).amax(dim=(2, 3, 4))

    plain, stacked = (
        evaluate(networks(kind(3, 3)), blobs(), Params(pairs=[[32, 17]]))
        for kind in (Cropped, Stacked)
    )
    assert stacked == plain


def test_boxes_that_reach_beyond_the_map_have_no_published_error_but_a_corrected_one():
    # the long side of an aerial photo's box, at its corner
    data = blobs()
    places = data.latents["position"].clone()
    images = torch.stack(
        [
            blob(int(s), (int(x), 40), centre=(0.45, 0.2))[None]
            for s, (x, _) in zip(data.latents["scale"], places, strict=True)
        ]
    )
    places[:, 1] = 40
    aerial = Images(images, data.labels, {"scale": data.latents["scale"], "position": places})
    found = table(evaluate(networks(Cropped(3, 3)), aerial, Params(pairs=[[48, 33], [32, 17]])))
    assert found["published", "error", "stage1", 48, 33][1] == 0
    value, n = found["corrected", "error", "stage1", 48, 33]
    assert n >= 1
    assert value < NEARLY_ZERO


@pytest.mark.parametrize("latent", ["scale", "position"])
def test_data_that_do_not_know_where_things_are_are_refused(latent):
    data = blobs()
    known = {name: values for name, values in data.latents.items() if name != latent}
    with pytest.raises(UserError, match=f"needs a data set that knows the {latent} of the things"):
        evaluate(networks(Cropped(3, 3)), Images(data.images, data.labels, known), Params())


def test_data_without_a_scale_of_the_pairs_are_refused():
    with pytest.raises(UserError, match="there is no image at 20 pixels, the data have 17 to 64"):
        evaluate(networks(Cropped(3, 3)), blobs(), Params(pairs=[[64, 20]]))


@pytest.mark.parametrize(
    ("margins", "sentence"),
    [
        (((-1, -1, 0, 0), (0, 0, 0, 0)), "stage1 has 64 x 62 pixels for images of 64 x 64"),
        (((2, 2, 2, 2), (0, 0, 0, 0)), "stage1 has 68 x 68 pixels for images of 64 x 64"),
        (
            ((-3, -3, -3, -3), (1, 1, 1, 1)),
            r"a stage2 whose maps \(60 pixels a side\) are no larger",
        ),
    ],
)
def test_maps_that_cannot_be_placed_in_the_image_are_refused(margins, sentence):
    network = Cropped(0, 0)
    network.first, network.second = (nn.ZeroPad2d(margin) for margin in margins)
    with pytest.raises(UserError, match=sentence):
        evaluate(networks(network), blobs(), Params())


def test_a_pair_stands_once():
    with pytest.raises(ValueError, match="each pair may stand once only"):
        Params(pairs=[[64, 49], [64, 49]])
