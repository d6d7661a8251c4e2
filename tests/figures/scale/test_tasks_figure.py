from collections.abc import Callable
from pathlib import Path

import numpy as np
from made_up_tables import example_images, tables_for

from isotrope.figures.scale import tasks

MakeTables = Callable[..., Path]


def draw(folder: Path):
    return tasks.draw(tables_for("tasks", folder))


def test_two_objects_of_every_task_are_shown_at_every_size_as_they_are(
    make_tables: MakeTables,
) -> None:
    figure, data = draw(make_tables(tasks=("trafficsign", "emoji")))
    pictures = figure.axes[0].images
    assert len(pictures) == len(data) == 2 * 2 * 6
    expected = [example_images(task)["images"] for task in ("emoji", "trafficsign")]
    for i, picture in enumerate(pictures):
        task, rest = divmod(i, 12)
        which, size = divmod(rest, 6)
        assert (np.asarray(picture.get_array()) == expected[task][size, which]).all()
    assert list(data.loc[6, ["place", "label", "scale", "left", "top"]]) == [
        *("stir/emoji", 1, 17, 47, 0),
    ]


def test_tasks_without_images_are_named(make_tables: MakeTables) -> None:
    figure, _ = draw(make_tables(tasks=("mnist",)))
    words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    assert "Tasks without images here: emoji, trafficsign, aerial." in words
    assert "Images: stir/mnist (embedded)." in words


def test_bars_say_the_sizes_that_each_scenario_trains_on(make_tables: MakeTables) -> None:
    figure, _ = draw(make_tables())
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["17\N{EN DASH}32", "33\N{EN DASH}48", "49\N{EN DASH}64", "17\N{EN DASH}64"]


def test_page_says_so_where_no_data_set_knows_the_size_of_its_objects(
    make_tables: MakeTables,
) -> None:
    figure, data = draw(make_tables(dataset="digits8"))
    assert "no data set here knows the size of its objects" in figure.texts[0].get_text()
    assert data.empty
