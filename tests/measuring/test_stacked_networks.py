"""Networks in stacks, as on a GPU: the same answers, whatever fits the memory."""

from contextlib import nullcontext

import pytest
import torch
from test_stochastic_networks import Glancing, Segmenting
from torch import nn
from toy_runs import CLASSES, ToyDataParams, toy_images

from isotrope import devices
from isotrope.layers import forms
from isotrope.measuring import stacks
from isotrope.measuring.answers import Answers
from isotrope.measuring.networks import Networks
from isotrope.measuring.position import Position

CPU = torch.device("cpu")
DATA = toy_images(ToyDataParams(count=41), "all_scales")
SEEDS = (3, 1, 2, 5)


class Plain(nn.Module):
    """Notes every call: how many networks are in its stack, and how many images it is shown."""

    calls: list[tuple[int, int]] = []  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.linear = nn.Linear(64, CLASSES)
        nn.init.normal_(self.norm.running_mean)

    def forward(self, images):
        rows = forms.NUMBERS // forms.numbers_at_once(images, forms.NUMBERS)
        self.calls.append((rows, len(images)))
        self.check(rows, len(images))
        return self.linear(self.norm(images).flatten(1))

    def check(self, rows, images):
        pass


class Large(Plain):
    """Needs more memory than there is for more than so many rows or images."""

    most_rows, most_images = 2, 8

    def check(self, rows, images):
        if rows > self.most_rows or images > self.most_images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")


class Branching(Plain):
    """Decides by a value, which a stack cannot."""

    def forward(self, images):
        found = super().forward(images)
        return found if float(self.linear.bias.detach()[0]) > 9 else -found


@pytest.fixture(autouse=True)
def calls():
    Plain.calls.clear()
    return Plain.calls


@pytest.fixture
def lines():
    return []


@pytest.fixture
def networks(lines):
    def made(kind=Plain, seeds=SEEDS, alike=True, draws=1, between=lambda: None):
        found = {}
        for seed in seeds:
            torch.manual_seed(seed)
            found[seed] = kind()
        plain = Networks(found, CPU, draws, alike=alike)
        return plain.under(between, lambda _: Position(), Answers(), lines.append)

    return made


def answers(networks, batch_size=16, like_a_gpu=True):
    with forms.like_a_gpu() if like_a_gpu else nullcontext():
        return networks.logits(DATA.images, batch_size)


@pytest.mark.parametrize("kind", [Plain, Segmenting, Glancing])
@pytest.mark.parametrize("most", [1, 2, 3, 9])
@pytest.mark.parametrize("draws", [1, 3])
def test_answers_of_a_stack_are_those_of_its_networks(networks, kind, most, draws):
    stacked = networks(kind, draws=draws)
    stacked.most_at_once(most)
    expected = answers(networks(kind, draws=draws), like_a_gpu=False)

    torch.testing.assert_close(answers(stacked), expected, rtol=0, atol=1e-6)


def test_seeds_are_spread_evenly_over_as_few_stacks_as_may_be(networks, calls):
    one = networks(seeds=range(1, 8))
    one.most_at_once(5)
    answers(one, batch_size=41)
    assert calls == [(4, 41), (3, 41)]


def test_on_a_cpu_and_without_the_word_that_they_are_alike_networks_are_called_one_by_one(
    networks, calls
):
    answers(networks(), 41, like_a_gpu=False)
    answers(networks(alike=False), 41)
    assert calls == [(1, 41)] * 8


def test_gradients_reach_weights_and_images(networks, calls):
    found, images = networks(), (DATA.images / 255).requires_grad_()
    with forms.like_a_gpu():
        found.predictions(images, range(41)).sum().backward()
    assert images.grad.abs().sum() > 0
    assert all(network.linear.weight.grad.abs().sum() > 0 for _, network in found)
    assert calls == [(1, 41)] * 4


def test_weights_that_are_changed_between_batches_count(networks):
    found = networks()
    before = answers(found)
    for _, network in found:
        with torch.no_grad():
            network.linear.bias.add_(1)
            network.norm.running_mean.zero_()
    after = answers(found)
    torch.testing.assert_close(after, answers(found, like_a_gpu=False), rtol=0, atol=1e-6)
    assert (after - before).abs().min() > 0.1


