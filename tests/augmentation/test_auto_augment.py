"""AutoAugment and cutout against Pillow, scipy and torchvision, one image at a time."""

import math

import numpy
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage
from torchvision.transforms import autoaugment as theirs
from torchvision.transforms.functional import InterpolationMode

from isotrope.augmentation import auto_augment, cutout
from isotrope.augmentation._policies import CIFAR10, CODES, OPERATIONS
from isotrope.augmentation._splines import spline_sampled
from isotrope.datasets.images import VOID
from isotrope.layers import forms

PUBLISHED, TORCHVISION = (
    auto_augment.Params(flavour=name) for name in ("published", "torchvision")
)
SIDE = 32
THEIR_NAMES = {name: name.title().replace("_", "") for name in OPERATIONS} | {"colour": "Color"}
FACTORS = ("contrast", "colour", "brightness", "sharpness")
# the eleven edges between which magnitudes are drawn
EDGES = {
    **dict.fromkeys(("shear_x", "shear_y"), numpy.linspace(-0.3, 0.3, 11)),
    **dict.fromkeys(("translate_x", "translate_y"), numpy.linspace(-150 / 331, 150 / 331, 11)),
    "rotate": numpy.linspace(-30, 30, 11),
    "posterize": numpy.linspace(4, 8, 11),
    "solarize": numpy.linspace(0, 256, 11),
    **dict.fromkeys(FACTORS, numpy.linspace(0.1, 1.9, 11)),
}
MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
SIGNED = {*MOVES, *FACTORS}


def pictures(count, channels=3, side=SIDE, seed=0):
    """Smooth shapes with noise, some of low contrast, uint8 ``(count, channels, side, side)``."""
    generator = numpy.random.default_rng(seed)
    noise = generator.normal(size=(count, channels, side, side))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 2.5, 2.5)) * 6 + 0.15 * noise
    span = generator.uniform(10, 90, size=(count, 1, 1, 1))
    middle = generator.uniform(60, 200, size=(count, channels, 1, 1))
    return numpy.clip(middle + span * smooth, 0, 255).astype(numpy.uint8)


def turned(picture, matrix):
    """A picture ``(side, side, channels)`` by a matrix about a point beside its middle."""
    middle = numpy.array([side / 2 + 0.5 for side in picture.shape[:2]])
    matrix, shift = numpy.array(matrix, float)[:, :2], numpy.array(matrix, float)[:, 2]
    offset = middle + shift - matrix @ middle
    layers = [ndimage.affine_transform(layer, matrix, offset) for layer in picture.T.swapaxes(1, 2)]
    return numpy.stack(layers, axis=-1)


def published(picture, name, magnitude):
    """What the published code does to a picture, uint8 ``(side, side, channels)``."""
    angle = math.radians(magnitude)
    matrices = {
        "shear_x": [[1, magnitude, 0], [0, 1, 0]],
        "shear_y": [[1, 0, 0], [magnitude, 1, 0]],
        "translate_x": [[1, 0, 0], [0, 1, magnitude * picture.shape[1]]],
        "translate_y": [[1, 0, magnitude * picture.shape[0]], [0, 1, 0]],
        "rotate": [
            [math.cos(angle), -math.sin(angle), 0],
            [math.sin(angle), math.cos(angle), 0],
        ],
    }
    if name in matrices:
        return turned(picture, matrices[name])
    image = Image.fromarray(picture)
    pillow = {
        "nothing": lambda: image,
        "invert": lambda: ImageOps.invert(image),
        "posterize": lambda: ImageOps.posterize(image, round(magnitude)),
        "solarize": lambda: ImageOps.solarize(image, magnitude),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(magnitude),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(magnitude),
        "colour": lambda: ImageEnhance.Color(image).enhance(magnitude),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(magnitude),
        "auto_contrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
    }
    return numpy.asarray(pillow[name]())


