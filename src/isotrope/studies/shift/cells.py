"""The cells of the shift study: a network with a form of downsampling on a data set.

What tells published networks of one model apart is how deep they are, what stands where a stride
was, the filter before it, the border of their convolutions, and how wide they are, where that is
not the published width.
"""

from isotrope.results.cells import Cells

DATASETS = (  # classes as labels, then masks
    *("photos", "cifar10", "cifar100", "imagenette", "imagenet"),
    *("voc", "cityscapes"),
)
MODELS = ("shift_resnet", "deeplabv3plus")

CELLS = Cells(
    order={"place": DATASETS, "model": MODELS},
    variants={
        "depth": "model.depth",
        "downsampling": "model.downsampling",
        "antialias": "model.antialias",
        "border": "model.padding",
        "width": "model.width",
    },
)
