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
    coloured=(
        *("Strided", "LPF-3", "APS", "LPS", "TIPS", "DDAC-3"),
        *("Average pooling", "Decimation", "Ideal low-pass", "LPF-2", "LPF-5", "LPS, LPF-2"),
        *("ResNet-18", "LPF-3, narrow", "APS, narrow", "LPS, narrow", "TIPS, narrow"),
        *("APS, LPF-2", "APS, LPF-3", "APS, LPF-5", "APS, DDAC-3", "LPS, LPF-3", "LPS, LPF-5"),
        *("LPS, DDAC-3", "strided, narrow"),
    ),
    main=(("accuracy", "accuracy"), ("segmentation", "mean_iou")),
    main_figure="accuracy_and_consistency",
)