def numbers_of(operations, magnitudes):
    codes = [[CODES[name] for name in pair] for pair in operations]
    return {
        "operation": torch.tensor(codes),
        "magnitude": torch.tensor(magnitudes, dtype=torch.float64),
    }


def levels(params, given, operations, magnitudes):
    """Grey levels after augmentation, int64."""
    images = torch.from_numpy(given).float() / 255
    found, _ = auto_augment.augment(
        params, images, torch.zeros(len(images)).long(), numbers_of(operations, magnitudes)
    )
    assert torch.equal((found * 255).round() / 255, found)
    return (found * 255).round().long().numpy()


def differences(found, expected):
    return numpy.abs(found - numpy.asarray(expected, dtype=numpy.int64))


def drawn(generator, name, index):
    edges = EDGES.get(name)
    return 0.0 if edges is None else generator.uniform(edges[index], edges[index + 1])


@pytest.mark.parametrize("number", range(25))
def test_every_sub_policy_is_the_published_one_within_a_grey_level(number):
    generator = numpy.random.default_rng(number)
    given = pictures(6, seed=number)
    pair = CIFAR10[number]
    names = [name for name, _, _ in pair]
    magnitudes = [[drawn(generator, name, index) for name, _, index in pair] for _ in given]

    found = levels(PUBLISHED, given, [names] * len(given), magnitudes)

    expected = given.transpose(0, 2, 3, 1)
    for place, name in enumerate(names):
        chosen = [own[place] for own in magnitudes]
        expected = [
            published(picture, name, magnitude)
            for picture, magnitude in zip(expected, chosen, strict=True)
        ]
    assert found.shape == given.shape
    far = differences(found, numpy.stack(expected).transpose(0, 3, 1, 2)) > 1
    assert far.mean() < 1e-3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_pillow_s_or_scipy_s_at_any_magnitude(name, channels):
    generator = numpy.random.default_rng(5)
    given = pictures(40, channels, side=19, seed=3)
    given[0], given[1, :, 3:] = 77, 200  # flat, and of two levels
    edges = EDGES.get(name, [0, 0])
    magnitudes = generator.uniform(edges[0], edges[-1], size=40)

    found = levels(
        PUBLISHED, given, [[name, "nothing"]] * 40, [[magnitude, 0] for magnitude in magnitudes]
    )

    grey = channels == 1 and CODES[name] < CODES["shear_x"]
    expected = [
        published(picture[..., 0] if grey else picture, name, magnitude)
        for picture, magnitude in zip(given.transpose(0, 2, 3, 1), magnitudes, strict=True)
    ]
    expected = numpy.stack(expected).reshape(40, 19, 19, channels).transpose(0, 3, 1, 2)
    assert (differences(found, expected) > 0).mean() < 1e-3


def test_the_policy_is_torchvision_s():
    known = theirs.AutoAugment(theirs.AutoAugmentPolicy.CIFAR10).policies
    for pair, expected in zip(CIFAR10, known, strict=True):
        for (name, odds, index), (their_name, their_odds, their_index) in zip(
            pair, expected, strict=True
        ):
            assert (THEIR_NAMES[name], odds) == (their_name, their_odds)
            assert their_index in (None, index)


@pytest.mark.parametrize("side", [32, 21])
@pytest.mark.parametrize("number", range(25))
def test_torchvision_s_flavour_is_torchvision_s_within_a_grey_level(number, side):
    space = theirs.AutoAugment()._augmentation_space(10, (side, side))
    given = pictures(4, side=side, seed=number)
    names = [name for name, _, _ in CIFAR10[number]]
    signs = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    magnitudes, expected = [], []
    for picture, own in zip(given, signs, strict=True):
        image, used = torch.from_numpy(picture), []
        for (name, _, index), sign in zip(CIFAR10[number], own, strict=True):
            values, signed = space[THEIR_NAMES[name]]
            value = float(values[index]) if name in EDGES else 0.0
            value *= sign if signed else 1
            image = theirs._apply_op(
                image, THEIR_NAMES[name], value, InterpolationMode.NEAREST, None
            )
            factor = name in FACTORS
            moves = name.startswith("translate")
            used.append(value + 1 if factor else value / side if moves else value)
        magnitudes.append(used)
        expected.append(image.numpy())

    found = levels(TORCHVISION, given, [names] * 4, magnitudes)

    assert differences(found, numpy.stack(expected)).max() <= 1


