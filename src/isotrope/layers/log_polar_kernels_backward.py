"""The backward pass of a log-polar convolution for one image, compiled.

The gradient of what remained is spread over the pixels that the winner saw, cell by cell, which
gives the gradient of the projections of `isotrope.layers.log_polar_kernels_forward`. Products with
the image and with the weights follow. The first part does not depend on the number of input
channels, the second not on radii and angles. Gradients of zero take no time.
"""

from typing import Any

import numpy as np

from isotrope.layers.log_polar_kernels_vectors import (
    compiled,
    load,
    multiply_add,
    numbers_of_vector,
    spread,
    store,
    total,
)

CELLS, CHANNELS = 2, 4  # to whose multiples the caller fills up


@compiled
def backward(
    gradient: Any,
    winners: Any,
    maps: Any,
    weight: Any,
    size: Any,
    starts: Any,
    down: Any,
    across: Any,
    shares: Any,
    boxes: Any,
    levels: Any,
    site: Any,
    shape: Any,
    of_maps: Any,
    of_weight: Any,
) -> None:
    """Add to the gradients of an image and of the weights; one without numbers is left out.

    Shapes:
        gradient, winners: ``(out_channels, slots, centres)``
        maps: ``(levels, in_channels, pixels)``, channels and pixels filled up with zeros to
            multiples of `CHANNELS` and of two vectors
        weight: ``(out_channels, cells, in_channels)``, cells filled up to a multiple of `CELLS`
        size: rows and columns of the maps
        starts, down, across, shares, boxes, levels, site: as the forward pass takes them
        shape: number of angles, and rows and columns of cells
        of_maps, of_weight: as ``maps`` and ``weight``, or without numbers
    """
    angles, kernel_rows, cells = shape
    count = weight.shape[1]
    filled = maps.shape[2]
    spread_out = np.zeros(maps.shape[0] * count * filled, maps.dtype)
    touched = np.zeros(maps.shape[0], np.bool_)
    for channel in range(len(gradient)):
        for level in range(maps.shape[0]):
            if touched[level]:
                spread_out[level * count * filled : (level + 1) * count * filled] = 0
                touched[level] = False
        _spread_out(
            gradient[channel],
            winners[channel],
            starts,
            down,
            across,
            shares,
            boxes,
            levels,
            site,
            size,
            angles,
            kernel_rows,
            cells,
            spread_out,
            count,
            filled,
            touched,
        )
        for level in range(maps.shape[0]):
            if touched[level]:
                begin = level * count * filled
                if of_weight.size > 0:
                    _times_image(spread_out, begin, maps[level], of_weight[channel])
                if of_maps.size > 0:
                    _times_weight(spread_out, begin, weight[channel], of_maps[level])


@compiled
def _spread_out(
    gradient: Any,
    winners: Any,
    starts: Any,
    down: Any,
    across: Any,
    shares: Any,
    boxes: Any,
    levels: Any,
    site: Any,
    size: Any,
    angles: int,
    kernel_rows: int,
    cells: int,
    found: Any,
    count: int,
    filled: int,
    touched: Any,
) -> None:
    """The gradient of one channel's projections: ``(levels, cells, pixels)``."""
    top, left, height, width, stride = site
    rows, columns = size
    offsets = np.empty(len(shares), np.int64)
    for tap in range(len(shares)):
        offsets[tap] = down[tap] * columns + across[tap]
    for slot in range(len(gradient)):
        for y in range(height):
            row = top + stride * y
            above, below = -row, rows - 1 - row
            for x in range(width):
                share = gradient[slot, y * width + x]
                if share == 0:
                    continue
                column = left + stride * x
                before, after = -column, columns - 1 - column
                t, a = divmod(np.int64(winners[slot, y * width + x]), angles)
                for i in range(kernel_rows):
                    level = levels[t + i]
                    touched[level] = True
                    begin = (level * count + i * cells) * filled + row * columns + column
                    point, end = (t + i) * angles + a, (t + i + 1) * angles
                    for _ in range(cells):
                        if (
                            boxes[point, 0] >= above
                            and boxes[point, 1] <= below
                            and boxes[point, 2] >= before
                            and boxes[point, 3] <= after
                        ):
                            for tap in range(starts[point], starts[point + 1]):
                                found[begin + offsets[tap]] += share * shares[tap]
                        elif (
                            boxes[point, 0] <= below
                            and boxes[point, 1] >= above
                            and boxes[point, 2] <= after
                            and boxes[point, 3] >= before
                        ):
                            for tap in range(starts[point], starts[point + 1]):
                                if above <= down[tap] <= below and before <= across[tap] <= after:
                                    found[begin + offsets[tap]] += share * shares[tap]
                        begin += filled
                        point += 1
                        if point == end:
                            point -= angles


