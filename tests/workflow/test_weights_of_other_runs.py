"""A run that begins with another run's weights is trained after it, and again when it changes."""

import json

RUN = "tiny/stripes/fine"


def origins(project, run):
    said = json.loads(project.path(f"out/runs/{run}/base/seeds-1-2/run.json").read_text())
    return [seed.get("origin", "trained") for seed in said["seeds"]]


def test_a_run_begins_with_the_seeds_of_another_and_follows_its_changes(project):
    begin = "epochs: 1\n  start_from: {run: tiny/stripes/one}"
    project.add(RUN, **{"epochs: 2": begin})

    project.make("runs", "--config", f"runs={RUN}")

    assert "2 to train" in project.trained(RUN)
    assert project.planned("runs", "--config", f"runs={RUN}") == {}
    project.edit("param-files/tiny/stripes/one.yaml", "1.0e-2", "2.0e-2")
    planned = project.planned("runs", "--config", f"runs={RUN}")
    assert planned == {"train": 2, "runs": 1}


def test_a_run_may_begin_with_imported_weights(project):
    weights = next(project.path("out/runs/tiny/stripes/one/base/.seeds").glob("1-*"))
    project.add("tiny/stripes/theirs", **{"epochs: 2": "epochs: 3", "seeds: 1-2": "seeds: [1]"})
    begin = "epochs: 1\n  start_from: {run: tiny/stripes/theirs, seed: 1}"
    project.add(RUN, **{"epochs: 2": begin})

    done = project.run(
        "isotrope",
        "import-weights",
        "param-files/tiny/stripes/theirs.yaml",
        "1",
        str(weights / "weights.safetensors"),
    )
    assert done.returncode == 0, done.stdout
    project.make("runs", "--config", f"runs={RUN}")

    assert origins(project, "tiny/stripes/theirs") == ["imported"]
    assert "0 to train" in project.trained("tiny/stripes/theirs")
    assert origins(project, RUN) == ["trained", "trained"]
