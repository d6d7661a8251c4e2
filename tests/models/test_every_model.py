import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.func import functional_call, stack_module_state, vmap

from isotrope import build_model, registry
from isotrope.models import standard
from isotrope.settings import Settings
from isotrope.training.engines import prefixed
from isotrope.training.objective import Step

SAME_FOR_ALL = "component_selection.conv2.bias"  # added to all that a softmax compares


def test_a_model_defines_what_its_kind_asks_for(example):
    assert issubclass(example.plugin.Params, Settings)
    for constant in ("REVISION", "PARTS"):
        assert registry.literal("models", example.name, constant) == getattr(
            example.plugin, constant
        )
    assert example.plugin.REVISION >= 1


def test_a_model_is_built_in_seconds_and_without_memory_on_the_meta_device(example):
    begin = time.thread_time()  # of this thread alone, whatever else the machine does
    example.build()
    assert time.thread_time() - begin < 10

    with torch.device("meta"):
        network = example.build()
    assert all(tensor.is_meta for tensor in network.state_dict().values())


def test_the_same_seed_draws_the_same_weights_and_another_seed_others(example):
    first, again, other = (example.build(seed).state_dict() for seed in (5, 5, 6))

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_logits_have_one_row_an_image_and_one_column_a_class_or_one_map(example):
    network = example.build()

    logits = example.answer(network, example.images().float())

    assert logits.shape == (4, *example.answer_shape)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_the_answer_to_an_image_does_not_depend_on_its_batch(example):
    network, images = example.build_drawn().eval(), example.images()

    alone = [example.answer(network, image[None], number) for number, image in enumerate(images)]

    together = example.answer(network, images)
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-12)


def test_every_weight_has_a_gradient_that_is_finite_and_not_zero(example):
    network = example.build_drawn()

    example.loss(network, example.images(), example.labels()).backward()

    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        if not name.endswith(SAME_FOR_ALL):
            assert weight.grad.count_nonzero() > 0, name


def test_float32_and_float64_agree(example):
    network, images = example.build_drawn().eval(), example.images()
    exact = example.answer(network, images)

    rounded = example.answer(network.float(), images.float())

    assert exact.dtype == torch.float64
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=1e-4)


def test_weights_saved_while_training_answer_the_same_when_loaded(example, tmp_path):
    trained, loaded = example.build(seed=1).train(), example.build(seed=2).eval()
    images = example.images().float()
    example.answer(trained, images)

    save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    loaded.load_state_dict(load_file(tmp_path / "weights.safetensors"))

    with torch.no_grad():
        found, expected = (example.answer(one.eval(), images) for one in (loaded, trained))
    assert torch.equal(found, expected)


@pytest.mark.filterwarnings("error:There is a performance drop")
def test_seeds_answer_and_learn_in_a_stack_as_alone(example):
    if not registry.literal("models", example.name, "STACKABLE", True):
        pytest.skip(f"{example.name} says that it cannot be stacked")
    networks = [example.build_drawn(key) for key in ("first", "second", "third")]
    images, labels = example.images(), example.labels()
    weights, buffers = stack_module_state(networks)
    step, noises = Step(networks[0], example.objective), example.noises(networks[0])

    def answer(weights, buffers):
        return functional_call(networks[0], (weights, buffers), (images, *noises))

    def loss(weights, buffers):
        named = prefixed(weights, buffers)
        return functional_call(step, named, (images, labels, noises, None)).loss

    logits = vmap(answer)(weights, buffers)
    total = vmap(loss)(weights, buffers).sum()
    found = torch.autograd.grad(total, list(weights.values()))
    gradients = dict(zip(weights, found, strict=True))

    for i, network in enumerate(networks):
        torch.testing.assert_close(logits[i], example.answer(network, images), rtol=0, atol=1e-12)
        example.loss(network, images, labels).backward()
        for name, weight in network.named_parameters():
            torch.testing.assert_close(gradients[name][i], weight.grad, rtol=0, atol=1e-12)


def test_every_part_is_a_submodule_that_runs_once(example):
    network, runs = example.build().eval(), []
    for part in example.plugin.PARTS:
        module = network.get_submodule(part)
        module.register_forward_hook(lambda *_, part=part: runs.append(part))

    example.answer(network, example.images(1).float())

    assert sorted(runs) == sorted(example.plugin.PARTS)


def test_tiny_images_are_accepted_or_refused_with_their_size(example):
    shape, refusal = (example.image_shape[0], 1, 2), None
    try:
        network = example.plugin.build(example.params(), shape, 3)
    except ValueError as error:
        refusal = str(error)

    if refusal is None:
        answer = replace(example, image_shape=shape).answer_shape
        assert example.answer(network, torch.zeros(1, *shape)).shape == (1, *answer)
    else:
        assert "1 x 2" in refusal


def test_models_are_built_by_name_with_their_settings():
    network = build_model("standard", (3, 32, 30), 4, kernel_size=5)

    assert isinstance(network, standard.Standard)
    assert network.conv1.weight.shape == (16, 3, 5, 5)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (("standart", (1, 64, 64), 3), {}, "no model is called 'standart'; did you mean 'stand"),
        (("standard", (64, 64), 3), {}, r"image_shape must be .channels, height, width., got .64"),
        (("standard", (1, 64, 64), 0), {}, "classes must be at least 1, got 0"),
        (
            ("standard", (1, 64, 64), 3),
            {"kernel": 7},
            "standard: kernel: unknown key; did you mean",
        ),
        (("standard", (1, 64, 64), 3), {"kernel_size": "7"}, "kernel_size"),
    ],
)
def test_what_cannot_be_built_is_refused_with_its_cause(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        build_model(*arguments, **settings)