@compiled
def _times_image(spread_out: Any, begin: int, image: Any, of_weight: Any) -> None:
    """Add the products with all channels of an image, summed over pixels."""
    filled = image.shape[1]
    pixels = image.reshape(image.size)
    zero = spread(image.dtype.type(0))
    wide = numbers_of_vector(pixels)
    for row in range(0, of_weight.shape[0], CELLS):
        one = begin + row * filled
        for channel in range(0, of_weight.shape[1], CHANNELS):
            first = channel * filled
            s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
            for pixel in range(0, filled, wide):
                a = load(spread_out, one + pixel)
                b = load(spread_out, one + filled + pixel)
                value = load(pixels, first + pixel)
                s0, s1 = multiply_add(a, value, s0), multiply_add(b, value, s1)
                value = load(pixels, first + filled + pixel)
                s2, s3 = multiply_add(a, value, s2), multiply_add(b, value, s3)
                value = load(pixels, first + 2 * filled + pixel)
                s4, s5 = multiply_add(a, value, s4), multiply_add(b, value, s5)
                value = load(pixels, first + 3 * filled + pixel)
                s6, s7 = multiply_add(a, value, s6), multiply_add(b, value, s7)
            of_weight[row, channel] += total(s0)
            of_weight[row + 1, channel] += total(s1)
            of_weight[row, channel + 1] += total(s2)
            of_weight[row + 1, channel + 1] += total(s3)
            of_weight[row, channel + 2] += total(s4)
            of_weight[row + 1, channel + 2] += total(s5)
            of_weight[row, channel + 3] += total(s6)
            of_weight[row + 1, channel + 3] += total(s7)


@compiled
def _times_weight(spread_out: Any, begin: int, weight: Any, of_image: Any) -> None:
    """Add the products with the weights, summed over cells."""
    filled = of_image.shape[1]
    target = of_image.reshape(of_image.size)
    wide = numbers_of_vector(target)
    for channel in range(0, of_image.shape[0], CHANNELS):
        first = channel * filled
        for pixel in range(0, filled, 2 * wide):
            s0, s1 = load(target, first + pixel), load(target, first + pixel + wide)
            place = first + filled + pixel
            s2, s3 = load(target, place), load(target, place + wide)
            place += filled
            s4, s5 = load(target, place), load(target, place + wide)
            place += filled
            s6, s7 = load(target, place), load(target, place + wide)
            place = begin + pixel
            for row in range(weight.shape[0]):
                a, b = load(spread_out, place), load(spread_out, place + wide)
                factor = spread(weight[row, channel])
                s0, s1 = multiply_add(a, factor, s0), multiply_add(b, factor, s1)
                factor = spread(weight[row, channel + 1])
                s2, s3 = multiply_add(a, factor, s2), multiply_add(b, factor, s3)
                factor = spread(weight[row, channel + 2])
                s4, s5 = multiply_add(a, factor, s4), multiply_add(b, factor, s5)
                factor = spread(weight[row, channel + 3])
                s6, s7 = multiply_add(a, factor, s6), multiply_add(b, factor, s7)
                place += filled
            place = first + pixel
            store(target, place, s0)
            store(target, place + wide, s1)
            store(target, place + filled, s2)
            store(target, place + filled + wide, s3)
            store(target, place + 2 * filled, s4)
            store(target, place + 2 * filled + wide, s5)
            store(target, place + 3 * filled, s6)
            store(target, place + 3 * filled + wide, s7)
