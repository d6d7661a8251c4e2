"""What evaluations share that add up what they see, pass after pass, and may be ended anywhere."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor

from isotrope.measuring.networks import Networks

Pass = TypeVar("Pass")
Totals = dict[str, Tensor]


def accumulated(
    networks: Networks,
    passes: Iterable[Pass],
    totals: Totals,
    add: Callable[[Totals, Pass], None],
    kind: Any,
) -> Totals:
    """The totals after all passes; those that an ended job has saved are not gone through again.

    Args:
        networks: where their first seed is, is where the evaluation is.
        passes: in an order that is the same each time.
        totals: as they are before the first pass.
        add: changes the totals, in place, by a pass; it runs without gradients.
        kind: numbers and words in plain lists; what was saved under another is of no use.

    Returns:
        The totals on the CPU.
    """
    position = networks.position(networks.seeds[0])
    state, done = position.restore(), 0
    key = [list(networks.seeds), kind]
    if state is not None and state.get("kind") == key:
        done, totals = state["done"], state["totals"]
    totals = {name: total.to(networks.device) for name, total in totals.items()}
    for count, one in enumerate(passes, 1):
        if count > done:
            with torch.inference_mode():
                add(totals, one)
            position.save({"done": count, "totals": totals, "kind": key})
    return {name: total.cpu() for name, total in totals.items()}
