"""Whether the seeds of a run have seen what an evaluation of all of them together asks."""

from collections.abc import Sequence

from isotrope import registry
from isotrope.mistakes import Complaint
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation


def differing_images(
    datasets: Sequence[Plugin], evaluations: Sequence[Evaluation], seeds: Sequence[int]
) -> list[Complaint]:
    """Why seeds cannot be taken together: each is trained on images of its own.

    Args:
        datasets: of the points of a run.
        evaluations: its entries.
        seeds: those of the run.
    """
    if len(seeds) < 2 or not any(_each_its_own(dataset) for dataset in datasets):
        return []
    what = (
        "{} takes all seeds together, and each is trained on other images, so that they have seen "
        "more than each by itself; give all one set of images (dataset.subset_seed, which a sweep "
        "may vary), or leave it out"
    )
    return [
        (one.where, f": {what.format(one.name)}")
        for one in evaluations
        if registry.literal("evaluation", one.name, "SAME_IMAGES", False)
    ]


def _each_its_own(dataset: Plugin) -> bool:
    """Whether a data set says that each seed has training images of its own."""
    module = registry.load("data", dataset.name)
    return hasattr(module, "own_subsets") and bool(module.own_subsets(dataset.params))
