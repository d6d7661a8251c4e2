"""What networks see: the same alone, in a pack, from any position, and read by anybody."""

import numpy as np
import pytest
import torch
from toy_data import PLUGINS, ToyDataParams, load_split, subset, toy_images
from toy_runs import toy_training

from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Stream
from isotrope.training import seeding
from isotrope.training.batches import Batches

CPU = torch.device("cpu")
PARAMS = ToyDataParams()
JITTER = {"name": "scale_jitter", "largest": 1.5}
ALTERED = [JITTER, {"name": "flip"}, {"name": "rotate", "degrees": 30.0}, {"name": "flip"}]
SEEDS = [4, 2**32 - 1, 1]


class Handed:
    """A network that is handed what it draws."""

    def draw(self, generator, count):
        return {"noise": torch.rand(count, 2, generator=generator)}


def batches(name="toy", workers=0, seeds=SEEDS, **changes):
    data = load_split(name, PARAMS, "train")
    data = data.with_workers(workers) if "stream" in name else data
    subsets = {seed: subset(PARAMS, None, seed) for seed in seeds}
    own = subsets if hasattr(PLUGINS[name], "subset") else None
    return Batches(data, toy_training(**changes), CPU, own)


def seen(source, seeds, epoch=1, position=0, network=None):
    drawn = source.epoch(epoch, seeds, network or object())
    return [source.form(step) for step in drawn.steps(position)]


def rows_of(batch, rows):
    """What each row sees."""
    images, labels = batch.images, batch.labels
    alike = images.ndim == 4
    for row in range(rows):
        noise = batch.noises[row][0]["noise"] if batch.noises else torch.zeros(1)
        yield (images if alike else images[row]), (labels if alike else labels[row]), noise


def equal(first, second, exactly=True):
    for one, other in zip(first, second, strict=True):
        if exactly:
            assert torch.equal(one, other)
        else:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("order", ["fixed", "shared", "own"])
@pytest.mark.parametrize("augmentation", [[], ALTERED])
@pytest.mark.parametrize("name", ["toy", "toy_subsets", "toy_masks"])
def test_a_seed_sees_the_same_alone_and_in_a_pack(name, augmentation, order):
    source = batches(name, order=order, augmentation=augmentation)
    together = seen(source, SEEDS, 2, network=Handed())
    assert [source.size(step) for step in range(source.steps)] == [
        batch.labels.shape[1 if batch.images.ndim == 5 else 0] for batch in together
    ]
    for row, seed in enumerate(SEEDS):
        alone = seen(source, [seed], 2, network=Handed())
        for batch, own in zip(together, alone, strict=True):
            assert own.images.ndim == 4
            equal(list(rows_of(batch, 3))[row], next(rows_of(own, 1)), not augmentation)


@pytest.mark.parametrize("name", ["toy", "toy_stream"])
def test_an_epoch_taken_up_at_any_position_goes_on_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    source = batches(name, order="shared", augmentation=ALTERED)
    whole = seen(source, SEEDS, 3, network=Handed())
    torch.manual_seed(8)  # what happened in between must not matter
    drawn = source.epoch(3, SEEDS, Handed())
    for position in range(source.steps):
        rest = seen(source, SEEDS, 3, position, Handed())
        for batch, expected in zip(rest, whole[position:], strict=True):
            equal(batch[:2], expected[:2])
        equal(source.form(drawn.at(position))[:2], whole[position][:2])


def test_orders_are_what_their_words_say():
    labels = {}
    for order in ("fixed", "shared", "own"):
        source = batches(order=order)
        for epoch in (1, 2):
            found = seen(source, SEEDS, epoch)
            axis = 1 if found[0].labels.ndim == 2 else 0
            labels[order, epoch] = torch.cat([batch.labels for batch in found], dim=axis)
    given = toy_images(PARAMS, "train").labels
    assert torch.equal(labels["fixed", 1], given)
    assert torch.equal(labels["fixed", 2], given)
    for epoch in (1, 2):
        assert labels["shared", epoch].shape == (40,)
        for row, seed in enumerate(SEEDS):
            expected = given[seeding.epoch_order(seed, epoch, 40)]
            assert torch.equal(labels["own", epoch][row], expected)
    assert not torch.equal(labels["shared", 1], labels["shared", 2])
    assert torch.equal(labels["shared", 1].sort().values, given.sort().values)


@pytest.mark.parametrize(("order", "key"), [("own", 7), ("shared", 0), ("fixed", 0)])
def test_what_is_drawn_while_a_stream_is_read_is_keyed_by_its_order(
    tmp_path, monkeypatch, order, key
):
    monkeypatch.chdir(tmp_path)
    source, keys = batches("toy_stream", order=order), []
    chosen = Stream.chosen

    def noted(self, parts, shuffle=None, pin=False):
        keys.append(shuffle)
        return chosen(self, parts, shuffle, pin)

    monkeypatch.setattr(Stream, "chosen", noted)
    seen(source, [7], epoch=3)
    assert keys == [(key, 3)]


def test_each_seed_sees_its_subset_and_nothing_else():
    source = batches("toy_subsets", order="own")
    images = to_unit(toy_images(PARAMS, "train").images)
    assert source.steps == 2
    found = torch.cat([batch.images for batch in seen(source, SEEDS)], dim=1)
    for row, seed in enumerate(SEEDS):
        expected = images[subset(PARAMS, None, seed)[seeding.epoch_order(seed, 1, 24)]]
        assert torch.equal(found[row], expected)


