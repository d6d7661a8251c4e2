"""What the figures of rods share."""

AXIS = "Length (pixels)"
