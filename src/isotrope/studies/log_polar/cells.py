"""The cells of the log-polar study: a model on a data set, trained on so many of its images."""

from isotrope.results.cells import Cells

DATASETS = (  # upright first, then turned, scaled and both
    *("mnist", "fashion_mnist", "mnist_r", "rot_mnist", "mnist_rts"),
    *("mnist_scale", "mnist_large_scale", "affnist", "sim2mnist_clean", "sim2mnist"),
    *("cifar10", "svhn", "rot_svhn"),
)
MODELS = (
    *("deep_lp", "single_lp", "lp_resnet", "ptn", "polar_cnn", "log_polar_input", "cnn"),
    *("stn", "h_net", "p4_cnn", "g_cnn", "or_ti_pooling", "ti_pooling", "rot_eq_net"),
    *("pdo_econv", "e2cnn", "sesn"),
)
STAND_INS = ("digits8",)

CELLS = Cells(
    settings={"images": "dataset.train_images"},
    order={"place": DATASETS, "model": MODELS},
    words={"images": "{} images"},
    stand_ins=STAND_INS,
    variants={
        "size": "model.size",
        "depth": "model.depth",
        "trim": "model.trim",
        "stride": "model.stride",
        "bank": "model.bank",
        "border": "model.border",
    },
    coloured=(
        *("DeepLP", "CNN", "DeepLP large", "SingleLP 1", "SingleLP 2", "PTN", "Polar CNN"),
        *("CNN behind a log-polar map", "CNN, trained on turned digits"),
        *("DeepLP, Gaussian filters", "DeepLP, trimmed", "DeepLP large, trimmed"),
        *("LP-ResNet-20", "LP-ResNet-56", "LP-ResNet-32"),
        *("Plain CNN", "DeepLP, two small layers", "Plain CNN, turned images"),
        "LP-ResNet-44",
    ),
    main_figure="rotation",
)