def test_subsets_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"subsets differ in length: \[2, 3\] images"):
        Batches(
            toy_images(PARAMS, "train"),
            toy_training(),
            CPU,
            {1: torch.arange(2), 2: torch.arange(3)},
        )


@pytest.mark.parametrize("order", ["fixed", "shared", "own"])
@pytest.mark.parametrize("name", ["toy_stream", "toy_mask_stream", "toy_stream_subsets"])
def test_any_number_of_workers_gives_the_same_batches(tmp_path, monkeypatch, name, order):
    monkeypatch.chdir(tmp_path)
    expected = seen(batches(name, 0, [7], order=order, augmentation=ALTERED), [7], 2)
    for workers in (1, 2):
        source = batches(name, workers, [7], order=order, augmentation=ALTERED)
        for batch, one in zip(seen(source, [7], 2), expected, strict=True):
            equal(batch[:2], one[:2])


@pytest.mark.parametrize("order", ["fixed", "shared"])
def test_a_seed_sees_the_same_of_a_stream_alone_and_in_a_pack(tmp_path, monkeypatch, order):
    monkeypatch.chdir(tmp_path)
    source = batches("toy_stream", order=order)
    together, alone = seen(source, SEEDS), seen(source, SEEDS[1:2])
    for batch, own in zip(together, alone, strict=True):
        assert batch.images.ndim == 4  # read once for all
        equal(batch[:2], own[:2])


@pytest.mark.parametrize(
    ("name", "order"), [("toy_stream", "own"), ("toy_stream_subsets", "shared")]
)
def test_seeds_that_see_different_images_of_a_stream_do_not_train_at_once(
    tmp_path, monkeypatch, name, order
):
    monkeypatch.chdir(tmp_path)
    source = batches(name, order=order)
    assert len(seen(source, SEEDS[:1])) == source.steps
    with pytest.raises(ValueError, match="must see the same images of a stream"):
        source.epoch(1, SEEDS, object())


def test_a_step_of_a_stream_is_read_once_however_often_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = batches("toy_stream", 2, order="fixed").epoch(1, [1], object())
    first = drawn.at(1)
    monkeypatch.chdir(tmp_path.parent)  # where no file is
    assert torch.equal(drawn.at(1).images, first.images)


def test_an_image_of_a_stream_looks_different_in_each_epoch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = batches("toy_stream", order="fixed")
    first, second = (torch.cat([b.images for b in seen(source, [1], epoch)]) for epoch in (1, 2))
    assert not torch.equal(first, second)


def test_augmentations_of_one_name_draw_different_numbers():
    flips = [{"name": "flip"}, {"name": "flip"}]
    source = batches(order="fixed", augmentation=flips)
    drawn = source.epoch(1, [1], object())
    first, second = drawn.at(0).numbers
    assert first.shape == (1, 16)
    assert not torch.equal(first, second)
    jitters = batches(order="fixed", augmentation=[JITTER, JITTER]).epoch(1, [1], object())
    first, second = jitters.at(0).numbers
    assert not torch.equal(first, second)


def test_scale_jitter_draws_for_each_step_as_it_was_published():
    source = batches(order="fixed", augmentation=[JITTER])
    steps = source.epoch(5, [9], object()).steps()
    for step, given in enumerate(steps):
        entropy = np.random.SeedSequence([9, 5, step + 1]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(entropy[0]))
        drawn = torch.rand(source.size(step), generator=generator, dtype=torch.float64)
        expected = ((2 * drawn - 1) * float(np.log(1.5))).exp()
        torch.testing.assert_close(given.numbers[0][0], expected, rtol=1e-15, atol=0)


def test_an_order_that_is_not_known_is_refused():
    training = toy_training(order=None)
    with pytest.raises(ValueError, match="the order of the training images is not known"):
        Batches(toy_images(PARAMS, "train"), training, CPU)


# Seeds


def drawn_with(seed):
    seeding.seed_everything(seed)
    return [
        torch.rand(4),
        torch.from_numpy(np.random.rand(4)),
        seeding.epoch_order(seed, 1, 50),
        torch.rand(4, generator=seeding.step_generator(seed, 1, 0)),
        torch.rand(4, generator=seeding.epoch_generator(seed, 1, seeding.INSIDE)),
    ]


@pytest.mark.parametrize("seed", [2, 2**31, 2**32 - 1, 1390666426])
def test_any_seed_of_32_bits_draws_numbers_of_its_own(seed):
    equal(drawn_with(seed), drawn_with(seed))
    for other in (seed - 1, seed % 2**31):
        if other != seed:
            pairs = zip(drawn_with(seed), drawn_with(other), strict=True)
            assert not any(torch.equal(one, another) for one, another in pairs)


def test_streams_of_a_seed_are_not_each_other():
    makers = [
        lambda: seeding.step_generator(3, 1, 0),
        lambda: seeding.step_generator(3, 1, 0, seeding.INSIDE),
        lambda: seeding.step_generator(3, 1, 0, seeding.altering(1)),
        lambda: seeding.epoch_generator(3, 1, seeding.INSIDE),
        lambda: seeding.epoch_generator(3, 1, seeding.ALTERING),
        lambda: seeding.epoch_generator(3, 1, seeding.ALTERING, 1),
        lambda: seeding.epoch_generator(3, 2, seeding.ALTERING),
        lambda: seeding.epoch_generator(4, 1, seeding.ALTERING),
    ]
    drawn = [tuple(torch.rand(3, generator=make()).tolist()) for make in makers]
    assert len(set(drawn)) == len(drawn)
    assert drawn == [tuple(torch.rand(3, generator=make()).tolist()) for make in makers]
