"""What the two figures on chosen kernel sizes show."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas
import pytest
from made_up_tables import MAPPED, SCALES, correlation, kernel_maps, kernel_sizes, tables_for

from isotrope.figures.scale import kernel_size_maps, kernel_sizes_by_scale

MakeTables = Callable[..., Path]
MODELS = ("standard", "slice_pool", "pixel_pool")


def draw(module: ModuleType, folder: Path, published: pandas.DataFrame):
    return module.draw(tables_for(module.__name__.rpartition(".")[2], folder, published))


def test_every_channel_has_a_dot_for_every_size_sorted_by_correlation(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    figure, data = draw(kernel_sizes_by_scale, make_tables(models=MODELS), published)

    ours = data[data["origin"].eq("measured")]
    assert set(ours["model"]) == {"slice_pool"}
    assert set(ours["seed"]) == {3}, "the arrays are those of the best seed, here the last"
    sizes = ours.pivot(index="scale", columns="channel", values="kernel_size")
    assert list(sizes.index) == list(SCALES)
    assert (sizes.to_numpy() == kernel_sizes(32, 3)).all()
    by_rank = ours.drop_duplicates("rank").sort_values("rank")
    assert list(by_rank["pearson_r"]) == pytest.approx(
        sorted((correlation(c, 3) for c in range(32)), reverse=True), abs=1e-15
    )
    assert data[data["origin"].eq("published")]["accuracy"].item() == pytest.approx(
        0.7396, abs=5e-5
    )
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1], "the largest r on top"


@pytest.mark.parametrize("module", [kernel_sizes_by_scale, kernel_size_maps])
def test_picture_and_colour_bar_have_one_scale_that_holds_all_sizes(
    make_tables: MakeTables, published: pandas.DataFrame, module: ModuleType
) -> None:
    figure, _ = draw(module, make_tables(models=MODELS), published)
    picture = [*figure.axes[0].collections, *figure.axes[0].images][0]
    bar = figure.axes[1]
    shown = picture.get_array().compressed()
    assert picture.get_clim() == (shown.min(), shown.max())
    assert bar.get_ylim() == picture.get_clim()


def test_maps_hold_every_channel_at_every_size(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    figure, data = draw(kernel_size_maps, make_tables(models=MODELS), published)

    maps = kernel_maps(32)
    picture = np.ma.asarray(figure.axes[0].images[0].get_array()).filled(np.nan)
    first = int(data["channel"].iloc[0])
    left = 0
    for i in range(len(MAPPED)):
        block = picture[kernel_size_maps.ABOVE :, left:][:52, :52]
        assert (block == maps[i, first]).all()
        left += 52 + kernel_size_maps.BETWEEN
    assert np.isfinite(picture).sum() == maps.size
    ours = data[data["origin"].eq("measured")].set_index(["channel", "scale"])
    assert ours.loc[(5, 33), "mean"] == pytest.approx(maps[1, 5].mean())
    assert set(ours["model"]) == {"pixel_pool"}


def test_channel_with_one_size_throughout_stands_last_without_a_correlation(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(models=["slice_pool", "pixel_pool"])
    path = folder / "index_correlation.csv"
    value = correlation(4, 3)
    old = f"slice_pool/stir_emoji/mid2rest,base,3,pool2,4,pearson_r,{value},48\n"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, old.replace(f"{value},48", "nan,0")))

    figure, data = draw(kernel_sizes_by_scale, folder, published)

    assert data[data["rank"].eq(31)]["channel"].unique() == [4]
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "none"
    words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert "Channels with one kernel size throughout: 1." in words


@pytest.mark.parametrize(
    ("module", "models", "said"),
    [
        (kernel_sizes_by_scale, ["pixel_pool"], "no network here chooses one kernel size"),
        (kernel_size_maps, ["standard", "slice_pool"], "no network here chooses a kernel size at"),
    ],
)
def test_page_says_so_where_no_network_is_of_the_kind(
    make_tables: MakeTables,
    published: pandas.DataFrame,
    module: ModuleType,
    models: list[str],
    said: str,
) -> None:
    folder = make_tables(models=models)
    if module is kernel_size_maps:  # the last model made up has maps
        with np.load(folder / "index_correlation.npz") as stored:
            kept = {name: array for name, array in stored.items() if array.ndim < 4}
        np.savez(folder / "index_correlation.npz", **kept)
    figure, data = draw(module, folder, published)
    assert said in figure.texts[0].get_text().replace("\n", " ")
    assert data.empty


def test_published_data_set_and_scenario_are_preferred(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(
        models=MODELS, scenarios=("small2large", "mid2rest"), tasks=("mnist", "emoji")
    )
    _, data = draw(kernel_sizes_by_scale, folder, published)
    assert set(data["run"].dropna()) == {"slice_pool/stir_emoji/mid2rest"}
