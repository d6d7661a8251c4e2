"""Shift consistency of the networks as their training began: what is theirs by construction.

An exact network has 100 % before it has learned anything; of others it shows, beside
``shift_consistency``, what training has brought. Settings, columns, metrics and arrays are those of
``shift_consistency``.
"""

from typing import Any

import numpy as np

from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation import shift_consistency
from isotrope.measuring.networks import Networks

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
TOGETHER = True
ARRAYS = True


class Params(shift_consistency.Params):
    """Settings of ``shift_consistency_untrained``."""


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[dict[str, Any]], dict[int, dict[str, np.ndarray[Any, Any]]]]:
    """Rows and arrays of each seed, see ``shift_consistency``.

    Raises:
        UserError: if it is not known how the training began, or as ``shift_consistency``.
    """
    initial = networks.untrained()
    if initial is None:
        raise UserError(
            "shift_consistency_untrained: it is not known how the training of these networks "
            "began; take it out of evaluations"
        )
    return shift_consistency.evaluate(initial, data, params)
