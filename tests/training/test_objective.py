"""Loss and score of classes and of masks, against plain forms in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import vmap
from torch.nn import functional as F

from isotrope.errors import UserError
from isotrope.params.objective import CosineDistance, CrossEntropy, Segmentation
from isotrope.training.objective import Measured, Objective, mean_iou
from isotrope.training.sums import Sums

CLASSES, VOID = 4, 255


def outputs_of(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator), generator


class Fixed(nn.Module):
    """A network whose answer is known."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, images, noise=None):
        if noise is None:
            return self.outputs
        return self.outputs.repeat(len(images) // len(self.outputs), 1) + noise


def measured(objective, outputs, labels):
    return objective.measure(Fixed(outputs), torch.zeros(len(labels)), labels, ())


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9), smoothing=st.sampled_from([0.0, 0.1]))
def test_classes_have_the_mean_cross_entropy_and_the_number_that_is_right(seed, count, smoothing):
    outputs, generator = outputs_of(seed, count, CLASSES)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    objective = Objective(
        CrossEntropy(name="cross_entropy", label_smoothing=smoothing), "classification"
    )

    found = measured(objective, outputs, labels)

    target = (1 - smoothing) * F.one_hot(labels, CLASSES).double() + smoothing / CLASSES
    expected = -(target * outputs.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(found.loss, expected, rtol=0, atol=1e-12)
    assert int(found.counts) == int((outputs.argmax(1) == labels).sum())
    assert float(found.weight) == count


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
def test_cosine_is_one_minus_that_of_one_hot_labels_and_logits(seed, count):
    outputs, generator = outputs_of(seed, count, CLASSES)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    outputs.requires_grad_()
    objective = Objective(CosineDistance(name="cosine"), "classification")

    found = measured(objective, outputs, labels)

    expected = 1 - F.cosine_similarity(F.one_hot(labels, CLASSES).double(), outputs).mean()
    torch.testing.assert_close(found.loss, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(loss, outputs)[0] for loss in (found.loss, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)
    assert int(found.counts) == int((outputs.argmax(1) == labels).sum())


def test_cosine_of_logits_that_are_all_zero_is_finite_and_has_a_finite_gradient():
    outputs = torch.zeros(2, CLASSES, dtype=torch.float64, requires_grad=True)
    objective = Objective(CosineDistance(name="cosine"), "classification")

    loss = measured(objective, outputs, torch.tensor([0, 1])).loss

    assert loss.item() == 1
    assert torch.autograd.grad(loss, outputs)[0].isfinite().all()


def test_cosine_of_rows_is_that_of_each_alone():
    outputs, generator = outputs_of(4, 3, 5, CLASSES)
    labels = torch.randint(0, CLASSES, (5,), generator=generator)
    objective = Objective(CosineDistance(name="cosine"), "classification")

    together = vmap(lambda row: measured(objective, row, labels).loss)(outputs)

    alone = torch.stack([measured(objective, row, labels).loss for row in outputs])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 10**6), void=st.sampled_from([0.0, 0.3, 1.0]))
@pytest.mark.parametrize("average", ["valid", "all"])
def test_masks_have_the_loss_of_their_valid_pixels_and_a_confusion_matrix(average, seed, void):
    outputs, generator = outputs_of(seed, 2, CLASSES, 3, 5)
    labels = torch.randint(0, CLASSES, (2, 3, 5), generator=generator)
    labels[torch.rand(2, 3, 5, generator=generator) < void] = VOID
    objective = Objective(Segmentation(name="segmentation", average=average), "segmentation")

    found = measured(objective, outputs, labels)

    valid = labels != VOID
    pixels = outputs.log_softmax(dim=1).permute(0, 2, 3, 1)[valid]
    summed = -pixels.gather(1, labels[valid][:, None]).sum()
    count = int(valid.sum()) if average == "valid" else valid.numel()
    torch.testing.assert_close(found.loss, summed / max(count, 1), rtol=0, atol=1e-12)
    matrix = np.zeros((CLASSES, CLASSES), dtype=int)
    for truth, guess in zip(labels[valid], outputs.argmax(1)[valid], strict=True):
        matrix[truth, guess] += 1
    assert found.counts.tolist() == matrix.tolist()


@given(seed=st.integers(0, 10**6))
def test_the_mean_iou_is_that_of_the_classes_that_occur(seed):
    random = np.random.default_rng(seed)
    truth, guess = random.integers(0, 3, (2, 30))  # class 3 occurs nowhere
    matrix = torch.zeros(CLASSES, CLASSES, dtype=torch.int64)
    for pair in zip(truth, guess, strict=True):
        matrix[pair] += 1
    expected = [
        ((truth == one) & (guess == one)).sum() / ((truth == one) | (guess == one)).sum()
        for one in range(3)
        if ((truth == one) | (guess == one)).any()
    ]

    assert mean_iou(matrix) == pytest.approx(np.mean(expected), abs=1e-12)
    assert mean_iou(matrix) == mean_iou(matrix.T)
    assert math.isnan(mean_iou(torch.zeros(CLASSES, CLASSES, dtype=torch.int64)))