def test_who_listens_to_a_network_hears_every_call(networks, calls):
    found, heard = networks(), []
    ((_, first), *_) = found
    first.linear.register_forward_hook(lambda part, given, output: heard.append(output.mean()))
    answers(found, batch_size=41)
    assert len(heard) == 1
    assert float(heard[0]) != 0, "a number of its own"
    assert calls == [(1, 41)] * 4


def test_half_as_many_are_tried_where_memory_runs_out(networks, calls, lines, monkeypatch):
    found = networks(Large)
    answered = answers(found)
    assert lines == [
        "4 networks at once need more memory than there is; now 2",
        "2 networks at once need more memory than there is; now 1",
        "16 images at once need more memory than there is; now 8",
    ]
    again = len(calls)
    answers(found)
    assert {images for _, images in calls[again:]} == {8, 1}, "it is remembered"
    monkeypatch.setattr(Large, "most_rows", 9)
    monkeypatch.setattr(Large, "most_images", 99)
    torch.testing.assert_close(answered, answers(networks(Large)), rtol=0, atol=1e-6)


def test_noise_and_parts_of_halved_batches_belong_to_their_images(networks, lines, monkeypatch):
    whole = networks(Glancing, draws=2)
    parts = {"linear": torch.clone}

    def of(given):
        with forms.like_a_gpu():
            (seen,) = given.parts(DATA.images / 255, range(41), parts)
        return seen

    expected, called = of(whole), stacks._stack

    def small(some, question):
        if len(question.images) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return called(some, question)

    monkeypatch.setattr(stacks, "_stack", small)
    halved = networks(Glancing, draws=2)
    halved._stacks.images = 10
    found = of(halved)
    torch.testing.assert_close(found.answers, expected.answers, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.parts, expected.parts, rtol=0, atol=1e-6)
    assert found.parts["linear"].shape == (4, 41, CLASSES)


def test_what_does_not_fit_by_itself_and_a_mistake_are_told(networks, monkeypatch):
    monkeypatch.setattr(Large, "most_images", 0)
    with pytest.raises(torch.OutOfMemoryError, match="Tried to allocate 1 GiB"):
        answers(networks(Large))
    monkeypatch.setattr(Plain, "check", lambda *given: given[0].missing)
    with pytest.raises(AttributeError, match="object has no attribute 'missing'"):
        answers(networks())


def test_networks_that_cannot_be_stacked_are_called_one_by_one_and_one_line_says_so(
    networks, lines
):
    found = networks(Branching)
    together = answers(found)
    torch.testing.assert_close(
        together, answers(networks(Branching), like_a_gpu=False), rtol=0, atol=0
    )
    (line,) = lines
    assert line.startswith("Branching cannot be stacked (it asks for a tensor's value, as `if` ")
    assert line.endswith("): seeds are evaluated one after the other")
    assert ". " not in line, "torch goes on for several sentences"
    assert not found.at_once


def test_the_width_of_a_stack_follows_the_memory(networks, calls, monkeypatch):
    monkeypatch.setattr(devices, "memory_total", lambda device: 70 * 10**9)
    monkeypatch.setattr(devices, "memory_now", lambda device: 500)
    monkeypatch.setattr(devices, "memory_peak_mb", lambda device: (500 + 16 * 10**9) / 1e6)
    answers(networks(), batch_size=16)
    # 1 GB an image and network: half of the memory holds two networks with 16 images, three with 9
    assert calls[0] == (4, 16), "what is measured counts with the stack that is wanted"
    assert calls[1:] == [(2, 16)] * 4 + [(2, 9)] * 2


@pytest.mark.parametrize("most", [1, 4])
def test_layers_know_of_a_memory_that_is_smaller_than_they_reckon_with(
    networks, calls, monkeypatch, most
):
    monkeypatch.setattr(devices, "memory_total", lambda device: 64 * forms.NUMBERS)  # 17 GB
    monkeypatch.setattr(devices, "memory_peak_mb", lambda device: 0.0)  # not of earlier tests
    found = networks()
    found.most_at_once(most)
    answers(found, batch_size=41)
    assert calls[-1] == (2 * most, 41), "half of the numbers that a GPU of twice the memory allows"


def test_a_signal_ends_an_evaluation_between_two_stacks(networks, calls):
    asked = []

    def between():
        asked.append(1)
        if len(asked) == 4:
            raise SystemExit(143)

    found = networks(between=between)
    found.most_at_once(2)
    with pytest.raises(SystemExit):
        answers(found, batch_size=20)
    assert calls == [(2, 20)] * 3
