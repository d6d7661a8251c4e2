"""How long Snakemake plans a study of 176 param-files x 2 points x 50 seeds in packs of 25."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARAM_FILE = """\
study: scale
seeds: 1-50
dataset: {{name: stir, task: emoji, scenario: mid2rest}}
model: {{name: standard, kernel_size: {size}}}
training: {{epochs: {epochs}, batch_size: 16, optimizer: {{name: adam, learning_rate: 1e-3}}}}
sweep: {{training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}}
evaluations: [accuracy, scale_generalization]
resources: {{seeds_per_job: 25}}
"""


def timed(*command, folder):
    begin = time.perf_counter()
    subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    return time.perf_counter() - begin


def main():
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("workflow", "profiles", "src", "envs"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "Snakefile", folder)
        for i in range(176):
            path = folder / f"param-files/standard/stir_emoji/run{i:03}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PARAM_FILE.format(size=3 + 2 * (i % 6), epochs=1 + i // 6))
        check = timed(programs / "isotrope", "check", "--write-index", folder=folder)
        plan = timed(programs / "snakemake", "-n", "--cores", "1", folder=folder)
        print(f"checking 176 param-files, once after a change: {check:.1f} s")
        print(f"`snakemake -n`, 704 trainings and 704 evaluations: {plan:.1f} s")


if __name__ == "__main__":
    main()
