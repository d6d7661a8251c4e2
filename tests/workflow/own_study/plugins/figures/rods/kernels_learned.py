"""The first kernel of a network, epoch by epoch, as it was recorded while the network trained."""

from collections.abc import Iterator

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isotrope.results.series import Tables
from isotrope.results.style import new_figure

TITLE = "A kernel that learns"
TABLES = ("runs",)
ARRAYS = ("recordings",)
CAPTION = "The first kernel of the first network that recorded its kernels, after each epoch."
ANIMATION = True
RATE = 2  # frames a second


def animate(tables: Tables) -> tuple[Iterator[Figure], pandas.DataFrame]:
    """A frame for each epoch, and the range of the kernel in each."""
    recorded = tables.arrays["recordings"]
    name = min(name for name in recorded if name.endswith("/kernels"))
    kernels, epochs = recorded[name][:, 0, 0], recorded[name.replace("kernels", "epoch")]
    data = pandas.DataFrame(
        {"epoch": epochs, "low": kernels.min(axis=(1, 2)), "high": kernels.max(axis=(1, 2))}
    )
    limit = float(np.abs(kernels).max())
    frames = (
        _frame(kernel, int(epoch), limit) for kernel, epoch in zip(kernels, epochs, strict=True)
    )
    return frames, data


def _frame(kernel: NDArray[np.float32], epoch: int, limit: float) -> Figure:
    figure = new_figure(2, 2)
    axes = figure.subplots()
    axes.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit)
    axes.set(title=f"epoch {epoch}", xticks=[], yticks=[])
    return figure
