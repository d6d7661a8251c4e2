"""Whether a network takes images of a size that it was not built for."""

from isotrope.models import cnn, shift_resnet
from isotrope.params import image_sizes
from isotrope.params.blocks import Plugin
from isotrope.params.image_sizes import refusal


def test_a_network_that_draws_is_tried_where_nothing_is_computed(monkeypatch):
    model = Plugin("shift_resnet", shift_resnet.Params(width=4, downsampling="lps"))
    devices, built = [], image_sizes._built
    monkeypatch.setattr(
        image_sizes, "_built", lambda *given: devices.append(given[-1]) or built(*given)
    )
    assert refusal(model, (3, 16, 16), 10, (3, 32, 32)) is None
    assert devices == ["meta"]


def test_a_network_that_cannot_be_built_without_values_is_built_for_real(monkeypatch):
    model = Plugin("cnn", cnn.Params(kernel_size=5))
    built = image_sizes._built
    monkeypatch.setattr(
        image_sizes, "_built", lambda *given: None if given[-1] == "meta" else built(*given)
    )
    assert "channels" in refusal(model, (1, 28, 28), 10, (3, 28, 28))


def test_a_network_that_refuses_a_size_says_why():
    model = Plugin("shift_resnet", shift_resnet.Params(width=4, downsampling="lps"))
    assert refusal(model, (3, 16, 16), 10, (3, 24, 24)) is None
    reason = refusal(model, (3, 16, 16), 10, (3, 20, 20))
    assert "does not divide maps of 5 x 5" in reason


def test_a_network_for_another_number_of_channels_says_why():
    reason = refusal(Plugin("cnn", cnn.Params()), (1, 28, 28), 10, (3, 28, 28))
    assert "channels" in reason
