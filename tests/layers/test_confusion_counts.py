"""Confusion matrices by products of zeros and ones, against counting one pixel after the other."""

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import vmap

from isotrope.layers import confusion_counts, forms
from isotrope.layers.confusion_counts import confusion

VOID = 255


def drawn(seed, images, height, width, classes, void=0.3):
    generator = torch.Generator().manual_seed(seed)
    shape = (images, height, width)
    guesses = torch.randint(0, classes, shape, generator=generator)
    labels = torch.randint(0, classes, shape, generator=generator)
    labels[torch.rand(shape, generator=generator) < void] = VOID
    return guesses, labels


@given(
    seed=st.integers(0, 2**31),
    images=st.integers(1, 4),
    height=st.integers(1, 5),
    width=st.integers(1, 7),
    classes=st.integers(1, 6),
    void=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_both_forms_count_every_pixel_that_is_not_void(seed, images, height, width, classes, void):
    guesses, labels = drawn(seed, images, height, width, classes, void)
    expected = torch.zeros(images, classes, classes, dtype=torch.int64)
    for image in range(images):
        for guess, label in zip(guesses[image].flatten(), labels[image].flatten(), strict=True):
            if label != VOID:
                expected[image, label, guess] += 1

    on_a_cpu = confusion(guesses, labels, classes, VOID)
    with forms.like_a_gpu():
        on_a_gpu = confusion(guesses, labels, classes, VOID)

    assert on_a_cpu.dtype == on_a_gpu.dtype == torch.int64
    assert torch.equal(on_a_cpu, expected)
    assert torch.equal(on_a_gpu, expected)


def test_counts_beyond_what_float32_holds_are_exact():
    width = 2**20 + 1  # 17 rows of it are more than 2^24, and odd
    labels = torch.ones(1, 17, width, dtype=torch.int64)
    with forms.like_a_gpu():
        found = confusion(labels, labels, 2, VOID)
    assert found.tolist() == [[[0, 0], [0, 17 * width]]]


def test_images_that_do_not_fit_at_once_are_counted_in_parts(monkeypatch):
    guesses, labels = drawn(1, 5, 4, 6, 3)
    whole = confusion(guesses, labels, 3, VOID)
    monkeypatch.setattr(confusion_counts, "_NUMBERS", 2 * 4 * 6 * 3)
    with forms.like_a_gpu():
        assert torch.equal(confusion(guesses, labels, 3, VOID), whole)


@pytest.mark.parametrize("gpu", [False, True])
def test_rows_of_a_stack_are_counted_as_each_alone(gpu):
    pairs = [drawn(seed, 2, 4, 5, 3) for seed in range(3)]
    guesses, labels = (torch.stack(values) for values in zip(*pairs, strict=True))
    expected = torch.stack([confusion(*pair, 3, VOID) for pair in pairs])

    def count(guesses, labels):
        return confusion(guesses, labels, 3, VOID)

    if gpu:
        with forms.like_a_gpu(), forms.stacked(3):
            found = vmap(count)(guesses, labels)
    else:
        found = vmap(count)(guesses, labels)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("on_a_gpu", [False, True])
def test_an_ignored_label_may_be_that_of_a_class_and_of_no_images_there_is_nothing(on_a_gpu):
    labels = torch.tensor([[[0, 1, 2, 1]]])
    predicted = torch.tensor([[[2, 1, 2, 0]]])
    with forms.like_a_gpu() if on_a_gpu else nullcontext():
        found = confusion(predicted, labels, 3, ignore=1)
        none = confusion(predicted[:0], labels[:0], 3, ignore=1)
    assert found.tolist() == [[[0, 0, 1], [0, 0, 0], [0, 0, 1]]]
    assert none.shape == (0, 3, 3)
