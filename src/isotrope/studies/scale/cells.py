"""The cells of the scale study: a model on a task of STIR, trained at the sizes of a scenario."""

from isotrope.results.cells import Cells, Panel

CLASSES = {"stir/emoji": 36, "stir/mnist": 10, "stir/trafficsign": 16, "stir/aerial": 9}
MODELS = (  # in the order of the published tables
    *("standard", "spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco"),
    *("pixel_pool", "slice_pool", "energy_pool", "conv3d"),
)
SCENARIOS = {  # first and last scale that a network is trained on, in pixels
    "small2large": (17, 32),
    "mid2rest": (33, 48),
    "large2small": (49, 64),
    "all2all": (17, 64),
}

CELLS = Cells(
    dataset=("dataset", "dataset.task"),
    settings={"scenario": "dataset.scenario"},
    order={"place": tuple(CLASSES), "model": MODELS, "scenario": tuple(SCENARIOS)},
    classes=CLASSES,
    compared=(("accuracy", "accuracy"),),
)


def panels_of(found: list[Panel], place: str) -> list[Panel]:
    """The panels of one data set: the one asked for, or else the first that there is."""
    shown = place if any(panel[0] == place for panel in found) else found[0][0]
    return [panel for panel in found if panel[0] == shown]
