"""Whether a network takes images of a size that it was not built for."""

from isotrope.models import cnn, shift_resnet
from isotrope.params.blocks import Plugin
from isotrope.params.image_sizes import refusal


def test_a_network_whose_numbers_cannot_be_drawn_on_the_meta_device_is_tried_for_real():
    model = Plugin("shift_resnet", shift_resnet.Params(width=4, downsampling="lps"))
    assert refusal(model, (3, 16, 16), 10, (3, 24, 24)) is None
    reason = refusal(model, (3, 16, 16), 10, (3, 20, 20))
    assert "does not divide maps of 5 x 5" in reason


def test_a_network_for_another_number_of_channels_says_why():
    reason = refusal(Plugin("cnn", cnn.Params()), (1, 28, 28), 10, (3, 28, 28))
    assert "channels" in reason
