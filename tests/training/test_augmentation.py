"""Random sizes: what is drawn, what an image becomes, and that nothing else decides it."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from test_loop import new_training, run
from torch.nn import functional as F
from toy_runs import toy_task, toy_training, train

from isotrope.augmentation import scale_jitter
from isotrope.params.training import Training
from isotrope.training import seeding

JITTER = {"name": "scale_jitter", "largest": 1.5}


def rescaled(images, factors):
    return scale_jitter.rescaled(images, factors, float(factors.min()))


def scale_factors(count, largest, seed, epoch, step):
    generator = seeding.step_generator(seed, epoch, step)
    return scale_jitter.draw(scale_jitter.Params(largest=largest), generator, count)


def framed(seed=0, side=16, frame=8):
    """Noise with black around, so that no border decides how it is resized."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 2, side, side, generator=generator, dtype=torch.float64)
    return F.pad(noise, [frame] * 4)


def test_a_factor_of_one_changes_nothing():
    images = torch.rand(3, 2, 7, 8, dtype=torch.float64)
    torch.testing.assert_close(rescaled(images, torch.ones(3)), images, rtol=0, atol=1e-15)


@pytest.mark.parametrize("size", [16, 20, 24, 26])
def test_what_shrinks_is_resized_with_antialiasing_and_framed_by_zeros(size):
    images = framed()
    small = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)

    found = rescaled(images, torch.tensor([size / 32], dtype=torch.float64))

    expected = F.pad(small, [(32 - size) // 2] * 4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [36, 48, 64, 100])
def test_what_grows_is_resized_and_loses_its_rim(size):
    images = torch.rand(1, 2, 32, 32, dtype=torch.float64)
    large = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)

    found = rescaled(images, torch.tensor([size / 32], dtype=torch.float64))

    rim = (size - 32) // 2
    torch.testing.assert_close(
        found, large[..., rim : rim + 32, rim : rim + 32], rtol=0, atol=1e-12
    )


@given(seed=st.integers(0, 2**31), factor=st.floats(0.5, 1.0))
def test_shrinking_scales_the_brightness_of_an_object_by_its_area(seed, factor):
    images = framed(seed, side=12, frame=10)

    small = rescaled(images, torch.tensor([factor], dtype=torch.float64))

    # a sum over samples, not an integral: the triangles of neighbours do not add up to one exactly
    assert small.sum() == pytest.approx(float(images.sum()) * factor**2, rel=0.05)
    assert small.min() >= 0
    assert small.max() <= images.max()


def test_each_image_of_a_batch_is_resized_by_its_own_factor():
    images = torch.rand(3, 1, 9, 12)
    factors = torch.tensor([0.7, 1.0, 1.4])

    together = rescaled(images, factors)

    alone = [rescaled(images[i, None], factors[i, None]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-6)


def test_the_logarithm_of_factors_is_uniform():
    drawn = torch.cat([scale_factors(50, 1.5, 3, 1, step) for step in range(200)]).log()

    share = (drawn / math.log(1.5) + 1) / 2
    counts = torch.histc(share, bins=10, min=0, max=1)
    assert counts.sum() == 10_000
    # chi-square with 9 degrees of freedom: 27.9 is exceeded once in a thousand
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 27.9


def test_factors_depend_on_seed_epoch_and_step_alone():
    drawn = [scale_factors(8, 2.0, *key) for key in ((1, 1, 0), (2, 1, 0), (1, 2, 0), (1, 1, 1))]
    torch.rand(3)

    assert torch.equal(scale_factors(8, 2.0, 1, 1, 0), drawn[0])
    assert len({tuple(factors.tolist()) for factors in drawn}) == 4
    order = torch.Generator().manual_seed(0)
    order.set_state(seeding.step_generator(1, 1, 0).get_state())
    assert not torch.equal(torch.randperm(50, generator=order), seeding.epoch_order(1, 1, 50))


def test_training_sees_the_altered_images_and_validation_does_not():
    plain, altered = new_training(epochs=1), new_training(epochs=1, augmentation=JITTER)
    seen: list[torch.Tensor] = []
    altered.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    run(plain)
    run(altered)

    images = altered.train.images.float() / 255
    for step in range(3):
        batch = images[16 * step : 16 * step + 16]
        assert torch.equal(seen[step], rescaled(batch, scale_factors(len(batch), 1.5, 3, 1, step)))
    validation = altered.held_out.validation.images.float() / 255
    assert torch.equal(torch.cat(seen[3:]), validation)
    assert plain.history[0].train_loss != altered.history[0].train_loss


def test_a_training_put_back_at_any_step_sees_the_same_sizes():
    whole = run(new_training(epochs=2, augmentation=JITTER))

    for stop in range(1, 2 * (3 + 2)):
        first, kept, steps = new_training(epochs=2, augmentation=JITTER), {}, 0

        def save(training=first, kept=kept, stop=stop):
            nonlocal steps
            steps += 1
            if steps == stop:
                kept.update(copy.deepcopy(training.states()))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            first.run(save, lambda: None, first.ended)
        second = new_training(epochs=2, augmentation=JITTER)
        torch.manual_seed(99)  # what happened in between must not matter
        second.restore(kept)
        run(second)

        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, second.network.state_dict()[name]), (stop, name)


def test_a_seed_sees_the_same_sizes_alone_and_in_any_pack(toys):
    training = toy_training(augmentation=JITTER)
    together = toy_task(seeds=[1, 2], pack="1-2", training=training)
    alone = toy_task(run="toy/toy/alone", seeds=[2], pack="2-2", training=training)
    train(together)
    train(alone)

    stacked = load_file(together.folder / "weights.safetensors")
    for name, value in load_file(alone.folder / "weights.safetensors").items():
        assert torch.equal(value[0], stacked[name][1]), name


def test_trainings_without_it_keep_their_settings_and_so_their_digest():
    assert "augmentation" not in toy_training().model_dump(mode="json", exclude_defaults=True)
    altered = toy_training(augmentation=JITTER).model_dump(mode="json", exclude_defaults=True)
    assert altered["augmentation"] == JITTER


@pytest.mark.parametrize("largest", [1.0, 0.5, 9.0, "1.5"])
def test_a_factor_out_of_range_is_refused(largest):
    settings = toy_training().model_dump() | {"augmentation": {**JITTER, "largest": largest}}
    with pytest.raises(ValueError, match="largest"):
        Training.model_validate(settings)