def magnitudes_by_operation(params, count=100_000):
    """Of many draws: the share of images with each operation at each place, and its magnitudes."""
    numbers = auto_augment.draw(params, torch.Generator().manual_seed(0), count)
    for place in (0, 1):
        for name, code in CODES.items():
            chosen = numbers["operation"][:, place] == code
            yield place, name, float(chosen.double().mean()), numbers["magnitude"][chosen, place]


@pytest.mark.parametrize("params", [PUBLISHED, TORCHVISION], ids=lambda params: params.flavour)
def test_operations_are_drawn_as_often_as_the_policy_says(params):
    for place, name, share, _ in magnitudes_by_operation(params):
        if name != "nothing":
            expected = sum(pair[place][1] for pair in CIFAR10 if pair[place][0] == name) / 25
            assert abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / 100_000)


def test_published_magnitudes_are_spread_evenly_between_their_edges():
    for place, name, _, found in magnitudes_by_operation(PUBLISHED):
        if name not in EDGES:
            assert not found.any()
            continue
        bins = numpy.zeros(10)
        for pair in CIFAR10:
            bins[pair[place][2]] += pair[place][1] if pair[place][0] == name else 0
        if not bins.any():
            assert len(found) == 0
            continue
        counts, _ = numpy.histogram(found.numpy(), EDGES[name])
        assert counts.sum() == len(found)
        expected = bins / bins.sum() * len(found)
        assert (numpy.abs(counts - expected) <= 4 * numpy.sqrt(expected)).all()
        largest = int(bins.argmax())
        low, high = EDGES[name][largest : largest + 2]
        inside = found[(found >= low) & (found < high)]
        assert abs(float(inside.mean()) - (low + high) / 2) < (high - low) * 2 / len(inside) ** 0.5


def test_torchvision_s_magnitudes_are_its_ten_with_drawn_signs():
    space = theirs.AutoAugment()._augmentation_space(10, (1, 1))
    for place, name, _, found in magnitudes_by_operation(TORCHVISION):
        wanted = set()
        for own, odds, index in (pair[place] for pair in CIFAR10):
            if own == name and name in EDGES and odds:
                value = float(space[THEIR_NAMES[name]][0][index])
                factor = name in FACTORS
                signs = (-1, 1) if name in SIGNED else (1,)
                wanted |= {factor + sign * value for sign in signs}
        values, counts = found.unique(return_counts=True)
        assert values.tolist() == pytest.approx(sorted(wanted or {0.0} if len(found) else []), 1e-5)
        if name in SIGNED and len(values):
            away = found[found != (1 if name in FACTORS else 0)]
            below = float((away < (1 if name in FACTORS else 0)).double().mean())
            assert abs(below - 0.5) < 4 * 0.5 / len(away) ** 0.5
        assert int(counts.sum()) == len(found)


