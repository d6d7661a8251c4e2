"""The question that models ask of an image shape before they are built."""


def refuse_smaller(image_shape: tuple[int, int, int], least: int, reason: str) -> None:
    """Refuse images with a side of fewer than ``least`` pixels.

    Raises:
        ValueError: that names the size, the least size and the reason, a part of the network.
    """
    _, height, width = image_shape
    if min(height, width) < least:
        raise ValueError(
            f"images of {height} x {width} pixels are too small for {reason}; "
            f"both sides must have {least} pixels or more"
        )
