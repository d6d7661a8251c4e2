"""Each augmentation against what it is in plain words."""

import math

import pytest
import torch
from torch.nn import functional as F

from isotrope.augmentation import crop, flip, random_resized_crop, rotate, scale_jitter, shift
from isotrope.datasets.images import VOID


def images(count, height=7, width=9):
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 2, height, width, generator=generator, dtype=torch.float64)


def masks(count, height=7, width=9):
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 4, (count, height, width), generator=generator)


def test_a_crop_is_a_window_of_the_framed_image():
    params = crop.Params(padding=2)
    places = torch.tensor([[top, left] for top in range(5) for left in range(5)])
    given, labels = images(25), masks(25)

    found, moved = crop.augment(params, given, labels, places)

    framed, framed_masks = F.pad(given, [2] * 4), F.pad(labels, [2] * 4, value=VOID)
    for i, (top, left) in enumerate(places.tolist()):
        assert torch.equal(found[i], framed[i, :, top : top + 7, left : left + 9])
        assert torch.equal(moved[i], framed_masks[i, top : top + 7, left : left + 9])
    drawn = crop.draw(params, torch.Generator().manual_seed(0), 1000)
    assert drawn.unique(dim=0).tolist() == places.tolist()


@pytest.mark.parametrize("border", ["wrap", "zeros"])
def test_a_shift_is_a_roll_or_a_crop(border):
    params = shift.Params(largest=3, border=border)
    moves = torch.tensor([[down, right] for down in range(-3, 4) for right in range(-3, 4)])
    given, labels = images(49), masks(49)

    found, moved = shift.augment(params, given, labels, moves)

    if border == "wrap":
        for i, (down, right) in enumerate(moves.tolist()):
            assert torch.equal(found[i], given[i].roll((down, right), (-2, -1)))
            assert torch.equal(moved[i], labels[i].roll((down, right), (-2, -1)))
    else:
        same = crop.augment(crop.Params(padding=3), given, labels, 3 - moves)
        assert torch.equal(found, same[0])
        assert torch.equal(moved, same[1])
    drawn = shift.draw(params, torch.Generator().manual_seed(0), 2000)
    assert drawn.unique(dim=0).tolist() == moves.tolist()


@pytest.mark.parametrize(("axis", "dimension"), [("horizontal", -1), ("vertical", -2)])
def test_a_flip_mirrors_those_that_are_chosen(axis, dimension):
    params = flip.Params(axis=axis, probability=0.25)
    given, labels, chosen = images(4), masks(4), torch.tensor([True, False, False, True])

    found, moved = flip.augment(params, given, labels, chosen)

    for i, mirrored in enumerate(chosen.tolist()):
        assert torch.equal(found[i], given[i].flip(dimension) if mirrored else given[i])
        assert torch.equal(moved[i], labels[i].flip(dimension) if mirrored else labels[i])
    share = flip.draw(params, torch.Generator().manual_seed(0), 10_000).double().mean()
    assert abs(float(share) - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 10_000)


@pytest.mark.parametrize("side", [6, 7])
def test_quarter_turns_are_exact(side):
    turns = torch.arange(-2, 3)
    given, labels = images(5, side, side), masks(5, side, side)

    found, moved = rotate.augment(rotate.Params(), given, labels, 90.0 * turns)

    for i, turn in enumerate(turns.tolist()):
        assert torch.equal(found[i], torch.rot90(given[i], turn, (-2, -1)))
        assert torch.equal(moved[i], torch.rot90(labels[i], turn, (-2, -1)))


@pytest.mark.parametrize("degrees", [10.0, -37.0, 45.0, 131.0])
def test_a_turn_is_that_of_grid_sample(degrees):
    given = images(3, 9, 9)
    found, _ = rotate.augment(
        rotate.Params(), given, torch.zeros(3).long(), torch.full((3,), degrees).double()
    )

    angle = math.radians(degrees)
    matrix = torch.tensor(  # x to the right, y down: where a pixel comes from
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]],
        dtype=torch.float64,
    )
    grid = F.affine_grid(matrix.expand(3, 2, 3), [3, 2, 9, 9], align_corners=False)
    expected = F.grid_sample(given, grid, padding_mode="zeros", align_corners=False)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_angles_are_even_and_reach_both_ends():
    drawn = rotate.draw(rotate.Params(degrees=30), torch.Generator().manual_seed(0), 10_000)
    counts = torch.histc(drawn, bins=10, min=-30, max=30)
    assert counts.sum() == 10_000
    # chi-square with 9 degrees of freedom: 27.9 is exceeded once in a thousand
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 27.9