def test_rows_are_counted_as_each_alone():
    objective = Objective(None, "segmentation")
    outputs, generator = outputs_of(1, 3, 2, CLASSES, 4, 4)
    labels = torch.randint(0, CLASSES, (3, 2, 4, 4), generator=generator)
    labels[:, 0, 0] = VOID

    def work(outputs, labels):
        return measured(objective, outputs, labels)

    together = vmap(work)(outputs, labels)

    for row in range(3):
        alone = work(outputs[row], labels[row])
        torch.testing.assert_close(together.loss[row], alone.loss, rtol=0, atol=1e-12)
        assert together.counts[row].tolist() == alone.counts.tolist()


def test_draws_are_averaged_before_they_are_counted():
    outputs, _ = outputs_of(2, 5, CLASSES)
    labels = torch.arange(5) % CLASSES
    noises = (torch.zeros(5, CLASSES), 3 * F.one_hot(labels, CLASSES).double())
    objective = Objective(None, "classification")

    found = objective.measure(Fixed(outputs), torch.zeros(5), labels, noises)

    losses = [F.cross_entropy(outputs + noise, labels) for noise in noises]
    torch.testing.assert_close(found.loss, sum(losses) / 2)
    mean = outputs + noises[1] / 2
    assert int(found.counts) == int((mean.argmax(1) == labels).sum())


class OwnLoss(Fixed):
    def loss(self, images, labels, noise):
        return self.outputs.square().mean(), self.outputs, {"size": self.outputs.abs().max()}


def test_a_loss_of_the_networks_own_is_taken_with_all_that_it_reports():
    outputs, _ = outputs_of(3, 5, CLASSES)
    objective = Objective(None, "classification")

    found = objective.measure(OwnLoss(outputs), torch.zeros(5), torch.zeros(5).long(), ())

    assert float(found.loss) == pytest.approx(float(outputs.square().mean()))
    assert float(found.reported["size"]) == pytest.approx(float(outputs.abs().max()))
    assert int(found.counts) == int((outputs.argmax(1) == 0).sum())


def test_an_objective_beside_a_loss_of_the_networks_own_is_refused():
    objective = Objective(CrossEntropy(name="cross_entropy"), "classification")
    with pytest.raises(ValueError, match="the network has a loss of its own"):
        objective.check(OwnLoss(torch.zeros(1)))
    Objective(None, "classification").check(OwnLoss(torch.zeros(1)))


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (CrossEntropy(name="cross_entropy"), "segmentation"),
        (CosineDistance(name="cosine"), "segmentation"),
        (Segmentation(name="segmentation"), "classification"),
    ],
)
def test_an_objective_for_other_labels_is_refused(settings, kind):
    with pytest.raises(ValueError, match="does not fit labels that are"):
        Objective(settings, kind)


def test_sums_are_weighted_and_go_on_from_a_saved_state():
    objective = Objective(None, "classification")
    batches = [
        Measured(
            torch.tensor([2.0 + i, 1.0]).double(),
            torch.tensor([4.0, 4.0]).double() + i,
            torch.tensor([i, 2]),
            {"gate": torch.tensor([0.5 * i, 1.0]).double()},
        )
        for i in range(3)
    ]
    whole = Sums(2, torch.device("cpu"))
    for i, batch in enumerate(batches):
        whole.add(batch, 4 + i)
        whole.seen(4 + i)
    first, second = (Sums(2, torch.device("cpu")) for _ in range(2))
    first.add(batches[0], 4)
    first.seen(4)
    for row in range(2):
        second.restore(row, first.state(row))
    for i, batch in enumerate(batches[1:]):
        second.add(batch, 5 + i)
        second.seen(5 + i)

    assert second.results(objective) == whole.results(objective)
    loss, score, reported = whole.results(objective)[0]
    assert loss == pytest.approx((2 * 4 + 3 * 5 + 4 * 6) / 15)
    assert score == 3 / 15
    assert reported["gate"] == pytest.approx((0.5 * 5 + 6) / 15)


@pytest.mark.parametrize("count", [CLASSES - 1, CLASSES + 2])
def test_a_network_that_answers_for_other_classes_is_refused(count):
    labels = torch.full((2,), CLASSES - 1)
    objective = Objective(None, "classification", classes=CLASSES)
    assert measured(objective, torch.zeros(2, CLASSES), labels)
    with pytest.raises(UserError, match=f"gives {count} logits .* has {CLASSES} classes"):
        measured(objective, torch.zeros(2, count), labels)
