"""The loop does what was published, and a scripted validation shows when it stops."""

import copy
import itertools
import math

import numpy
import pytest
import torch
from torch import nn
from toy_runs import CLASSES, SHAPE, ToyDataParams, ToyModelParams, build, toy_images, toy_training

from isotrope.datasets.images import Images
from isotrope.training import seeding
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.sums import Result


def labelled(split: str) -> Images:
    found = toy_images(ToyDataParams(), split)
    return Images(found.images, found.labels)


class Alone(LockstepTraining):
    """A seed by itself, and what is left of it when it has ended."""

    def __init__(self, seed: int, dropout: float = 0.2, **changes: object) -> None:
        seeding.seed_everything(seed)
        self.network = build(ToyModelParams(dropout=dropout), SHAPE, CLASSES)
        data = labelled("train"), HeldOut(labelled("valid"))
        super().__init__([self.network], [seed], toy_training(**changes), *data)
        self.record = self.records[seed]

    def ended(self, finished):
        ((self.record, self.best_weights, _),) = finished

    def __getattr__(self, name):
        return getattr(self.__dict__["record"], name)


def new_training(seed: int = 3, **changes: object) -> Alone:
    return Alone(seed, **changes)


def run(training: Alone) -> Alone:
    training.run(lambda: None, lambda: None, training.ended)
    return training


def accuracy_of(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    network.eval()
    with torch.no_grad():
        right = [
            int(network(x[None]).argmax()) == int(y) for x, y in zip(images, labels, strict=True)
        ]
    return sum(right) / len(right)


def test_training_is_the_published_protocol():
    """Against a loop with numpy's conversion, torch's DataLoader and nothing shared."""
    torch.manual_seed(3)
    network = build(ToyModelParams(dropout=0.0), SHAPE, CLASSES)
    data = labelled("train")
    images, labels = data.images, data.labels
    inputs = torch.from_numpy((images.numpy() / 255).astype(numpy.float32))
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(inputs, labels), batch_size=16, shuffle=False
    )
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    losses, accuracies, weights = [], [], []
    for _ in range(2):
        network.train()
        loss_sum, right = 0.0, 0
        for x, y in loader:
            adam.zero_grad()
            output = network(x)
            loss = criterion(output, y)
            loss.backward()
            adam.step()
            loss_sum += loss.item() * len(y)
            right += int((output.argmax(1) == y).sum())
        losses.append(loss_sum / 40)
        accuracies.append(right / 40)
        weights.append(copy.deepcopy(network.state_dict()))

    training = run(new_training(3, dropout=0.0, epochs=2))

    assert [row.train_loss for row in training.history] == pytest.approx(losses, rel=1e-6)
    assert [row.train_score for row in training.history] == accuracies
    for name, value in training.network.state_dict().items():
        torch.testing.assert_close(value, weights[-1][name], rtol=1e-5, atol=1e-6)
    best = weights[training.best_epoch - 1]
    for name, value in training.best_weights.items():
        torch.testing.assert_close(value, best[name], rtol=1e-5, atol=1e-6)


def test_validation_is_taken_after_each_epoch_in_evaluation_mode():
    """Against the network as it is at the end of each epoch, asked image by image elsewhere."""
    training, weights = new_training(dropout=0.5, epochs=4), []

    def keep():
        weights.append(copy.deepcopy(training.network.state_dict()))

    training.run(lambda: None, keep, training.ended)

    data = labelled("valid")
    unit = data.images.float() / 255
    other = build(ToyModelParams(dropout=0.5), SHAPE, CLASSES).eval()
    expected = []
    for state in weights:
        other.load_state_dict(state)
        with torch.no_grad():
            answers = torch.cat([other(image[None]) for image in unit]).log_softmax(dim=1)
        loss = -answers[range(len(unit)), data.labels].double().mean()
        expected.append((float(loss), accuracy_of(other, unit, data.labels)))
    assert len({loss for loss, _ in expected}) == 4, "each epoch has other weights"
    assert [row.epoch for row in training.history] == [1, 2, 3, 4]
    for row, (loss, accuracy) in zip(training.history, expected, strict=True):
        assert row.validation_loss == pytest.approx(loss, rel=1e-5)
        assert row.validation_score == accuracy
        assert (row.seed, row.train_seconds > 0) == (3, True)


def test_what_the_data_have_no_score_for_is_refused():
    stopping = {"patience": 2, "by": "validation_mean_iou"}
    with pytest.raises(ValueError, match=r"by is validation_mean_iou, and the score is accuracy; "):
        new_training(early_stopping=stopping)
    new_training(early_stopping={**stopping, "by": "validation_accuracy"})


def test_what_needs_validation_images_is_refused_where_there_are_none():
    def begin(**changes):
        network = build(ToyModelParams(dropout=0.0), SHAPE, CLASSES)
        data = labelled("train"), HeldOut(None)
        return LockstepTraining([network], [3], toy_training(**changes), *data)

    said = r"training\.{} needs validation images, and the data set has none"
    with pytest.raises(ValueError, match=said.format("early_stopping")):
        begin(early_stopping={"patience": 2})
    with pytest.raises(ValueError, match=said.format("keep: best")):
        begin(keep="best", early_stopping=None)
    begin(keep="last", early_stopping=None)


