"""The network of a model on the meta device, built once for all that is asked of it in a row."""

from typing import Any

from isotrope.params import meta_device, modelling
from isotrope.params.trials import shared
from isotrope.settings import Settings


@shared
def network_without_values(
    name: str, params: Settings, image_shape: tuple[int, int, int], classes: int
) -> Any:
    """The network, of tensors that have shapes alone; None if it cannot be built so.

    Args:
        name: the model's name.
        params: as ``modelling.settings_of`` checks them.
        image_shape: channels, height and width of the images.
        classes: number of classes.
    """
    return meta_device.built(lambda: modelling.build(name, params, image_shape, classes))
