"""Param-files of Deep Log-Polar Networks become ours: the same network, data and training.

Source: the author's param-files. What the original's code did without saying it in the file is
written out: images are normalised (MNIST by its mean and deviation, photos each by itself), the
last epoch is kept, the test images are looked at while it trains, LP-ResNet is trained by AdamW
whatever the file says, a cyclic learning rate is stepped with every batch.
"""

from typing import Any

from isotrope.mistakes import Complaint
from isotrope.params.foreign import Converted
from isotrope.studies.log_polar.original_files import DataSet, Original, Scheduler
from isotrope.studies.log_polar.original_models import network_of

__all__ = ["Original", "convert"]

Block = dict[str, Any]

DATA = {
    "MNIST": "mnist",
    "FastMNIST": "mnist",
    "TransformedMNIST": "mnist",
    "FashionMNIST": "fashion_mnist",
    "MNIST_R": "mnist_r",
    "MNIST_RTS": "mnist_rts",
    "RotMNIST": "rot_mnist",
    "CIFAR10": "cifar10",
    "SVHN": "svhn",
    "RotSVHN": "rot_svhn",
}
PHOTOS = ("cifar10", "svhn", "rot_svhn")
MNIST = {"mean": [0.1307], "std": [0.3081]}
ADAMW_DECAY = 0.01  # torch's, where the file says nothing
CYCLIC = ("base_lr", "max_lr")
CYCLIC_MORE = (
    *("step_size_up", "step_size_down", "mode", "gamma"),
    *("cycle_momentum", "base_momentum", "max_momentum"),
)
EVALUATIONS = ("accuracy", "rotation", "scaling", "translation_published")


def convert(original: Original) -> Converted:
    """The param-file that trains and tests what the original did."""
    wrong: list[Complaint] = []
    trained, tested = (
        _data_set(getattr(original, key), key, wrong) for key in ("train_data_dir", "val_data_dir")
    )
    name = DATA[trained.type] if trained else "mnist"
    model, remarks, complaints = network_of(original.model)
    wrong += complaints
    model["normalise"] = "image" if name in PHOTOS else MNIST
    evaluations: list[Any] = list(EVALUATIONS)
    if tested and DATA[tested.type] != name:
        other = DATA[tested.type]
        evaluations.append({"name": "accuracy", "as": other, "dataset": _block(other, False)})
        remarks.append(f"The original validated on {tested.type}; here that is an evaluation.")
    remarks.append("The original drew no seed.")
    if original.model.out_classes != 10:
        wrong.append((("model", "out_classes"), ": all of its data sets have 10 classes"))
    blocks = {
        "study": "log_polar",
        "series": "own",
        "seeds": [1],
        "dataset": _block(name, True),
        "model": model,
        "training": _training(original, trained, wrong),
        "evaluations": evaluations,
    }
    return Converted(blocks, name, remarks, wrong)


def _data_set(given: str | DataSet, key: str, wrong: list[Complaint]) -> DataSet | None:
    """The data set that is named; None where a folder is."""
    if isinstance(given, DataSet):
        return given
    what = ": a folder of tensors; name a data set, as in `{type: MNIST, kwargs: {root: data}}`"
    wrong.append(((key,), what))
    return None


def _block(name: str, trained: bool) -> Block:
    """The block ``dataset`` for files that the user has."""
    block: Block = {"name": name, "source": "local"}
    if name == "rot_mnist":
        block["form"] = "original"
    if trained:
        block["valid_from"] = "test"
    return block


def _training(original: Original, data: DataSet | None, wrong: list[Complaint]) -> Block:
    adamw, decay = original.model.type == "lp_resnet", original.optimizer.params.weight_decay
    optimizer: Block = {
        "name": "adamw" if adamw else "adam",
        "learning_rate": original.optimizer.params.lr,
        "weight_decay": (ADAMW_DECAY if adamw else 0.0) if decay is None else decay,
    }
    if original.scheduler is not None:
        _cycle(optimizer, original.scheduler, wrong)
    training: Block = {
        "epochs": original.num_epochs,
        "batch_size": original.batch_size,
        "optimizer": optimizer,
        "keep": "last",
    }
    if data is not None and data.type == "TransformedMNIST":
        pixels = data.kwargs.max_translate or 0
        training["augmentation"] = [{"name": "shift", "largest": pixels, "border": "zeros"}]
    return training


def _cycle(optimizer: Block, scheduler: Scheduler, wrong: list[Complaint]) -> None:
    """Put the arguments of ``CyclicLR`` into the block ``optimizer``."""
    named = dict(zip(CYCLIC, scheduler.args, strict=False)) | scheduler.kwargs
    for key in named.keys() - {*CYCLIC, *CYCLIC_MORE}:
        wrong.append((("scheduler", "kwargs", key), ": CyclicLR has no such argument"))
    if absent := [key for key in CYCLIC if key not in named]:
        wrong.append((("scheduler",), f": {absent[0]} is missing in args and kwargs"))
        return
    optimizer["learning_rate"] = float(named["base_lr"])
    cycle = {"name": "cyclic", "peak": float(named["max_lr"])}
    optimizer["schedule"] = cycle | {key: named[key] for key in CYCLIC_MORE if key in named}
