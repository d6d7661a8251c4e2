"""Tables that hold nothing of what a figure shows are refused, and which protocol is shown."""

from collections.abc import Callable
from pathlib import Path

import log_polar_tables
import pandas
import pytest
import scattering_tables
import shift_tables

from isotrope.errors import UserError
from isotrope.figures.general._shifts import of_protocols
from isotrope.results.drawing import draw_figure


@pytest.mark.parametrize(
    ("study", "name", "write"),
    [
        ("shift", "method_costs", shift_tables.write_shift_tables),
        ("scattering", "network_costs", scattering_tables.write_scattering_tables),
        ("log_polar", "layer_costs", log_polar_tables.write_log_polar_tables),
    ],
)
def test_a_table_without_costs_is_refused_with_the_program_that_writes_it(
    study: str, name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    write(tmp_path, seeds=[1])
    if study != "scattering":
        {"shift": shift_tables, "log_polar": log_polar_tables}[study].write_costs(tmp_path)
    path = tmp_path / f"{name}.csv"
    costs = pandas.read_csv(path)
    costs.assign(metric="of_another_kind").to_csv(path, index=False, lineterminator="\n")
    with pytest.raises(UserError, match=r"run `benchmarks/\w+\.py"):
        draw_figure(study, name, tmp_path, None, tmp_path / "figure")
    assert not list(tmp_path.glob("figure*"))


def test_times_of_seeds_that_all_diverged_are_refused(
    make_tables: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_tables(models=["standard"], seeds=[1, 2], status={("standard", 1): "diverged"})
    draw_figure("scale", "training_time", folder, None, tmp_path / "figure")
    runs = pandas.read_csv(folder / "runs.csv")
    runs.assign(status="diverged").to_csv(folder / "runs.csv", index=False, lineterminator="\n")
    with pytest.raises(UserError, match=r"runs\.csv has no seed that was trained to its end"):
        draw_figure("scale", "training_time", folder, None, tmp_path / "figure")


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ({"a": ["each", "cifar", "imagenet"]}, {"a": "cifar"}),
        ({"a": ["mine", "each"], "b": ["each", "imagenet"]}, {"a": "each", "b": "imagenet"}),
        ({"a": ["mine"], "b": ["cifar", "mine"]}, {"a": "mine", "b": "cifar"}),
    ],
)
def test_each_run_is_shown_under_the_first_protocol_that_it_was_measured_under(
    measured: dict[str, list[str]], shown: dict[str, str]
) -> None:
    pairs = [(run, protocol) for run, its in measured.items() for protocol in its]
    rows, protocols = of_protocols(pandas.DataFrame(pairs, columns=["run", "protocol"]))
    assert dict(zip(rows["run"], rows["protocol"], strict=True)) == shown
    known = ["cifar", "imagenet", "each", "mine"]
    assert protocols == sorted(set(shown.values()), key=known.index)
