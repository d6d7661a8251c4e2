"""The cells of the glimpse study: a network on a data set."""

from isotrope.results.cells import Cells

CELLS = Cells(
    order={
        "place": ("mnist", "mnist_r", "mnist_rts", "sim2mnist_clean", "sim2mnist", "imagenet"),
        "model": ("ram_lpm", "ram", "fovea_cnn", "ptn", "polar_cnn", "cnn", "stn", "h_net"),
    },
    stand_ins=("digits8",),
    variants={"size": "model.size", "glimpses": "model.glimpses", "patch": "model.patch"},
)
