"""Param-files of Deep Log-Polar Networks, as their author wrote them.

Source: S. Karukas, Deep Log-Polar Networks, the author's param-files and the arguments of the
author's layers and data sets. A key that those silently ignored is a mistake here.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from isotrope.settings import Settings

Pair = int | list[int]


class Samples(Settings):
    """The arguments of a log-polar transform."""

    lp_version: Literal["bilinear", "v1", "v2"] | None = None
    tau_min: float = 1.0
    tau_max: float = 8.0
    ntau: int = 8
    num_angles: int = 12
    k: int = 50
    g: float = 0.0
    dt: float = 1.0
    buff_max: int | None = None
    window_shape: Literal["arc", "line"] = "arc"
    localization: Literal["step", "gaussian"] = "step"
    gaussian_sharpness: float | Literal["learned"] = 1.0
    stride: int = 1


class Layer(Samples):
    """An entry of ``layer_params``: a log-polar convolution."""

    in_channels: int
    out_channels: int
    kernel_size: Pair = 5
    topk: int | None = None
    tau_pooling: int | None = None
    theta_pooling: int | None = None
    spatial_pooling: int | None = None
    spatial_trim: int = 0
    pooling: Literal["max", "average"] = "max"
    relative_encoding: bool = False


class Network(Settings):
    """The block ``model`` of any of the three networks."""

    type: Literal["logpolar", "single_lp", "lp_resnet"]
    layer_params: list[Layer] | None = None
    lp_params: Samples | None = None
    channels: list[int] | None = None
    filter_sizes: list[Pair] | None = None
    block: Literal["DeepLPBlock"] | None = None
    num_blocks: int | None = None
    dropout: float = 0.0
    batch_norm: bool | None = None
    act_func: Literal["relu", "leaky", "sigmoid"] = "relu"
    act_location: Literal["pre", "post"] = "pre"
    out_classes: int = 10
    output: Literal["max", "center", "average", "random"] | None = None
    pool_out_size: Pair | None = None

    @model_validator(mode="after")
    def _has_its_own_keys(self) -> Self:
        needed = {
            "logpolar": ("layer_params",),
            "single_lp": ("lp_params", "channels", "filter_sizes"),
            "lp_resnet": ("block", "num_blocks"),
        }
        for kind, names in needed.items():
            for name in names:
                if kind == self.type and getattr(self, name) is None:
                    raise ValueError(f"type {kind} needs {name}")
                if kind != self.type and getattr(self, name) is not None:
                    raise ValueError(f"type {self.type} takes no {name}")
        return self


class OptimizerArguments(Settings):
    """What the optimizer was given."""

    lr: float
    weight_decay: float | None = None


class OriginalOptimizer(Settings):
    """The block ``optimizer``."""

    type: Literal["adam"]
    params: OptimizerArguments


class Scheduler(Settings):
    """The block ``scheduler``, the arguments of ``torch.optim.lr_scheduler.CyclicLR``."""

    type: Literal["cyclic_lr"]
    args: list[float] = Field([], max_length=2)
    kwargs: dict[str, Any] = Field({})


class DataArguments(Settings):
    """What a data set was given."""

    root: str = "data"
    train: bool | None = None
    split: Literal["train", "test"] | None = None
    download: bool | None = None
    max_translate: int | None = None


class DataSet(Settings):
    """A data set by the name of its class."""

    type: Literal[
        "MNIST",
        "FastMNIST",
        "MNIST_R",
        "MNIST_RTS",
        "RotMNIST",
        "FashionMNIST",
        "TransformedMNIST",
        "CIFAR10",
        "SVHN",
        "RotSVHN",
    ]
    kwargs: DataArguments = DataArguments()


def _which(value: Any) -> str:
    return "data set" if isinstance(value, dict | DataSet) else "folder"


Data = Annotated[
    Annotated[str, Tag("folder")] | Annotated[DataSet, Tag("data set")], Discriminator(_which)
]


class Original(Settings):
    """A whole file."""

    model: Network
    optimizer: OriginalOptimizer
    scheduler: Scheduler | None = None
    num_epochs: int
    batch_size: int
    train_data_dir: Data
    val_data_dir: Data
    collate: Literal["batch"] | None = None
