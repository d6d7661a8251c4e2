"""A challenge by one command, on patches of textures: to the numbers; a plan of ensembles."""

import re

PARAM_FILE = """\
study: scattering
seeds: 1-3

dataset: {name: textures3, samples: 12, size: 16, test_images: 30}
model: {name: tiny, channels: 3}
training:
  epochs: 2
  batch_size: 12
  optimizer: {name: adam, learning_rate: 1.0e-2}
  augmentation: [{name: auto_augment}, {name: cutout, size: 8}]
  keep: last

evaluations: [accuracy]
resources: {gpu: 0, cpus: 1, runtime: 5m, memory: 1GB, seeds_per_job: 3}
"""
RUN = "tiny/textures3/mine"
WRITE = f"""\
from pathlib import Path
from isotrope.params.initialisations import with_initialisations
file = with_initialisations(Path("param-files/{RUN}.yaml"), 2, "dataset.subset_seed")
print(file.read_text())
"""


def test_one_command_trains_tests_and_tells(empty_project):
    file = empty_project.path(f"param-files/{RUN}.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(PARAM_FILE, encoding="utf-8")

    done = empty_project.run("isotrope", "challenge", RUN, "--", "--cores", "2", "--quiet", "all")

    assert done.returncode == 0, done.stdout
    assert "no param-file trains a baseline on the same images" in done.stdout
    rows = re.findall(r"^([123]) +(\d+\.\d\d)$", done.stdout, re.MULTILINE)
    assert [seed for seed, _ in rows] == ["1", "2", "3"]
    mean = sum(float(value) for _, value in rows) / 3
    told = re.search(r"^test accuracy: (\d+\.\d\d) ± \d", done.stdout, re.MULTILINE)
    assert abs(float(told[1]) - mean) < 0.011
    assert "minus" not in done.stdout  # nothing is published of textures

    again = empty_project.run(
        "isotrope", "challenge", file, "--initialisations", "2", "--", "-n", "--cores", "1"
    )

    assert again.returncode == 0, again.stdout
    assert re.search(r"^train +3$", again.stdout, re.MULTILINE)  # one for each set of images
    planned = f"param-files/{RUN}_2_initialisations.yaml"
    said = f"{planned} again, since this only plans; without -n it is written and stays\n"
    assert again.stdout.endswith(said)
    assert sorted(file.parent.iterdir()) == [file]
    written = empty_project.run("python", "-c", WRITE).stdout
    assert "dataset.subset_seed" in written
    assert "- seed_ensemble" in written

    broken = empty_project.path("plugins/models/broken.py")
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("import nothing_of_that_name\n", encoding="utf-8")

    refused = empty_project.run("isotrope", "challenge", "broken")

    assert refused.returncode == 2, refused.stdout
    assert "nothing_of_that_name" in refused.stdout
    assert "Traceback" not in refused.stdout
