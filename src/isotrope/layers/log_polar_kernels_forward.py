"""The forward pass of a log-polar convolution for one image and some output channels, compiled.

Project, then sample: the image is multiplied with the weights of every cell (a *projection*, a map
of output channels for each cell), and a response is a sum of few weighted pixels of each
projection. That is ``4 / in_channels + 1 / (rows * angles)`` of the products that sampling first
takes. Output channels lie together in memory, one vector of them, so that every pixel is read as a
whole and nothing depends on how images and kernels lie on each other.

Blocks of 2 x 4 centres are computed at once. Taps that read nothing but zeros are left out.
"""

from typing import Any

import numpy as np

from isotrope.layers.log_polar_kernels_pooling import keep_turned, keep_windows
from isotrope.layers.log_polar_kernels_vectors import compiled, load, multiply_add, spread, store

DOWN, ACROSS = 2, 4  # centres of a block


@compiled
def forward(
    maps: Any,
    weight: Any,
    starts: Any,
    down: Any,
    across: Any,
    shares: Any,
    boxes: Any,
    levels: Any,
    site: Any,
    kept: Any,
    values: Any,
    winners: Any,
) -> None:
    """Write the responses that remain, and where they were.

    Shapes:
        maps: ``(levels, in_channels, height, width)``
        weight: ``(kernel_rows, kernel_angles, in_channels, lanes)``
        starts, down, across, shares: the bank's taps; ``boxes`` ``(points, 4)`` their least and
            largest row and least and largest column
        levels: which of the maps the points of each radius read
        site: row and column of the first centre, rows and columns of centres, their step
        kept: rows and angles of responses, rows and angles in a window, and how many angles of
            each row remain (0: windows)
        values, winners: ``(out_channels, slots, centres)``, at most as many channels as lanes
    """
    top, left, height, width, stride = site
    rows, angles, tau, theta, turned = kept
    kernel_rows, cells, _, wide = weight.shape
    high, long = maps.shape[2] + 2 * stride, maps.shape[3] + 2 * (ACROSS - 1) * stride
    plane = high * long * wide
    projected = np.zeros(kernel_rows * cells * plane, maps.dtype)
    current = np.full(kernel_rows, -1, np.int64)
    count, points, size = len(shares), len(starts) - 1, DOWN * ACROSS * wide
    offsets = np.empty(2 * count, np.int64)
    heavy = np.empty(2 * count, maps.dtype)
    for tap in range(count):
        offsets[tap] = (down[tap] * long + across[tap]) * wide
        heavy[tap] = shares[tap]
    first, last = np.empty(points, np.int64), np.empty(points, np.int64)
    found = np.empty(angles * size, maps.dtype)
    slots, blocks_across = values.shape[1], (width + ACROSS - 1) // ACROSS
    blocks = (height + DOWN - 1) // DOWN * blocks_across
    best = np.full((slots, blocks, size), -np.inf, maps.dtype)
    places = np.zeros((slots, blocks, size), np.int16)
    for slot in range(slots):
        per_row = slots // (rows // tau)
        place = slot // per_row * tau * angles + slot % per_row * (0 if turned else theta)
        places[slot] = place
    for t in range(rows):
        if t // tau >= rows // tau:
            break
        for i in range(kernel_rows):
            if current[i] != levels[t + i]:
                current[i] = levels[t + i]
                for j in range(cells):
                    begin = (i * cells + j) * plane
                    _project(maps[current[i]], weight[i, j], projected, begin, stride)
        for block in range(blocks):
            row = top + stride * DOWN * (block // blocks_across)
            column = left + stride * ACROSS * (block % blocks_across)
            _choose_taps(
                row,
                column,
                maps.shape[2],
                maps.shape[3],
                stride,
                t * angles,
                (t + kernel_rows) * angles,
                starts,
                down,
                across,
                boxes,
                offsets,
                heavy,
                first,
                last,
            )
            centre = ((row + stride) * long + column + (ACROSS - 1) * stride) * wide
            for a in range(angles):
                _respond(
                    projected,
                    plane,
                    centre,
                    stride * wide,
                    stride * long * wide,
                    t,
                    a,
                    angles,
                    kernel_rows,
                    cells,
                    first,
                    last,
                    offsets,
                    heavy,
                    found,
                    a * size,
                )
            if turned:
                keep_turned(found, t, angles, tau, turned, size, best, places, block)
            else:
                keep_windows(found, t, angles, tau, theta, size, best, places, block)
    for channel in range(values.shape[0]):
        for slot in range(slots):
            for y in range(height):
                for x in range(width):
                    block = y // DOWN * blocks_across + x // ACROSS
                    lane = ((y % DOWN) * ACROSS + x % ACROSS) * wide + channel
                    values[channel, slot, y * width + x] = best[slot, block, lane]
                    winners[channel, slot, y * width + x] = places[slot, block, lane]


@compiled
def _project(image: Any, weight: Any, projected: Any, begin: int, stride: int) -> None:
    """One cell's products with all pixels, zeros around them left as they are."""
    channels, height, width = image.shape
    wide = weight.shape[1]
    pixels, flat = image.reshape(channels * height * width), weight.reshape(channels * wide)
    long = width + 2 * (ACROSS - 1) * stride
    zero = spread(weight.dtype.type(0))
    for y in range(height):
        target = begin + ((y + stride) * long + (ACROSS - 1) * stride) * wide
        x = 0
        while x + 4 <= width:
            a, b, c, d = zero, zero, zero, zero
            for channel in range(channels):
                place = (channel * height + y) * width + x
                kernel = load(flat, channel * wide)
                a = multiply_add(spread(pixels[place]), kernel, a)
                b = multiply_add(spread(pixels[place + 1]), kernel, b)
                c = multiply_add(spread(pixels[place + 2]), kernel, c)
                d = multiply_add(spread(pixels[place + 3]), kernel, d)
            store(projected, target + x * wide, a)
            store(projected, target + (x + 1) * wide, b)
            store(projected, target + (x + 2) * wide, c)
            store(projected, target + (x + 3) * wide, d)
            x += 4
        while x < width:
            a = zero
            for channel in range(channels):
                pixel = pixels[(channel * height + y) * width + x]
                a = multiply_add(spread(pixel), load(flat, channel * wide), a)
            store(projected, target + x * wide, a)
            x += 1


@compiled
def _choose_taps(
    row: int,
    column: int,
    height: int,
    width: int,
    stride: int,
    begin: int,
    end: int,
    starts: Any,
    down: Any,
    across: Any,
    boxes: Any,
    offsets: Any,
    heavy: Any,
    first: Any,
    last: Any,
) -> None:
    """The taps of some points that read any pixel for any centre of a block."""
    free = len(down)
    above, before = -stride - row, -(ACROSS - 1) * stride - column
    below, after = height - 1 - row, width - 1 - column
    for point in range(begin, end):
        least, most, nearest, farthest = boxes[point]
        first[point], last[point] = starts[point], starts[point + 1]
        if most < above or least > below or farthest < before or nearest > after:
            last[point] = first[point]
        elif least < above or most > below or nearest < before or farthest > after:
            first[point] = free
            for tap in range(starts[point], starts[point + 1]):
                if above <= down[tap] <= below and before <= across[tap] <= after:
                    offsets[free], heavy[free] = offsets[tap], heavy[tap]
                    free += 1
            last[point] = free


@compiled
def _respond(
    projected: Any,
    plane: int,
    centre: int,
    right: int,
    below: int,
    t: int,
    a: int,
    angles: int,
    kernel_rows: int,
    cells: int,
    first: Any,
    last: Any,
    offsets: Any,
    heavy: Any,
    found: Any,
    target: int,
) -> None:
    """The responses of one row and angle at a block of centres."""
    zero = spread(projected.dtype.type(0))
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    begin = centre
    for i in range(kernel_rows):
        point, end = (t + i) * angles + a, (t + i + 1) * angles
        for _ in range(cells):
            for tap in range(first[point], last[point]):
                place = begin + offsets[tap]
                share = spread(heavy[tap])
                s0 = multiply_add(load(projected, place), share, s0)
                s1 = multiply_add(load(projected, place + right), share, s1)
                s2 = multiply_add(load(projected, place + 2 * right), share, s2)
                s3 = multiply_add(load(projected, place + 3 * right), share, s3)
                place += below
                s4 = multiply_add(load(projected, place), share, s4)
                s5 = multiply_add(load(projected, place + right), share, s5)
                s6 = multiply_add(load(projected, place + 2 * right), share, s6)
                s7 = multiply_add(load(projected, place + 3 * right), share, s7)
            begin += plane
            point += 1
            if point == end:
                point -= angles
    wide = len(found) // (angles * DOWN * ACROSS)
    store(found, target, s0)
    store(found, target + wide, s1)
    store(found, target + 2 * wide, s2)
    store(found, target + 3 * wide, s3)
    store(found, target + 4 * wide, s4)
    store(found, target + 5 * wide, s5)
    store(found, target + 6 * wide, s6)
    store(found, target + 7 * wide, s7)
