"""What is kept of the responses of one row at a block of centres, compiled.

``found`` is ``(angles, size)`` flat, the responses of row ``t`` at all lanes of a block; ``best``
and ``places`` are ``(slots, blocks, size)``: what is kept so far, and where it was. Of equal
responses the first wins, and what is not a number stays.
"""

from typing import Any

import numpy as np

from isotrope.layers.log_polar_kernels_vectors import compiled


@compiled
def keep_windows(
    found: Any,
    t: int,
    angles: int,
    tau: int,
    theta: int,
    size: int,
    best: Any,
    places: Any,
    block: int,
) -> None:
    """Let the responses of a row take part in the maxima of their windows."""
    per_row = (angles + theta - 1) // theta
    for window in range(per_row):
        largest = best[t // tau * per_row + window, block]
        where = places[t // tau * per_row + window, block]
        for n in range(theta):
            a = (window * theta + n) % angles
            place = np.int16(t * angles + a)
            for lane in range(size):
                value, old = found[a * size + lane], largest[lane]
                wins = value > old or (value != value and old == old)
                largest[lane] = value if wins else old
                where[lane] = place if wins else where[lane]


@compiled
def keep_turned(
    found: Any,
    t: int,
    angles: int,
    tau: int,
    remain: int,
    size: int,
    best: Any,
    places: Any,
    block: int,
) -> None:
    """Turn a row until its largest response comes first, thin it out, and let it take part."""
    slot = t // tau * remain
    first = np.zeros(size, np.int32)
    largest = found[:size].copy()
    for a in range(1, angles):
        for lane in range(size):
            value, old = found[a * size + lane], largest[lane]
            wins = value > old or (value != value and old == old)
            largest[lane] = value if wins else old
            first[lane] = a if wins else first[lane]
    if remain < angles:
        for lane in range(size):
            _keep_some(found, t, angles, remain, size, slot, first[lane], best, places, block, lane)
        return
    for n in range(angles):
        kept, where = best[slot + n, block], places[slot + n, block]
        for lane in range(size):
            a = first[lane] + n
            a = a - angles if a >= angles else a
            value, old = found[a * size + lane], kept[lane]
            wins = value > old or (value != value and old == old)
            kept[lane] = value if wins else old
            where[lane] = np.int16(t * angles + a) if wins else where[lane]


@compiled
def _keep_some(
    found: Any,
    t: int,
    angles: int,
    remain: int,
    size: int,
    slot: int,
    first: int,
    best: Any,
    places: Any,
    block: int,
    lane: int,
) -> None:
    """The largest of a turned row, in their order, at one lane."""
    end = slot + remain
    for n in range(angles):
        a = (first + n) % angles
        value = found[a * size + lane]
        larger = 0
        for m in range(angles):
            other = found[(first + m) % angles * size + lane]
            larger += other > value or (other == value and m < n)
        if larger < remain and slot < end:
            old = best[slot, block, lane]
            if value > old or (value != value and old == old):
                best[slot, block, lane] = value
                places[slot, block, lane] = t * angles + a
            slot += 1
