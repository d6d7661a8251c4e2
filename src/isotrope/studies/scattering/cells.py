"""The cells of the scattering study: a network on a data set, trained on so many of its images.

What tells published networks of one model apart is the number of scales of their transform, where
its wavelets begin, whether and in which form they are learned, the width of its convolutions, and
for how many epochs it is trained.
"""

from isotrope.results.cells import Cells

DATASETS = (
    *("textures3", "cifar10", "cifair10"),
    *("kth_tips2", "covidx", "pneumonia_mnist"),
)
LINEAR = ("scattering_linear", "riesz_linear")  # models with a linear head
MODELS = (*LINEAR, "scattering_cnn", "wide_cnn", "wide_resnet", "resnet50")
REFERENCES = {  # published methods that are not run here, in words
    "glico": "GLICO",
    "tuned_baseline": "tuned cross-entropy",
    "t_vmf": "t-vMF similarity",
    "harmonic_networks": "harmonic networks",
    "long_schedule": "large network, long schedule",
}
WHOLE = {  # training images of a data set, where a run takes all of them
    "cifar10": 50_000,
    "cifair10": 50_000,
    "kth_tips2": 1188,  # one of four samples of each material
}

CELLS = Cells(
    settings={"samples": "dataset.samples"},
    order={
        "place": DATASETS,
        "samples": ("30", "60", "100", "250", "500", "1000", "5000", ""),  # the last: all
        "model": (*MODELS, *REFERENCES),
    },
    words={"samples": "{} images"},
    variants={
        "J": "model.J",
        "init": "model.init",
        "parameterization": "model.parameterization",
        "width": "model.width",
        "epochs": "training.epochs",
    },
    coloured=(
        *("tight frame, fixed", "tight frame, learned", "random, fixed", "random, learned"),
        *("equivariant", "no wavelets", "Riesz features", "ResNet-50, ImageNet"),
        *("pixelwise, tight frame", "pixelwise, random"),
        *("tight frame, learned, exact", "tight frame, learned, exact gradients"),
        *("Fixed filters", "Learned filters", "Learned, turned copies"),
        *("Learned filters, random at first", "Fixed wavelets"),
    ),
    main_figure="accuracy_by_samples",
)
