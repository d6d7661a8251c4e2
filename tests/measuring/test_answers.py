"""Evaluations of a job share forward passes: what was answered before is not computed again."""

import pytest
import torch
from test_stacked_networks import CPU, DATA, Plain, calls  # noqa: F401
from test_stochastic_networks import Glancing, Segmenting

from isotrope.datasets.images import Images
from isotrope.layers import forms
from isotrope.measuring.answers import Answers
from isotrope.measuring.networks import Networks
from isotrope.measuring.position import Position

EVEN = DATA[:32]


def networks(kind=Plain, seeds=(1, 2)):
    found = {}
    for seed in seeds:
        torch.manual_seed(seed)
        found[seed] = kind()
    return Networks(found, CPU, alike=True)


def asked(networks, data):
    return torch.cat([found for _, found in networks.answers(data)], dim=1)


@pytest.mark.parametrize("kind", [Plain, Segmenting, Glancing])
def test_answers_are_those_of_batches(kind):
    found = networks(kind)
    expected = [one for _, one in networks(kind).batches(DATA)]
    for _ in range(2):
        for (batch, one), other in zip(found.answers(DATA), expected, strict=True):
            assert torch.equal(one, other)
            assert len(batch) == one.shape[1]


def test_images_that_were_shown_before_are_not_shown_again(calls):  # noqa: F811
    found, order = networks(), torch.randperm(32, generator=torch.Generator().manual_seed(0))
    first = asked(found, EVEN)
    assert calls == [(1, 32)] * 2

    assert torch.equal(asked(found, EVEN[order]), first[:, order])
    assert torch.equal(asked(found.only([2]), EVEN), first[1:])
    assert calls == [(1, 32)] * 2
    found.logits(EVEN.images)
    assert calls == [(1, 32)] * 4, "whoever asks for batches sees the networks called"


def test_what_is_new_is_shown(calls):  # noqa: F811
    found = networks()
    asked(found, EVEN)
    calls.clear()
    images = EVEN.images.clone()
    images[5, 0, 0, 0] ^= 1
    asked(found, Images(images, EVEN.labels))
    assert calls == [(1, 32)] * 2
    asked(found, Images(images.reshape(32, 1, 4, 16), EVEN.labels))
    assert calls == [(1, 32)] * 4, "the same bytes, but another shape"
    asked(networks(), EVEN)
    assert calls == [(1, 32)] * 6, "other networks"


def test_on_a_cpu_an_image_counts_in_a_batch_of_as_many_only(calls):  # noqa: F811
    found = networks()
    asked(found, EVEN)
    asked(found, EVEN[:7])
    assert calls == [(1, 32)] * 2 + [(1, 7)] * 2
    calls.clear()
    with forms.like_a_gpu():
        asked(found, EVEN)
        asked(found, EVEN[:7])
    assert calls == [(2, 32)]


@pytest.mark.parametrize("most", [0, 100])
def test_no_more_is_remembered_than_there_is_room_for(calls, most):  # noqa: F811
    found = networks().under(lambda: None, lambda _: Position(), Answers(most), print)
    first = asked(found, EVEN)
    assert torch.equal(asked(found, EVEN), first)
    assert calls == [(1, 32)] * 4


def test_a_network_that_is_gone_is_forgotten():
    found = networks()
    asked(found, EVEN)
    known = found._answers
    assert len(known._known) == 2
    del found
    assert len(known._known) == 0
