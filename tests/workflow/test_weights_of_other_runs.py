"""A run that begins with another run's weights is trained after it, and again when it changes."""

import json

FIRST, SECOND, THIRD = (f"tiny/stripes/{name}" for name in ("one", "second", "third"))


def origins(project, run):
    said = json.loads(project.path(f"out/runs/{run}/base/seeds-1-2/run.json").read_text())
    return [seed.get("origin", "trained") for seed in said["seeds"]]


def test_runs_begin_with_trained_and_imported_seeds_and_follow_what_is_before_them(project):
    """The second run begins with the first, one of its seeds is imported; the third with that."""
    for run, before in ((SECOND, f"{{run: {FIRST}}}"), (THIRD, f"{{run: {SECOND}, seed: 1}}")):
        project.add(run, **{"epochs: 2": f"epochs: 1\n  start_from: {before}"})
    (trained,) = project.path(f"out/runs/{FIRST}/base/.seeds").glob("1-*")
    words = (f"param-files/{SECOND}.yaml", "1", str(trained / "weights.safetensors"))
    done = project.run("isotrope", "import-weights", *words)
    assert done.returncode == 0, done.stdout

    project.make("runs", "--config", f"runs={THIRD}")

    assert [origins(project, run) for run in (SECOND, THIRD)] == [
        ["imported", "trained"],
        ["trained", "trained"],
    ]
    assert "1 to train, 1 are finished" in project.trained(SECOND)
    assert "2 to train" in project.trained(THIRD)
    assert project.planned("runs", "--config", f"runs={THIRD}") == {}
    project.edit(f"param-files/{FIRST}.yaml", "1.0e-2", "2.0e-2")
    planned = project.planned("runs", "--config", f"runs={THIRD}")
    assert planned == {"train": 3, "runs": 1}