def test_what_turns_in_from_outside_is_void():
    labels = torch.ones(1, 9, 9, dtype=torch.int64)
    given = torch.ones(1, 1, 9, 9, dtype=torch.float64)
    found, moved = rotate.augment(rotate.Params(), given, labels, torch.tensor([45.0]).double())
    assert moved[0, 0, 0] == VOID
    assert found[0, 0, 0, 0] == 0
    assert moved[0, 4, 4] == 1
    assert int((moved == VOID).sum()) == int((found < 0.5).sum())


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0, 3.0])
def test_masks_are_resized_with_their_images(factor):
    labels = torch.zeros(1, 12, 12, dtype=torch.int64)
    labels[0, 4:8, 4:8] = 1
    given = labels[:, None].double()
    numbers = torch.tensor([factor]).double()
    found, moved = scale_jitter.augment(scale_jitter.Params(largest=3.0), given, labels, numbers)
    half = round(2 * factor)
    expected = torch.zeros_like(labels)
    if factor < 1:
        expected[:] = VOID
        expected[0, 3:9, 3:9] = 0
    expected[0, max(0, 6 - half) : 6 + half, max(0, 6 - half) : 6 + half] = 1
    assert torch.equal(moved, expected)
    assert found[0, 0, 5, 5] > 0.5


def test_a_gpu_that_looks_further_finds_the_same_bits_down_to_half_the_size():
    generator = torch.Generator().manual_seed(0)
    for largest in (1.5, 2.0):
        params = scale_jitter.Params(largest=largest)
        numbers = scale_jitter.draw(params, generator, 64)
        given = torch.rand(64, 1, 16, 16, generator=generator)
        found = scale_jitter.rescaled(given, numbers, float(numbers.min()))
        assert torch.equal(scale_jitter.rescaled(given, numbers, 1 / largest), found)


def naive_window(params, numbers, i, height, width):
    """Top, left, height and width of the part of an image, drawn again until it fits."""
    down, right = numbers["place"][i].tolist()
    tries = zip(numbers["area"][i].tolist(), numbers["aspect"][i].tolist(), strict=True)
    for area, aspect in tries:
        tall = round(math.sqrt(height * width * area / aspect))
        wide = round(math.sqrt(height * width * area * aspect))
        if 0 < tall <= height and 0 < wide <= width:
            return int(down * (height - tall + 1)), int(right * (width - wide + 1)), tall, wide
    tall = min(height, round(width * params.aspect))
    wide = min(width, round(height * params.aspect))
    return (height - tall) // 2, (width - wide) // 2, tall, wide


@pytest.mark.parametrize(("height", "width"), [(32, 32), (9, 14), (30, 7), (8, 31), (2, 2), (3, 1)])
@pytest.mark.parametrize("smallest", [0.08, 0.9])
def test_a_random_resized_crop_is_a_part_that_is_cut_out_and_resized(height, width, smallest):
    params = random_resized_crop.Params(smallest=smallest)
    count = 60
    numbers = random_resized_crop.draw(params, torch.Generator().manual_seed(7), count)
    given, labels = images(count, height, width), masks(count, height, width)

    found, moved = random_resized_crop.augment(params, given, labels, numbers)

    for i in range(count):
        top, left, tall, wide = naive_window(params, numbers, i, height, width)
        part = given[i : i + 1, :, top : top + tall, left : left + wide]
        expected = F.interpolate(part, (height, width), mode="bilinear")
        torch.testing.assert_close(found[i], expected[0], rtol=0, atol=1e-12)
        rows, columns = (
            [first + (2 * k + 1) * its // (2 * side) for k in range(side)]
            for first, its, side in ((top, tall, height), (left, wide, width))
        )
        assert torch.equal(moved[i], labels[i][rows][:, columns])


def test_parts_are_as_large_and_as_oblong_as_asked_for_and_anywhere():
    params = random_resized_crop.Params(smallest=0.25, aspect=2.0)
    numbers = random_resized_crop.draw(params, torch.Generator().manual_seed(1), 4000)
    firsts, sides = random_resized_crop.windows(params, numbers, 96, 96)
    assert (firsts >= 0).all()
    assert (firsts + sides <= 96).all()
    areas = sides.prod(dim=1) / 96**2
    aspects = (sides[:, 1] / sides[:, 0]).log()
    assert 0.24 < areas.min() < 0.26
    assert areas.max() > 0.97
    # parts of less than half the area always fit, and are evenly spread
    assert float((areas < 0.375).sum() / (areas < 0.5).sum()) == pytest.approx(0.5, abs=0.05)
    assert abs(float(aspects.mean())) < 0.02
    assert float(aspects.abs().max()) == pytest.approx(math.log(2), abs=0.04)
    places = firsts / (96 - sides).clamp(min=1)
    assert places.mean(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert (places.max(), places.min()) == (1, 0)
