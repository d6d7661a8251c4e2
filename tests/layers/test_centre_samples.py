"""Samples about many centres: those of the plain form, piece by piece and in stacks."""

import pytest
import torch
from torch.func import vmap

from isotrope.layers.centre_samples import CentreSamples, Piece
from isotrope.layers.log_polar_bank import Grid, bank
from isotrope.layers.log_polar_jobs import site_of
from isotrope.layers.log_polar_sampling import sampled, smoothed_images

SIZE = (11, 14)
LATTICES = [(1, 0), (2, 1), (3, 0)]


@pytest.fixture
def images():
    return torch.rand(3, 2, *SIZE, dtype=torch.float64, requires_grad=True)


def bank_of(kind):
    return bank(kind, Grid(1.0, 9.0, 5, 8))


def whole(samples, images):
    return samples.of(Piece(0, len(images), 0, samples.rows), images)


@pytest.mark.parametrize("kind", ["bilinear", "gaussian", "sith_v2"])
@pytest.mark.parametrize(("stride", "trim"), LATTICES)
def test_samples_and_gradients_are_those_of_the_plain_form(images, kind, stride, trim):
    read = bank_of(kind)
    samples = CentreSamples(read, SIZE, stride=stride, trim=trim, repeated=2)

    found = whole(samples, images)

    site = site_of(read, *SIZE, stride, trim)
    plain = sampled(smoothed_images(images, read), read, site)
    plain = torch.cat((plain, plain[:, :, :, :2]), dim=3)
    expected = plain.permute(0, 4, 5, 1, 2, 3).flatten(0, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    chosen = torch.rand_like(expected)
    gradients = [torch.autograd.grad(one, images, chosen)[0] for one in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("repeated", [0, 2, 9, 17])
def test_an_image_of_ones_has_the_sums_also_where_angles_go_round_twice(repeated):
    samples = CentreSamples(bank_of("sith_v1"), (41, 41), repeated=repeated)
    ones = torch.ones(1, 1, 41, 41, dtype=torch.float64)

    of_middle = whole(samples, ones)[20 * 41 + 20, 0]

    torch.testing.assert_close(samples.sums(ones), of_middle, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("stride", "trim"), LATTICES)
def test_a_piece_is_a_part_of_the_whole(images, stride, trim):
    samples = CentreSamples(bank_of("gaussian"), SIZE, stride=stride, trim=trim)

    found = samples.of(Piece(1, 2, 1, 3), images)

    first = samples.columns * (samples.rows + 1)
    expected = whole(samples, images)[first : first + 2 * samples.columns]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


def test_a_stack_of_images_has_the_samples_and_gradients_of_each():
    samples = CentreSamples(bank_of("gaussian"), SIZE, stride=2)
    stack = torch.rand(4, 3, 2, *SIZE, dtype=torch.float64, requires_grad=True)

    found = vmap(lambda images: whole(samples, images))(stack)

    expected = torch.stack([whole(samples, images) for images in stack])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    chosen = torch.rand_like(expected)
    gradients = [torch.autograd.grad(one, stack, chosen)[0] for one in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-14)


def test_pieces_hold_all_centres_once_and_no_more_numbers_than_they_may(images, monkeypatch):
    monkeypatch.setattr("isotrope.layers.centre_samples._ON_A_CPU", 5000)
    samples = CentreSamples(bank_of("bilinear"), SIZE)
    for numbers in (1, 30, 100, 10_000):
        pieces = samples.pieces(images, numbers, layers=100)

        centres = [
            (image, row)
            for piece in pieces
            for image in range(piece.first, piece.last)
            for row in range(piece.top, piece.bottom)
        ]
        assert centres == [(image, row) for image in range(3) for row in range(SIZE[0])]
        most = max((last - first) * (low - high) for first, last, high, low in pieces)
        assert most == 1 or most * SIZE[1] * numbers <= 5000


def test_a_trim_that_leaves_nothing_is_left_out():
    samples = CentreSamples(bank_of("bilinear"), (16, 17), trim=8)

    assert (samples.rows, samples.columns) == (16, 1)
