"""An evaluation called at once, and what it gives: for those who keep nothing of it."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from isotrope import registry
from isotrope.datasets.stream import Split
from isotrope.files.arrays import Array
from isotrope.measuring.networks import Networks
from isotrope.packs.rows import check_row
from isotrope.params.evaluations import Evaluation

Rows = list[dict[str, Any]]


def rows_of(
    evaluation: Evaluation, networks: Networks, given: Sequence[Split]
) -> tuple[Rows, dict[int, dict[str, Array]]]:
    """Rows of all seeds under an evaluation, and arrays by seed where it gives any.

    Args:
        evaluation: not one of a whole run.
        networks: what is measured.
        given: the images that it measures; then those that it chooses something by, if it does.

    Raises:
        UserError: if a row lacks a metric, a value or the number of images.
    """
    module = registry.load("evaluation", evaluation.name)
    several = inspect.isgeneratorfunction(module.evaluate) or (
        getattr(module, "TOGETHER", False) and networks.at_once
    )
    with_arrays = registry.literal("evaluation", evaluation.name, "ARRAYS", False)
    data, *to_choose_by = given
    rows: Rows = []
    arrays: dict[int, dict[str, Array]] = {}
    for seeds in [networks.seeds] if several else [[seed] for seed in networks.seeds]:
        with torch.inference_mode(not getattr(module, "GRADIENTS", False)):
            found = module.evaluate(networks.only(seeds), data, evaluation.params, *to_choose_by)
            for part in found if inspect.isgenerator(found) else [found]:
                some, its = part if with_arrays else (part, {})
                for row in some:
                    check_row(row, evaluation.name)
                rows += some
                arrays |= its
    return rows, arrays