@pytest.mark.parametrize("params", [PUBLISHED, TORCHVISION], ids=lambda params: params.flavour)
def test_a_gpu_s_way_gives_the_same_bits(params):
    given = torch.from_numpy(pictures(200, side=16)).float() / 255
    labels = torch.randint(0, 4, (200, 16, 16), generator=torch.Generator().manual_seed(1))
    numbers = auto_augment.draw(params, torch.Generator().manual_seed(2), 200)
    found, moved = auto_augment.augment(params, given, labels, numbers)
    with forms.like_a_gpu():
        same, also = auto_augment.augment(params, given, labels, numbers)
    assert torch.equal(found, same)
    assert torch.equal(moved, also)
    still = (numbers["operation"] < CODES["shear_x"]).all(dim=1)
    assert torch.equal(moved[still], labels[still])
    assert not torch.equal(moved[~still], labels[~still])


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("params", [PUBLISHED, TORCHVISION], ids=lambda params: params.flavour)
def test_masks_go_where_their_images_go(params, name):
    masks = torch.zeros(1, SIDE, SIDE, dtype=torch.int64)
    masks[0, 10:26, 6:22] = 1
    given = masks[:, None].float()
    edges = EDGES[name]
    found, moved = auto_augment.augment(
        params, given, masks, numbers_of([[name, "nothing"]], [[edges[-1], 0]])
    )
    assert (moved == VOID).any()
    assert (found[0, 0][moved[0] == VOID] < 0.5).all()
    inside = moved[0] != VOID
    assert ((found[0, 0] > 0.5)[inside] == (moved[0] == 1)[inside]).double().mean() > 0.98


@pytest.mark.parametrize("shape", [(1, 9), (5, 1), (2, 3), (12, 7)])
def test_splines_are_scipy_s(shape):
    generator = numpy.random.default_rng(0)
    image = generator.uniform(size=shape)
    y = generator.uniform(-1, shape[0], size=shape)
    x = generator.uniform(-1, shape[1], size=shape)
    y[0, 0], x[0, 0] = shape[0] - 1, shape[1] - 1  # on the border is inside
    found = spline_sampled(*(torch.from_numpy(part)[None] for part in (image[None], y, x)))
    expected = ndimage.map_coordinates(image, (y, x), order=3)
    numpy.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


def test_images_of_two_channels_are_refused():
    numbers = numbers_of([["colour", "nothing"]], [[0.5, 0]])
    with pytest.raises(ValueError, match="1 or 3 channels, got 2"):
        auto_augment.augment(PUBLISHED, torch.zeros(1, 2, 8, 8), torch.zeros(1).long(), numbers)


def published_cutout(picture, top, left, size=16):
    """One picture ``(side, side, channels)`` by drawn edges, as published."""
    picture = picture.copy()
    mean = picture.mean()
    bottom, end = top + size, left + size
    top = max(top, 0)
    picture[top:bottom, (0 if left < 0 else top) : end] = mean
    return picture


@pytest.mark.parametrize(("place", "extremes"), [("published", (16, 16 * 31)), ("even", (64, 256))])
def test_cutout_fills_what_the_published_code_or_a_square_fills(place, extremes):
    params = cutout.Params(place=place)
    edges = torch.tensor([(t, e) for t in range(-8, 16) for e in range(-8, 16)])
    given = pictures(len(edges))
    images = torch.from_numpy(given).float() / 255
    masks = torch.zeros(len(edges), SIDE, SIDE).long()

    found, hidden = cutout.augment(params, images, masks, (edges.double() + 8.5) / 24)

    found = (found * 255).round().long().numpy()
    for i, (top, left) in enumerate(edges.tolist()):
        picture = given[i].transpose(1, 2, 0)
        expected = published_cutout(picture, top, left)
        if place == "even":
            expected = picture.copy()
            expected[max(top, 0) : top + 16, max(left, 0) : left + 16] = picture.mean()
        assert numpy.array_equal(found[i], expected.transpose(2, 0, 1))
        assert (hidden[i].numpy() == VOID)[(expected != picture).any(-1)].all()
    filled = (hidden == VOID).sum(dim=(1, 2))
    assert (int(filled.min()), int(filled.max())) == extremes


def test_squares_reach_every_place_and_none_other():
    drawn_places = cutout.draw(cutout.Params(), torch.Generator().manual_seed(0), 20_000)
    for edges in (cutout._edge(drawn_places[:, axis], SIDE, 16) for axis in (0, 1)):
        values, counts = edges.unique(return_counts=True)
        assert values.tolist() == list(range(-8, 16))
        assert float(((counts - 20_000 / 24) ** 2 / (20_000 / 24)).sum()) < 50  # chi-square, 23