@pytest.mark.parametrize(
    ("accuracies", "patience", "epochs", "best"),
    [
        ([0.1, 0.2, 0.3, 0.4], 2, 4, 4),
        ([0.5, 0.5, 0.5, 0.9], 2, 3, 1),  # the same again is no improvement
        ([0.5, 0.4, 0.6, 0.5, 0.6, 0.9], 2, 5, 3),
        ([0.5, 0.4, 0.6, 0.5, 0.6, 0.9], 3, 6, 6),
        ([0.0, 0.0, 0.0], 3, 3, 1),  # the first epoch counts, whatever it reaches
        ([0.5, 0.4, 0.3, 0.2, 0.1], None, 5, 1),
        ([0.5, 0.4, 0.3, 0.6, 0.1], None, 5, 4),
    ],
)
def test_patience_ends_training_and_the_best_epoch_is_kept(accuracies, patience, epochs, best):
    stopping = None if patience is None else {"patience": patience}
    training = new_training(epochs=len(accuracies), early_stopping=stopping)
    scripted = iter(accuracies)
    training.validate = lambda after_batch: [Result(1.0, next(scripted), {})]  # type: ignore[method-assign]
    weights = []
    training.run(
        lambda: None,
        lambda: weights.append(copy.deepcopy(training.network.state_dict())),
        training.ended,
    )

    assert (len(training.history), training.best_epoch) == (epochs, best)
    assert training.best_score == accuracies[best - 1]
    for name, value in training.best_weights.items():
        assert torch.equal(value, weights[best - 1][name]), name


def test_a_huge_learning_rate_ends_as_diverged_with_the_weights_of_the_best_epoch():
    training = new_training(epochs=30, optimizer={"name": "adam", "learning_rate": 1e37})
    initial = copy.deepcopy(training.network.state_dict())
    run(training)

    assert training.diverged
    assert training.finished
    assert len(training.history) < 30
    last = training.history[-1]
    assert not (math.isfinite(last.train_loss) and math.isfinite(last.validation_loss))
    assert training.best_epoch < last.epoch
    if training.best_epoch == 0:
        assert all(torch.equal(initial[k], v) for k, v in training.best_weights.items())
    assert all(torch.isfinite(value).all() for value in training.best_weights.values())


def test_a_validation_loss_that_is_not_finite_diverges_too():
    training = new_training()
    training.validate = lambda after_batch: [Result(math.inf, 0.9, {})]  # type: ignore[method-assign]
    run(training)

    assert training.diverged
    assert (len(training.history), training.best_epoch, training.best_score) == (1, 0, None)


def test_batches_come_in_the_fixed_order_unless_reshuffled():
    seen: dict[bool, list[list[int]]] = {False: [], True: []}
    for reshuffle in seen:
        training = new_training(epochs=2, reshuffle=reshuffle)
        step = training.engine.step
        training.engine.step = lambda batch, *more, step=step, kept=seen[reshuffle]: (  # type: ignore[method-assign]
            kept.append(batch.labels.tolist()) or step(batch, *more)
        )
        run(training)
    plain, shuffled = (list(itertools.chain(*seen[key])) for key in (False, True))

    expected = labelled("train").labels.tolist()
    assert [len(batch) for batch in seen[False]] == [16, 16, 8] * 2
    assert plain == expected * 2
    assert sorted(shuffled) == sorted(plain)
    assert shuffled[:40] != shuffled[40:]


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    torch.manual_seed(0)
    first = seeding.epoch_order(7, 2, 50)
    torch.manual_seed(1)

    assert torch.equal(first, seeding.epoch_order(7, 2, 50))
    assert not torch.equal(first, seeding.epoch_order(7, 3, 50))
    assert not torch.equal(first, seeding.epoch_order(8, 2, 50))
    assert torch.equal(first.sort().values, torch.arange(50))


@pytest.mark.parametrize("reshuffle", [False, True])
def test_a_training_put_back_at_any_step_ends_with_the_same_bits(reshuffle):
    whole = run(new_training(epochs=3, reshuffle=reshuffle))
    total = 3 * (3 + 2)  # three steps and two batches of validation images an epoch

    for stop in range(1, total + 1):
        first, steps, kept = new_training(epochs=3, reshuffle=reshuffle), 0, {}

        def save(training=first, kept=kept, stop=stop):
            nonlocal steps
            steps += 1
            if steps == stop:
                kept.update(copy.deepcopy(training.states()))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            first.run(save, lambda: None, first.ended)
        second = new_training(epochs=3, reshuffle=reshuffle)
        torch.manual_seed(99)  # what happened in between must not matter
        second.restore(kept)
        run(second)

        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, second.network.state_dict()[name]), (stop, name)
        for ours, theirs in zip(second.history, whole.history, strict=True):
            for key in ("train_loss", "train_score", "validation_loss", "validation_score"):
                assert getattr(ours, key) == getattr(theirs, key), (stop, key)
