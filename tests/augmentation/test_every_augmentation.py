"""What holds for every augmentation; a new one whose settings have defaults is tested as it is."""

import pytest
import torch

from isotrope import registry
from isotrope.datasets.images import VOID
from isotrope.settings import Settings

SETTINGS = {"scale_jitter": {"largest": 2.0}}  # of those that need any
# numbers that leave an image as it is, for those that have such
IDENTITY = {
    "crop": lambda params, count: torch.full((count, 2), params.padding),
    "flip": lambda params, count: torch.zeros(count, dtype=torch.bool),
    "random_resized_crop": lambda params, count: {
        "area": torch.ones(count, 10, dtype=torch.float64),
        "aspect": torch.ones(count, 10, dtype=torch.float64),
        "place": torch.zeros(count, 2, dtype=torch.float64),
    },
    "rotate": lambda params, count: torch.zeros(count, dtype=torch.float64),
    "scale_jitter": lambda params, count: torch.ones(count, dtype=torch.float64),
    "shift": lambda params, count: torch.zeros(count, 2, dtype=torch.int64),
}
COUNT, CLASSES = 6, 5
NAMES = registry.names("augmentation")


def plugin_of(name):
    plugin = registry.load("augmentation", name)
    return plugin, plugin.Params(**SETTINGS.get(name, {}))


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def images(shape=(1, 9, 12), dtype=torch.float32):
    return torch.rand(COUNT, *shape, generator=generator(), dtype=dtype)


def masks(shape=(9, 12)):
    drawn = torch.randint(0, CLASSES + 1, (COUNT, *shape), generator=generator())
    return torch.where(drawn == CLASSES, VOID, drawn)


def mapped(work, numbers):
    if isinstance(numbers, dict):
        return {key: mapped(work, value) for key, value in numbers.items()}
    return work(numbers)


def tensors(numbers):
    return list(numbers.values()) if isinstance(numbers, dict) else [numbers]


@pytest.mark.parametrize("name", NAMES)
def test_it_defines_what_its_kind_asks_for(name):
    plugin, _ = plugin_of(name)
    assert issubclass(plugin.Params, Settings)
    assert registry.literal("augmentation", name, "REVISION") == plugin.REVISION >= 1
    assert getattr(plugin, "DRAWN", "epoch") in ("epoch", "step")


@pytest.mark.parametrize("name", NAMES)
def test_numbers_follow_from_the_generator_alone_and_are_one_for_each_image(name):
    plugin, params = plugin_of(name)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = (plugin.draw(params, generator(seed), 50) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    for values, same in zip(tensors(first), tensors(again), strict=True):
        assert len(values) == 50
        assert values.device.type == "cpu"
        assert torch.equal(values, same)
    pairs = zip(tensors(first), tensors(other), strict=True)
    assert any(not torch.equal(values, others) for values, others in pairs)


@pytest.mark.parametrize("shape", [(1, 9, 12), (3, 8, 8)])
@pytest.mark.parametrize("name", NAMES)
def test_images_keep_shape_type_and_range_and_are_altered(name, shape):
    plugin, params = plugin_of(name)
    given = images(shape)
    kept = given.clone()
    labels = torch.arange(COUNT)
    numbers = plugin.draw(params, generator(), COUNT)
    altered, same = plugin.augment(params, given, labels, numbers)
    assert (altered.shape, altered.dtype) == (given.shape, given.dtype)
    assert torch.equal(given, kept)
    assert 0 <= altered.min() <= altered.max() <= 1 + 1e-6
    assert torch.equal(same, labels)
    assert not torch.equal(altered, given)


@pytest.mark.parametrize("name", NAMES)
def test_masks_stay_labels(name):
    plugin, params = plugin_of(name)
    given = masks()
    numbers = plugin.draw(params, generator(), COUNT)
    _, altered = plugin.augment(params, images(), given, numbers)
    assert (altered.shape, altered.dtype) == (given.shape, given.dtype)
    assert set(altered.unique().tolist()) <= {*range(CLASSES), VOID}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_altered_alone_as_among_others(name):
    plugin, params = plugin_of(name)
    given, labels = images(), masks()
    numbers = plugin.draw(params, generator(), COUNT)
    together = plugin.augment(params, given, labels, numbers)
    for i in range(COUNT):
        own = mapped(lambda values, i=i: values[i : i + 1], numbers)
        alone = plugin.augment(params, given[i : i + 1], labels[i : i + 1], own)
        torch.testing.assert_close(alone[0][0], together[0][i], rtol=0, atol=1e-6)
        assert torch.equal(alone[1][0], together[1][i])


@pytest.mark.parametrize("name", [name for name in NAMES if name in IDENTITY])
def test_numbers_that_say_so_leave_an_image_as_it_is(name):
    plugin, params = plugin_of(name)
    given, labels = images(dtype=torch.float64), masks()
    altered, moved = plugin.augment(params, given, labels, IDENTITY[name](params, COUNT))
    torch.testing.assert_close(altered, given, rtol=0, atol=1e-12)
    assert torch.equal(moved, labels)


@pytest.mark.parametrize("name", NAMES)
def test_it_asks_the_device_for_no_value(name):
    """On the meta device there are none; so a step may be captured in a CUDA graph."""
    plugin, params = plugin_of(name)
    numbers = mapped(lambda values: values.to("meta"), plugin.draw(params, generator(), COUNT))
    altered, moved = plugin.augment(params, images().to("meta"), masks().to("meta"), numbers)
    assert (altered.shape, moved.shape) == (images().shape, masks().shape)
